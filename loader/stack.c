// SPDX-License-Identifier: GPL-2.0-only
/*
 * stack - a handle on a stack: opened, locked and closed
 */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "cleanup.h"
#include "commit.h"
#include "error.h"
#include "folder.h"
#include "hook.h"
#include "loop.h"
#include "measure.h"
#include "session.h"
#include "socket_block.h"
#include "stack.h"
#include "types.h"

int check_name(const char *what, const char *name, struct lana_error *error)
{
	if (!name || !*name)
		return refuse(error, -EINVAL, "the name of a %s may not be empty", what);
	if (strlen(name) >= LANA_NAME_MAX)
		return refuse(error, -EINVAL, "'%.64s' is longer than the %d bytes of a %s's name",
			      name, LANA_NAME_MAX - 1, what);
	for (const char *c = name; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr("_-.@+", *c))
			return refuse(error, -EINVAL,
				      "'%s' is no name for a %s (letters, digits, _ - . @ +)", name,
				      what);
	return 0;
}

const char *stack_path(const struct lana_stack *stack, char *path, size_t size, const char *format,
		       ...)
{
	int length = snprintf(path, size, "%s/", stack->folder);
	va_list args;

	va_start(args, format);
	vsnprintf(path + length, size - length, format, args);
	va_end(args);
	return path;
}

/* ---- opening -------------------------------------------------------------------------- */

/*
 * A power of two that no CPU's number exceeds: "0-3" or "0,2-7" is what the kernel says of those
 * that may ever come.
 */
static __u32 count_cpus(void)
{
	FILE *file = fopen("/sys/devices/system/cpu/possible", "re");
	long last = sysconf(_SC_NPROCESSORS_CONF) - 1;
	__u32 power = 1;
	char text[256], *number;

	if (file && fgets(text, sizeof(text), file)) {
		number = text + strlen(text);
		while (number > text && !strchr(",-", number[-1]))
			number--;
		last = strtol(number, NULL, 10);
	}
	if (file)
		fclose(file);
	while (power <= last && power < 1U << 15)
		power *= 2;
	return power;
}

static struct lana_stack *stack_new(const struct lana_stack_options *options, const char *bpffs)
{
	struct lana_stack *stack = calloc(1, sizeof(*stack));

	if (!stack)
		return NULL;
	pthread_mutex_init(&stack->mutex, NULL);
	stack->folder_fd = stack->registry_fd = stack->context_fd = stack->grace_fd = -1;
	for (int i = 0; i < LANA_FLAVOURS; i++)
		for (int j = 0; j < LANA_PATHS; j++)
			stack->tables[i][j] = -1;
	stack->cpus = count_cpus();
	stack->verbose = options->verbose;
	stack->cookie = options->cookie;
	stack->fuse = options->fuse;
	snprintf(stack->name, sizeof(stack->name), "%s", options->name ?: "default");
	snprintf(stack->folder, sizeof(stack->folder), "%s/lana/%s", bpffs, stack->name);
	snprintf(stack->types_path, sizeof(stack->types_path), "%s",
		 options->types ?: LANA_TYPES_DIR);
	snprintf(stack->netns, sizeof(stack->netns), "%s", options->netns ?: "");
	return stack;
}

static void close_stack_p(struct lana_stack **stack)
{
	lana_stack_close(*stack);
}

static int check_options(const struct lana_stack_options *options, struct lana_error *error)
{
	const struct lana_stack *stack = NULL;
	const char *name = options->name ?: "default";
	int err = check_name("stack", name, error);

	if (err)
		return err;
	if (strpbrk(name, ".@"))
		return refuse(error, -EINVAL, "'%s' is no name for a stack (no . or @)", name);
	if (strlen(options->bpffs ?: "") > 128)
		return refuse(error, -ENAMETOOLONG, "path of bpffs is too long");
	if (strlen(options->netns ?: "") >= sizeof(stack->netns))
		return refuse(error, -ENAMETOOLONG, "name of the network namespace is too long");
	if (strlen(options->types ?: "") >= sizeof(stack->types_path))
		return refuse(error, -ENAMETOOLONG, "path of the types' folders is too long");
	return 0;
}

/* -ESTALE: what was there is removed now, and its handle of no more use. */
static int open_stack(struct lana_stack *stack, bool create, struct lana_error *error)
{
	int err = folder_open(stack, create, &stack->folder_fd, error);
	char path[320];
	bool is_new;

	if (err)
		return err;
	is_new = access(stack_path(stack, path, sizeof(path), "registry"), F_OK);
	err = stack_open_maps(stack, create, error);
	if (err == -ESTALE)
		return flush_locked(stack, error) ?: -ESTALE;
	if (err && is_new) /* half made, or half removed */
		folder_remove(stack);
	return err;
}

int lana_stack_open(const struct lana_stack_options *options, struct lana_stack **result,
		    struct lana_error *error)
{
	const char *bpffs = options->bpffs ?: "/sys/fs/bpf";
	int err;

	err = check_options(options, error);
	if (!err)
		err = folder_check_bpffs(bpffs, error);
	if (err)
		return err;

	do {
		_cleanup_(close_stack_p) struct lana_stack *stack = stack_new(options, bpffs);

		if (!stack)
			return refuse(error, -ENOMEM, "out of memory");
		err = open_stack(stack, options->create, error);
		if (err)
			continue;
		flock(stack->folder_fd, LOCK_UN);
		*result = TAKE_PTR(stack);
	} while (err == -ESTALE);
	return err;
}

/* A first command that was refused leaves no stack behind. */
static void remove_unused(struct lana_stack *stack)
{
	if (!stack->created || stack_lock(stack, NULL))
		return;
	if (!stack->registry->generation && !types_any(stack))
		flush_locked(stack, NULL);
	stack_unlock(stack);
}

void lana_stack_close(struct lana_stack *stack)
{
	if (!stack)
		return;

	remove_unused(stack);
	types_forget(stack);
	bpf_object__close(stack->roots);
	stack_close_maps(stack);
	close_p(&stack->folder_fd);
	pthread_mutex_destroy(&stack->mutex);
	free(stack);
}

/* ---- locking -------------------------------------------------------------------------- */

/* What other processes may have changed since this handle looked last. */
static int catch_up(struct lana_stack *stack, struct lana_error *error)
{
	int err;

	if (stack->registry->magic != REGISTRY_MAGIC)
		return refuse(error, -ENOENT, "stack '%s' has been flushed", stack->name);

	for (int flavour = 0; flavour < LANA_FLAVOURS; flavour++)
		if (stack->registry->tables &
		    (table_bit(flavour, LANA_INGRESS) | table_bit(flavour, LANA_EGRESS))) {
			err = stack_open_tables(stack, flavour, error);
			if (err)
				return err;
		}
	if (stack->types_generation != stack->registry->types_generation) {
		types_forget(stack);
		stack->types_generation = stack->registry->types_generation;
	}
	if (stack->measurings != stack->registry->measured)
		measure_close(stack);
	return 0;
}

int stack_lock_as_is(struct lana_stack *stack, struct lana_error *error)
{
	int err = 0;

	pthread_mutex_lock(&stack->mutex);
	while (!err && flock(stack->folder_fd, LOCK_EX))
		if (errno != EINTR)
			err = refuse(error, -errno, "cannot lock the stack: %s", strerror(errno));
	if (!err)
		err = catch_up(stack, error);
	if (err) {
		flock(stack->folder_fd, LOCK_UN);
		pthread_mutex_unlock(&stack->mutex);
	}
	return err;
}

static void release(struct lana_stack *stack)
{
	flock(stack->folder_fd, LOCK_UN);
	pthread_mutex_unlock(&stack->mutex);
}

/* It is locked as it is. */
static int make_whole(struct lana_stack *stack, struct lana_error *error)
{
	int err = 0;

	stack->unfinished = false;
	if (stack->registry->busy)
		err = commit_recover(stack, error);
	if (!err) {
		__atomic_store_n(&stack->registry->busy, getpid(), __ATOMIC_RELEASE);
		err = session_reap(stack, error);
	}
	if (!err)
		err = sockets_reap(stack, error);
	if (err)
		release(stack); /* still busy: the next one has to try again */
	else
		stack->generation = stack->registry->generation;
	return err;
}

int stack_lock(struct lana_stack *stack, struct lana_error *error)
{
	return stack_lock_as_is(stack, error) ?: make_whole(stack, error);
}

int stack_try_lock(struct lana_stack *stack, struct lana_error *error)
{
	int err;

	if (pthread_mutex_trylock(&stack->mutex))
		return -EWOULDBLOCK;
	err = flock(stack->folder_fd, LOCK_EX | LOCK_NB) ? -errno : catch_up(stack, error);
	if (err) {
		if (err != -EWOULDBLOCK)
			flock(stack->folder_fd, LOCK_UN);
		pthread_mutex_unlock(&stack->mutex);
		return err;
	}
	return make_whole(stack, error);
}

/*
 * A journal that is still pending is the next one's to carry out, and what could not be taken back
 * is the next one's to tidy up.
 */
void stack_unlock(struct lana_stack *stack)
{
	bool changed = stack->generation != stack->registry->generation;
	bool stands = stack->registry->magic == REGISTRY_MAGIC && !stack->registry->pending;

	if (stack->fuse && changed && stands && !stack->unfinished)
		commit_fuse(stack, NULL); /* if it is refused the stack works as it is */
	if (stands && !stack->registry->pending)
		loops_settle(stack);
	if (!stack->registry->pending && !stack->unfinished)
		__atomic_store_n(&stack->registry->busy, 0, __ATOMIC_RELEASE);
	release(stack);
}

void locked_release(struct locked *locked)
{
	stack_unlock(locked->stack);
}

int stack_find(const struct lana_stack *stack, const char *name, __u32 *idp,
	       struct lana_error *error)
{
	__u32 found = registry_find(stack->registry, name);

	if (!found)
		return refuse(error, -ENOENT, "no block '%s'", name);
	*idp = found;
	return 0;
}

int stack_range(const struct lana_stack *stack, const char *name, __u32 *first, __u32 *limit,
		struct lana_error *error)
{
	*first = 1;
	*limit = stack->registry->limit;
	if (name) {
		int err = stack_find(stack, name, first, error);

		if (err)
			return err;
		*limit = *first + 1;
	}
	return 0;
}

uint32_t lana_stack_generation(struct lana_stack *stack)
{
	return __atomic_load_n(&stack->registry->generation, __ATOMIC_RELAXED);
}
