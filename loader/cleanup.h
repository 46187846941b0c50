/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cleanup - locals that release what they own
 */
#ifndef LOADER_CLEANUP_H
#define LOADER_CLEANUP_H

#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(release) __attribute__((cleanup(release)))

#define ARRAY_SIZE(array)  (sizeof(array) / sizeof((array)[0]))

static inline void free_p(void *pointer)
{
	free(*(void **)pointer);
}

static inline void close_p(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

#define _cleanup_free_	_cleanup_(free_p)
#define _cleanup_close_ _cleanup_(close_p)

/* Hand over what a cleanup local owns. */
#define TAKE_FD(fd)                \
	({                         \
		int *_fd = &(fd);  \
		int _taken = *_fd; \
		*_fd = -1;         \
		_taken;            \
	})

#define TAKE_PTR(pointer)                             \
	({                                            \
		__typeof__(pointer) *_p = &(pointer); \
		__typeof__(pointer) _taken = *_p;     \
		*_p = NULL;                           \
		_taken;                               \
	})

#endif
