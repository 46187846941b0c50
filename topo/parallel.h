/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * parallel - do many things at once, in threads that end with them
 *
 * The threads may go to other namespaces, as nothing of them outlives the call.
 */
#ifndef TOPO_PARALLEL_H
#define TOPO_PARALLEL_H

#include <stddef.h>

/* Call work for each number below count. -EAGAIN: not one thread could be started. */
int parallel(size_t count, void (*work)(void *cookie, size_t number), void *cookie);

#endif
