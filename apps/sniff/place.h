/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * place.h - where in a stack lana-sniff listens
 *
 *	               ┌──────┐
 *	  upper        │ NAME │ the socket
 *	    ▲          └──▲───┘
 *	    │ 0     ┌─────┴───────┐
 *	    │       │ NAME-filter │ if there is an expression
 *	 ┌──┴─────┐ └─────▲───────┘
 *	 │NAME-tee├───────┘ 1          if the port led somewhere
 *	 └──▲─────┘
 *	  below
 */
#ifndef SNIFF_PLACE_H
#define SNIFF_PLACE_H

#include <lana/lana.h>

struct place {
	struct lana_stack *stack;
	const char *name;  /* of the socket's block */
	const char *below; /* the block whose port is listened at */
	const char *port;  /* NULL: of a block that copies the first one that is free, else 0 */
	const char *expression; /* of pcap-filter(7); NULL: everything */
	enum lana_path path;
};

/* In one commit. What a killed program of the same name has left goes with it. */
int place_take(const struct place *place, struct lana_error *error);

/* Remove what place_take() has added, and lead past it what it was put between. */
int place_leave(const struct place *place, struct lana_error *error);

#endif
