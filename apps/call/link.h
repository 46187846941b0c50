/* SPDX-License-Identifier: GPL-2.0-only */
/* link.h - the call's socket, as its threads use it */
#ifndef CALL_LINK_H
#define CALL_LINK_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <lana/socket.h>

struct link;

/*
 * Over a socket that is open and bound, and outlasts the link; address: the call's own. -EMSGSIZE:
 * frames of a call are larger than those that the socket takes.
 */
int link_new(struct lana_socket *socket, const uint8_t address[6], struct link **link);
void link_free(struct link *link);

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
