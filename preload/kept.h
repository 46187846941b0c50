/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kept - descriptors that the library itself has
 *
 * Programs close what they do not know, up to the last number there may be: with these their
 * sockets would be gone, or would read from what has got the number since.
 */
#ifndef KEPT_H
#define KEPT_H

#include <stdbool.h>

#include <lana/socket.h>

#define FDS_MAX 65536 /* larger descriptors are not ours */

/* The socket's descriptors are the library's to close from now on; or (on false) no more. */
void kept_socket(const struct lana_socket *socket, bool on);
void kept_set(int fd, bool on);

/* Is it not the program's to close? */
bool kept_is(int fd);

#endif
