/* SPDX-License-Identifier: GPL-2.0-only */
/* places - what LANA_PRELOAD says: sockets that stand for devices of AF_PACKET */
#ifndef PLACES_H
#define PLACES_H

#include <net/if.h>
#include <stdbool.h>

#include <lana/abi.h>

struct place {
	const char *text; /* where it is said */
	char device[IFNAMSIZ];
	char name[LANA_NAME_MAX], lower[LANA_NAME_MAX]; /* lower: may be empty */
};

/* 1: something is said of AF_PACKET, 0: nothing. -1: it makes no sense, which was said; errno. */
int places_check(void);

/* device NULL: the first one there is. */
bool places_find(const char *device, struct place *place);

#endif
