// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_writers - eight writers at once on one stack: each change takes effect or is refused
 *
 *	 writers
 *	+----------------------------------------------------+
 *	|  w0 (xdp) ---+                                     |
 *	|              +--- b0 … b11, bound at random        |
 *	|  w1 (tc) ----+                                     |
 *	+----------------------------------------------------+
 *
 * Once the writers are processes, each with a handle of its own, once threads that share one.
 * All work on the same dozen names, so that they meet. Each books what succeeded. In the end the
 * books of all must agree with the stack: as many changes as the generation says, each name added
 * once more than removed exactly if it is there, every value and every edge one that somebody
 * has set. A further process checks the stack all the while. WRITERS_SEED repeats a run, as far as
 * the scheduler lets it; WRITERS_CHANGES is the number of changes a writer tries (300).
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "inspect.h"
#include "tap.h"
#include "topology.h"

#define NETNS	 "writers"
#define WRITERS	 8
#define BLOCKS	 12
#define DEVICES	 2
#define NAMES	 (BLOCKS + DEVICES)
#define PORTS	 2
#define SETS_MAX 4096

enum kind { ADD, RM, SET, BIND, UNBIND, REPLACE, KINDS };

static const char *const kind_names[KINDS] = { "add", "rm", "set", "bind", "unbind", "replace" };
static const char *const types[] = { "counter", "forward", "mark", "mark", "ttl", "ethertype" };

#define TYPES_COUNT (sizeof(types) / sizeof(types[0]))

/* What a writer has done; in memory that the test shares with it. */
struct book {
	unsigned int done[KINDS], refused[KINDS];
	unsigned int added[NAMES], removed[NAMES];
	bool bound[NAMES][NAMES][LANA_PATHS][PORTS]; /* from, to */
	unsigned int sets;
	char strange[512]; /* a refusal that should not be */
};

static struct shared {
	struct book books[WRITERS];
	unsigned int changes;
	unsigned int faults; /* that the checker met */
	bool done;
} * shared;

static char names[NAMES][LANA_NAME_MAX];
static unsigned int seed;

static struct lana_stack *open_stack(void)
{
	const struct lana_stack_options options = { .bpffs = topology_bpffs(),
						    .netns = NETNS,
						    .create = true };
	struct lana_error error = {};
	struct lana_stack *stack;

	if (lana_stack_open(&options, &stack, &error))
		tap_bail("%s", error.text);
	return stack;
}

/* ---- a writer ----------------------------------------------------------------------------- */

struct writer {
	struct lana_stack *stack;
	struct book *book;
	unsigned int number, seed;
};

static unsigned int pick(struct writer *writer, unsigned int count)
{
	return (rand_r(&writer->seed) >> 8) % count;
}

/* What a writer sets says who it was, and is never 0. */
static unsigned int stamp(const struct writer *writer, unsigned int sets)
{
	return writer->number * SETS_MAX + sets + 1;
}

static int set(struct writer *writer, unsigned int name, struct lana_error *error)
{
	char value[32];
	const char *options[] = { value, NULL };

	snprintf(value, sizeof(value), "value=%u", stamp(writer, writer->book->sets++));
	return lana_block_set(writer->stack, names[name], options, error);
}

static int bind_some(struct writer *writer, struct lana_error *error)
{
	unsigned int from = pick(writer, NAMES), to = pick(writer, NAMES);
	unsigned int port = pick(writer, PORTS);
	enum lana_path path = pick(writer, LANA_PATHS);
	struct lana_bind_options options = { .port = port ? "1" : "0" };
	bool up = path == LANA_INGRESS;
	int err;

	*(up ? &options.ingress : &options.egress) = true;
	err = lana_bind(writer->stack, names[up ? to : from], names[up ? from : to], &options,
			error);
	if (!err)
		writer->book->bound[from][to][path][port] = true;
	return err;
}

/* Look for an edge; it may be gone when it is to be undone. */
static int unbind_some(struct writer *writer, struct lana_error *error)
{
	const char *from = names[pick(writer, NAMES)];
	struct lana_bind_options options = {};
	struct lana_block_info *block;
	struct lana_edge edge;
	char port[16];
	size_t count;
	bool up;
	int err;

	err = lana_block_list(writer->stack, from, &block, &count, error);
	if (err)
		return err;
	if (!block->edges_count) {
		free(block);
		return lana_unbind(writer->stack, from, from, NULL, error);
	}
	edge = block->edges[pick(writer, block->edges_count)];
	free(block);

	up = edge.path == LANA_INGRESS;
	snprintf(port, sizeof(port), "%u", edge.port);
	options.port = port;
	*(up ? &options.ingress : &options.egress) = true;
	return lana_unbind(writer->stack, up ? edge.to_name : from, up ? from : edge.to_name,
			   &options, error);
}

static int try_change(struct writer *writer, enum kind kind, struct lana_error *error)
{
	unsigned int name = pick(writer, NAMES);
	const char *type = types[pick(writer, TYPES_COUNT)];
	int err;

	switch (kind) {
	case ADD:
		err = lana_block_add(writer->stack, names[name], type, NULL, error);
		writer->book->added[name] += !err;
		return err;
	case RM:
		err = lana_block_rm(writer->stack, names[name], error);
		writer->book->removed[name] += !err;
		return err;
	case SET:
		return set(writer, name, error);
	case REPLACE:
		return lana_block_replace(writer->stack, names[name], type, NULL, pick(writer, 2),
					  error);
	case BIND:
		return bind_some(writer, error);
	default:
		return unbind_some(writer, error);
	}
}

/* Reasons that the state of a stack can give to refuse a change. */
static bool is_reason(int err, const struct lana_error *error)
{
	return *error->text && (err == -EEXIST || err == -ENOENT || err == -EBUSY ||
				err == -EINVAL || err == -ERANGE);
}

static void *write_all(void *cookie)
{
	/* Enough unbinds for something to be removed, and added again. */
	static const enum kind mix[] = { ADD,  ADD,    RM,     SET,    SET,
					 BIND, UNBIND, UNBIND, UNBIND, REPLACE };
	struct writer *writer = cookie;

	for (unsigned int i = 0; i < shared->changes; i++) {
		enum kind kind = mix[pick(writer, sizeof(mix) / sizeof(mix[0]))];
		struct lana_error error = {};
		int err;

		err = try_change(writer, kind, &error);
		if (!err)
			writer->book->done[kind]++;
		else
			writer->book->refused[kind]++;
		if (err && !is_reason(err, &error))
			snprintf(writer->book->strange, sizeof(writer->book->strange),
				 "%s: %s: %.400s", kind_names[kind], strerror(-err), error.text);
	}
	return NULL;
}

static struct writer make_writer(unsigned int number)
{
	return (struct writer){ .book = &shared->books[number],
				.number = number,
				.seed = seed + number };
}

/* ---- eight of them -------------------------------------------------------------------------- */

static pid_t start(void (*work)(unsigned int number), unsigned int number)
{
	pid_t pid = tap_fork();

	if (pid)
		return pid;
	work(number);
	_exit(0);
}

static bool succeeded(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return false;
	return WIFEXITED(status) && !WEXITSTATUS(status);
}

static void write_in_process(unsigned int number)
{
	struct writer writer = make_writer(number);

	writer.stack = open_stack();
	write_all(&writer);
	lana_stack_close(writer.stack);
}

static bool run_processes(struct lana_stack *stack)
{
	pid_t pids[WRITERS];
	bool good = true;

	(void)stack;
	for (unsigned int i = 0; i < WRITERS; i++)
		pids[i] = start(write_in_process, i);
	for (unsigned int i = 0; i < WRITERS; i++)
		good &= succeeded(pids[i]);
	return good;
}

static bool run_threads(struct lana_stack *stack)
{
	struct writer writers[WRITERS];
	pthread_t threads[WRITERS];

	for (unsigned int i = 0; i < WRITERS; i++) {
		writers[i] = make_writer(i);
		writers[i].stack = stack;
		if (pthread_create(&threads[i], NULL, write_all, &writers[i]))
			tap_bail("no thread");
	}
	for (unsigned int i = 0; i < WRITERS; i++)
		pthread_join(threads[i], NULL);
	return true;
}

static void check_all_the_while(unsigned int number)
{
	struct lana_stack *stack = open_stack();

	(void)number;
	while (!__atomic_load_n(&shared->done, __ATOMIC_ACQUIRE)) {
		shared->faults += inspect_faults(stack) != 0;
		usleep(2000);
	}
	lana_stack_close(stack);
}

/* ---- the account ---------------------------------------------------------------------------- */

static int number_of(const char *name)
{
	for (int i = 0; i < NAMES; i++)
		if (!strcmp(names[i], name))
			return i;
	return -1;
}

static bool somebody_bound(unsigned int from, const struct lana_edge *edge)
{
	int to = number_of(edge->to_name);

	if (edge->port >= PORTS || to < 0)
		return false;
	if (from >= BLOCKS && (int)from == to) /* a device at tc leads to itself at first */
		return true;
	for (unsigned int i = 0; i < WRITERS; i++)
		if (shared->books[i].bound[from][to][edge->path][edge->port])
			return true;
	return false;
}

static bool somebody_set(const char *text)
{
	unsigned long value = strtoul(text, NULL, 10), writer = (value - 1) / SETS_MAX;

	return !value || (writer < WRITERS && (value - 1) % SETS_MAX < shared->books[writer].sets);
}

static void settle_blocks(struct lana_stack *stack, const char *who)
{
	unsigned int there[NAMES] = {}, strangers = 0, wrong = 0, edges = 0, values = 0;
	struct lana_block_info *blocks;
	size_t count;

	if (lana_block_list(stack, NULL, &blocks, &count, NULL))
		tap_bail("the stack cannot be listed");
	for (size_t i = 0; i < count; i++) {
		int name = number_of(blocks[i].name);

		if (name < 0 || there[name]++) {
			strangers++;
			continue;
		}
		for (size_t j = 0; j < blocks[i].edges_count; j++)
			edges += !somebody_bound(name, &blocks[i].edges[j]);
		for (size_t j = 0; j < blocks[i].config_count; j++)
			if (!strcmp(blocks[i].config[j].name, "value"))
				values += !somebody_set(blocks[i].config[j].text);
	}
	for (unsigned int name = 0; name < BLOCKS; name++) {
		int balance = 0;

		for (unsigned int i = 0; i < WRITERS; i++)
			balance += shared->books[i].added[name] - shared->books[i].removed[name];
		wrong += balance != (int)there[name];
	}
	free(blocks);

	tap_is(strangers, 0, "%s: nothing is there that nobody added, or twice", who);
	tap_is(wrong, 0, "%s: a block is there if it was added once more than removed", who);
	tap_is(edges, 0, "%s: every edge was bound by somebody", who);
	tap_is(values, 0, "%s: every value was set by somebody", who);
}

static void settle(struct lana_stack *stack, const char *who, uint32_t generation)
{
	unsigned int done[KINDS] = {}, refused[KINDS] = {}, all = 0, strange = 0;

	for (unsigned int i = 0; i < WRITERS; i++) {
		const struct book *book = &shared->books[i];

		for (int kind = 0; kind < KINDS; kind++) {
			done[kind] += book->done[kind];
			refused[kind] += book->refused[kind];
			all += book->done[kind];
		}
		if (*book->strange) {
			strange++;
			tap_note("%s", book->strange);
		}
	}
	for (int kind = 0; kind < KINDS; kind++)
		tap_note("%s: %s: %u done, %u refused", who, kind_names[kind], done[kind],
			 refused[kind]);
	tap_ok(done[ADD] && done[RM] && done[SET] && done[BIND] && done[UNBIND] && done[REPLACE],
	       "%s: changes of every kind were made", who);
	tap_is(strange, 0, "%s: what was refused was refused for a reason", who);
	tap_is(lana_stack_generation(stack) - generation, all,
	       "%s: the generation counts the changes made", who);
	settle_blocks(stack, who);
	tap_is(shared->faults, 0, "%s: the stack was sound at every moment", who);
	tap_is(inspect_faults(stack), 0, "%s: and is in the end", who);
}

static void run(const char *who, bool (*writers)(struct lana_stack *stack))
{
	static const struct lana_hook_options hooks[DEVICES] = { { .hook = LANA_HOOK_XDP },
								 { .hook = LANA_HOOK_TC } };
	struct lana_stack *stack = open_stack();
	struct lana_error error = {};
	struct leftovers *left;
	uint32_t generation;
	pid_t checker;

	memset(shared->books, 0, sizeof(shared->books));
	shared->faults = 0;
	shared->done = false;
	for (int i = 0; i < DEVICES; i++)
		if (lana_hook(stack, names[BLOCKS + i], &hooks[i], &error))
			tap_bail("%s", error.text);
	generation = lana_stack_generation(stack);

	checker = start(check_all_the_while, 0);
	tap_ok(writers(stack), "%s: all eight come to their end", who);
	__atomic_store_n(&shared->done, true, __ATOMIC_RELEASE);
	tap_ok(succeeded(checker), "%s: so does the checker", who);
	settle(stack, who, generation);

	left = leftovers_note("default");
	tap_is(lana_stack_flush(stack, &error), 0, "%s: the stack is flushed", who);
	lana_stack_close(stack);
	tap_ok(!leftovers_pinned("default"), "%s: no pin is left", who);
	tap_is(leftovers_wait(left), 0, "%s: no map and no program is left", who);
}

int main(void)
{
	const char *changes = getenv("WRITERS_CHANGES"), *again = getenv("WRITERS_SEED");

	topology_begin();
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (shared == MAP_FAILED)
		tap_bail("no memory");
	shared->changes = changes ? strtoul(changes, NULL, 10) : 300;
	if (shared->changes > SETS_MAX)
		shared->changes = SETS_MAX;
	seed = again ? strtoul(again, NULL, 10) : (unsigned int)time(NULL);
	tap_note("WRITERS_SEED=%u WRITERS_CHANGES=%u", seed, shared->changes);

	for (int i = 0; i < BLOCKS; i++)
		snprintf(names[i], sizeof(names[i]), "b%d", i);
	for (int i = 0; i < DEVICES; i++)
		snprintf(names[BLOCKS + i], sizeof(names[i]), "w%d", i);
	topology_netns(NETNS);
	topology_veth(NETNS, "w0", NETNS, "w1");

	run("processes", run_processes);
	run("threads", run_threads);
	return tap_done();
}
