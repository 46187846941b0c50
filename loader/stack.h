/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * stack - a process's handle on a stack, and the stack's folder in bpffs
 *
 *	BPFFS/lana/NAME/		its lock is the stack's (flock)
 *		registry		struct registry
 *		context			struct lana_context of every CPU; a word of enum lana_side
 *		table@FLAVOUR@PATH	prog array, see LANA_SLOTS
 *		cells@N			page N of counter cells
 *		grace			array of maps; updating it waits for all programs to finish
 *		shared/			maps that types share, by name
 *		types/NAME@VERSION	a type's object file
 *		links/IDP@HOOK		what keeps a root attached
 *		state/CELL@MAP		a block's copy of a map that its type declares
 *		filters/NUMBER		a block's filter
 *		loops@page		struct lana_loops, once copies were needed at XDP
 *		loops@N			device map that makes N copies
 *		events			struct event_log, once a block has been there that publishes
 *		probes/cells@N		page N of what is measured, see probe.h
 *		probes/N/		session N; its lock is held by who watches
 *			events		perf event array
 *			counts		struct probe_counts of every CPU; a word
 *		sockets/TAG/		a socket; its lock is held by its process
 */
#ifndef LOADER_STACK_H
#define LOADER_STACK_H

#include <pthread.h>

#include <lana/lana.h>

#include "probe.h"
#include "registry.h"
#include "type.h"

/* Where types are looked up if nobody says otherwise. */
#ifndef LANA_TYPES_DIR
#define LANA_TYPES_DIR "/usr/local/lib/lana/blocks"
#endif

#define PAGES_MAX (2 * LANA_BLOCKS_MAX / LANA_PAGE_CELLS + 1)

struct page {
	int fd;
	void *cells; /* NULL: not opened */
};

struct lana_stack {
	pthread_mutex_t mutex;
	char name[LANA_NAME_MAX];
	char folder[256];      /* in bpffs */
	char types_path[1024]; /* where type names are looked up */
	char netns[64];
	void (*verbose)(void *cookie, const char *text);
	void *cookie;

	int folder_fd; /* bears the lock */
	int registry_fd;
	struct registry *registry;
	int context_fd, grace_fd;
	void *context;			       /* mapped */
	int tables[LANA_FLAVOURS][LANA_PATHS]; /* -1: the flavour is not in use */
	__u32 cpus;			       /* a power of two, not less than the possible CPUs */
	struct page pages[PAGES_MAX];
	struct page measured[PROBE_PAGES_MAX]; /* struct probe_cell */
	__u32 measurings;		       /* that they are of */
	struct page events;		       /* struct event_log */
	struct page loops;		       /* struct lana_loops */

	struct type *types;	  /* parsed and verified by this handle */
	__u32 types_generation;	  /* that they are of */
	bool created;		  /* by this handle */
	bool unfinished;	  /* what was begun could not be taken back: the next one shall */
	bool fuse;		  /* after each change */
	__u32 generation;	  /* when it was locked */
	struct bpf_object *roots; /* NULL: not loaded yet */
};

/*
 * Lock the stack against other threads and processes, and finish or undo what one of them left
 * that was killed. Every public function works between these two.
 */
int stack_lock(struct lana_stack *stack, struct lana_error *error);

/* The same without waiting. -EWOULDBLOCK: somebody else is at work. */
int stack_try_lock(struct lana_stack *stack, struct lana_error *error);

void stack_unlock(struct lana_stack *stack);

/* Lock it without mending it: for removing it. */
int stack_lock_as_is(struct lana_stack *stack, struct lana_error *error);

/* stack_unlock() as a cleanup. */
struct locked {
	struct lana_stack *stack;
};

void locked_release(struct locked *locked);

#define LOCKED(stack) \
	_cleanup_(locked_release) __attribute__((unused)) struct locked _locked = { stack }

/* "FOLDER/…" as printf would write it. */
__attribute__((format(printf, 4, 5))) const char *
stack_path(const struct lana_stack *stack, char *path, size_t size, const char *format, ...);

/*
 * The cell's memory on CPU 0; that of CPU c is c << LANA_PAGE_SHIFT bytes on. Behind the last CPU,
 * as CPU stack->cpus, is what was counted in another layout, and behind that, as CPU
 * stack_user_part(), what a worker counts. NULL: no memory.
 */
struct lana_cell *stack_cell(struct lana_stack *stack, __u32 cell);

static inline __u32 stack_page_size(const struct lana_stack *stack)
{
	return (stack->cpus + 2) << LANA_PAGE_SHIFT;
}

static inline __u32 stack_user_part(const struct lana_stack *stack)
{
	return stack->cpus + 1;
}

static inline struct lana_cell *cell_on_cpu(struct lana_cell *cell, __u32 cpu)
{
	return (void *)cell + ((size_t)cpu << LANA_PAGE_SHIFT);
}

/*
 * A map of one value that is pinned in the stack's folder and mapped into memory: opened, or made.
 * -EPROTO: it is not of that size.
 */
int stack_map_page(struct lana_stack *stack, const char *name, const char *pin, __u32 size,
		   struct page *page);
void stack_unmap_page(struct page *page, __u32 size);

/* Where the contexts of all CPUs end, and the word stands that says which side packets take. */
static inline __u32 stack_side_word(const struct lana_stack *stack)
{
	return stack->cpus << LANA_CONTEXT_SHIFT;
}

/*
 * Open what makes up a stack, or make it; the folder is locked. The registry's magic is written
 * last: a stack whose maker was killed is completed by the next one. -ESTALE: it is being
 * flushed, by one that was killed.
 */
int stack_open_maps(struct lana_stack *stack, bool create, struct lana_error *error);
void stack_close_maps(struct lana_stack *stack);

/* Is a table in use? */
static inline bool stack_uses(const struct lana_stack *stack, int flavour, int path)
{
	return stack->registry->tables & table_bit(flavour, path);
}

/* Open or make the jump tables of a flavour. */
int stack_open_tables(struct lana_stack *stack, enum lana_flavour flavour,
		      struct lana_error *error);

/* Return when no program that ran at the time of the call runs any more. */
int stack_grace(struct lana_stack *stack);

/* Name the worker that has a block, if one has: its IDP. Else 0, and name is untouched. */
__u32 stack_worker_of(const struct lana_stack *stack, __u32 idp, char name[LANA_NAME_MAX]);

/*
 * For how many ms a worker, which comes round once a second at least, has not: it was stopped, or a
 * half does not return. 0: for less than STACK_SILENT_MS, or the block is no worker.
 */
#define STACK_SILENT_MS 3000
__u32 stack_silence_of(struct lana_stack *stack, __u32 worker);

/* Find the block; -ENOENT says so in error. */
int stack_find(const struct lana_stack *stack, const char *name, __u32 *idp,
	       struct lana_error *error);

/* IDPs of the blocks asked for: one, or all (NULL). *limit is one past the last to look at. */
int stack_range(const struct lana_stack *stack, const char *name, __u32 *first, __u32 *limit,
		struct lana_error *error);

/* Is it fit to be the name of a block or a stack? -EINVAL says why not. */
int check_name(const char *what, const char *name, struct lana_error *error);

#endif
