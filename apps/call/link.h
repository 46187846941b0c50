/* SPDX-License-Identifier: GPL-2.0-only */
/* link.h - the call's socket: a block of a stack, on top of another one */
#ifndef CALL_LINK_H
#define CALL_LINK_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <lana/lana.h>
#include <lana/socket.h>

struct link;

struct link_options {
	struct lana_stack_options stack;
	const char *name;	/* of the socket's block */
	const char *below;	/* the block that it stands on */
	const char *port;	/* of that one, by which frames come up; NULL: 0 */
	const uint8_t *address; /* its Ethernet address; NULL: that of the device below */
};

int link_open(const struct link_options *options, struct link **link, struct lana_error *error);
void link_close(struct link *link);

struct lana_stack *link_stack(struct link *link);
const uint8_t *link_address(const struct link *link);

/* Any thread may send. -EAGAIN: the frame is lost, as there was no room for it for a while. */
int link_send(struct link *link, const void *frame, size_t length);

/* One thread receives. *arrival is CLOCK_MONOTONIC, in ns. */
ssize_t link_receive(struct link *link, void *frame, size_t size, uint64_t *arrival,
		     uint64_t timeout_ns);

/*
 * Frames that came and were lost: as the program was too slow; or as too many came at once, or the
 * socket's device was down.
 */
struct link_losses {
	uint64_t overruns, full;
};

struct link_losses link_losses(struct link *link);

#endif
