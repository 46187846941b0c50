// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_commit - many changes are one: for packets, and for whoever fails half way
 *
 *	 generator     stack                                              checker
 *	+--------+    +----------------------------------------------+    +--------+
 *	|     g0 |----| in0 ─► a0 … a11 ─► turn ─► a12 … a24 ─► out0 |----| c0     |
 *	|     g1 |----| in1 ─► b0 … b24 ─────────────────────► out1  |----| c1     |
 *	+--------+    +----------------------------------------------+    +--------+
 *
 * Each of the 50 blocks drops packets that have met one of another version, so a packet that sees
 * a mixture is lost, and the books tell. LANA_SOAK=N takes N times as many commits.
 */
#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "inspect.h"
#include "tap.h"
#include "topology.h"
#include "traffic.h"

#define STACK  "commit"
#define CHAIN  25
#define TURN   12 /* blocks of the first chain before it turns */
#define BLOCKS (2 * CHAIN)
#define FLOWS  2

static struct lana_stack *stack;

static void must(int err, const struct lana_error *error, const char *what)
{
	if (err)
		tap_bail("%s: %s", what, error && *error->text ? error->text : strerror(-err));
}

static unsigned int soak(void)
{
	const char *text = getenv("LANA_SOAK");

	return text && atoi(text) > 0 ? atoi(text) : 1;
}

static const char *types_path(void)
{
	static char path[2 * PATH_MAX + 64];

	if (!*path) {
		char blocks[PATH_MAX];

		snprintf(blocks, sizeof(blocks), "%s", inspect_build("bpf/blocks"));
		snprintf(path, sizeof(path), "%s:%s", blocks, inspect_build("selftests/blocks"));
	}
	return path;
}

static struct lana_stack *open_stack(void)
{
	const struct lana_stack_options options = { .name = STACK,
						    .bpffs = topology_bpffs(),
						    .types = types_path(),
						    .netns = "stack",
						    .create = true };
	struct lana_stack *opened;
	struct lana_error error = {};

	must(lana_stack_open(&options, &opened, &error), &error, "no stack");
	return opened;
}

/* ---- commits ---------------------------------------------------------------------------- */

static struct lana_commit *begin(struct lana_stack *on)
{
	struct lana_commit *commit;

	must(lana_commit_begin(on, &commit), NULL, "begin");
	return commit;
}

static const char *name_of(char name[LANA_NAME_MAX], unsigned int block)
{
	snprintf(name, LANA_NAME_MAX, "%c%u", block < CHAIN ? 'a' : 'b', block % CHAIN);
	return name;
}

static const char *device(char name[LANA_NAME_MAX], const char *stem, unsigned int flow)
{
	snprintf(name, LANA_NAME_MAX, "%s%u", stem, flow);
	return name;
}

static void options_of(char text[2][32], const char *options[3], unsigned int block,
		       unsigned int version)
{
	snprintf(text[0], 32, "version=%u", version);
	snprintf(text[1], 32, "first=%d", !(block % CHAIN));
	options[0] = text[0];
	options[1] = text[1];
	options[2] = NULL;
}

static void add_bind(struct lana_commit *commit, const char *upper, const char *lower, bool egress)
{
	const struct lana_bind_options options = { .ingress = !egress, .egress = egress };

	must(lana_commit_bind(commit, upper, lower, &options), NULL, "bind");
}

/* The whole of the picture. */
static void add_all(struct lana_commit *commit, enum lana_hook hook)
{
	const struct lana_hook_options hooked = { .hook = hook };
	char name[LANA_NAME_MAX], upper[LANA_NAME_MAX], text[2][32];
	const char *options[3];

	for (unsigned int flow = 0; flow < FLOWS; flow++) {
		must(lana_commit_hook(commit, device(name, "in", flow), &hooked), NULL, "hook");
		must(lana_commit_hook(commit, device(name, "out", flow), &hooked), NULL, "hook");
	}
	must(lana_commit_add(commit, "turn", "swap_mac", NULL), NULL, "add");
	for (unsigned int block = 0; block < BLOCKS; block++) {
		options_of(text, options, block, 0);
		must(lana_commit_add(commit, name_of(name, block), "stamp", options), NULL, "add");
	}
	for (unsigned int block = 0; block + 1 < BLOCKS; block++) {
		name_of(name, block);
		name_of(upper, block + 1);
		if (block == TURN - 1)
			add_bind(commit, "turn", name, false);
		else if (block == CHAIN - 1)
			continue;
		else if (block < CHAIN && block >= TURN)
			add_bind(commit, name, upper, true);
		else
			add_bind(commit, upper, name, false);
	}
	add_bind(commit, "a0", "in0", false);
	add_bind(commit, "turn", "a12", true);
	add_bind(commit, "a24", "out0", true);
	add_bind(commit, "b0", "in1", false);
	add_bind(commit, "out1", "b24", false);
}

static void add_replaces(struct lana_commit *commit, unsigned int version)
{
	char name[LANA_NAME_MAX], text[2][32];
	const char *options[3];

	for (unsigned int block = 0; block < BLOCKS; block++) {
		options_of(text, options, block, version);
		must(lana_commit_replace(commit, name_of(name, block), "stamp", options, false),
		     NULL, "replace");
	}
}

static int run(struct lana_commit *commit, struct lana_commit_result *result,
	       struct lana_error *error)
{
	int err = lana_commit_commit(commit, NULL, result, error);

	lana_commit_free(commit);
	return err;
}

static void build(enum lana_hook hook)
{
	struct lana_commit *commit;
	struct lana_error error = {};

	stack = open_stack();
	commit = begin(stack);
	add_all(commit, hook);
	must(run(commit, NULL, &error), &error, "the stack");
}

static void take_down(void)
{
	struct lana_error error = {};

	must(lana_stack_flush(stack, &error), &error, "flush");
	lana_stack_close(stack);
}

/* ---- traffic ---------------------------------------------------------------------------- */

static struct traffic *traffics[FLOWS];

/* A CPU for each flow: one that moves to another may find its rings there not emptied yet. */
static unsigned int cpu_of(unsigned int flow)
{
	cpu_set_t set;
	int cpu = 0;

	if (sched_getaffinity(0, sizeof(set), &set))
		return 0;
	for (unsigned int left = flow % CPU_COUNT(&set) + 1; left; cpu++)
		left -= CPU_ISSET(cpu, &set) != 0;
	return cpu - 1;
}

static void start_traffic(uint64_t rate)
{
	for (unsigned int flow = 0; flow < FLOWS; flow++) {
		char send[32], check[32];
		const struct traffic_options options = { .send = send,
							 .check = check,
							 .rate = rate,
							 .flow = flow,
							 .pin = true,
							 .cpu = cpu_of(flow) };

		snprintf(send, sizeof(send), "generator:g%u", flow);
		snprintf(check, sizeof(check), "checker:c%u", flow);
		must(traffic_open(&options, &traffics[flow]), NULL, "traffic");
		must(traffic_start(traffics[flow]), NULL, "traffic");
	}
}

static void stop_traffic(const char *what)
{
	for (unsigned int flow = 0; flow < FLOWS; flow++)
		must(traffic_stop(traffics[flow]), NULL, "traffic");
	for (unsigned int flow = 0; flow < FLOWS; flow++) {
		struct traffic_report r;

		must(traffic_report(traffics[flow], &r), NULL, "traffic");
		tap_note("flow %u: sent %lu, received %lu; %.2f Mpps", flow, r.sent, r.received,
			 r.sent / r.seconds / 1e6);
		tap_ok(r.sent && !r.lost && !r.duplicated && !r.reordered && !r.stale && !r.corrupt,
		       "%s: flow %u: no packet lost, doubled, overtaken or of two versions", what,
		       flow);
		if (r.lost || r.duplicated || r.reordered) {
			tap_note("lost %ld, duplicated %lu, reordered %lu", r.lost, r.duplicated,
				 r.reordered);
			topology_run("ip netns exec stack ethtool -S out%u | grep xmit_errors",
				     flow);
		}
		traffic_close(traffics[flow]);
	}
}

static uint64_t drops_of(const char *name)
{
	struct lana_block_stats *stats = NULL;
	struct lana_error error = {};
	uint64_t drops = 0;
	size_t count;

	must(lana_block_stats(stack, name, &stats, &count, &error), &error, "stats");
	for (size_t i = 0; i < count; i++)
		for (int path = 0; path < LANA_PATHS; path++) {
			const struct lana_path_stats *side = &stats[i].path[path];

			for (size_t j = 0; j < side->drops_count; j++)
				drops += side->drops[j].value;
			for (size_t j = 0; j < side->unbound_count; j++)
				drops += side->unbound[j].value;
		}
	free(stats);
	return drops;
}

/* Until a block has counted a packet; ten seconds at most. */
static void wait_for_traffic(const char *name)
{
	for (int tries = 0; tries < 1000; tries++) {
		struct lana_block_stats *stats = NULL;
		struct lana_error error = {};
		uint64_t packets;
		size_t count;

		must(lana_block_stats(stack, name, &stats, &count, &error), &error, "stats");
		packets = stats->path[LANA_INGRESS].own[0].value;
		free(stats);
		if (packets)
			return;
		usleep(10000);
	}
	tap_bail("no packet has come to %s", name);
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

/* ---- tests ------------------------------------------------------------------------------ */

/* Let some blocks stand alone, so that a packet passes many slots on its way. */
static void make_hot(void)
{
	static const char *const names[] = { "a3", "turn", "a12", "a20", "a21", "b1", "b13" };
	struct lana_commit *commit = begin(stack);
	struct lana_error error = {};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		must(lana_commit_hot(commit, names[i], NULL, true), NULL, "hot");
	must(run(commit, NULL, &error), &error, "hot");
}

static void test_replaces(enum lana_hook hook, bool hot, unsigned int commits, uint64_t rate)
{
	char what[64];
	double start;

	snprintf(what, sizeof(what), "%s%s", lana_hook_name(hook), hot ? ", hot blocks" : "");
	build(hook);
	if (hot)
		make_hot();
	start_traffic(rate);
	start = now();
	for (unsigned int version = 1; version <= commits; version++) {
		struct lana_commit *commit = begin(stack);
		struct lana_error error = {};

		add_replaces(commit, version);
		must(run(commit, NULL, &error), &error, "replace");
	}
	tap_note("%s: %u commits of %u replaces, %.1f ms each", what, commits, BLOCKS,
		 (now() - start) * 1e3 / commits);
	stop_traffic(what);
	tap_is(drops_of(NULL), 0, "%s: no block has dropped a packet", what);
	tap_is(inspect_faults(stack), 0, "%s: the stack is sound", what);
	take_down();
}

/* The same slot by slot: what the test would find if commits did not hold. */
static void test_mixtures_show(void)
{
	char name[LANA_NAME_MAX], text[2][32];
	const char *options[3];

	build(LANA_HOOK_XDP);
	must(lana_stack_fuse(stack, false, NULL), NULL, "fuse off");
	start_traffic(0);
	for (unsigned int version = 1; version <= 20; version++)
		for (unsigned int block = 0; block < BLOCKS; block++) {
			options_of(text, options, block, version);
			must(lana_block_set(stack, name_of(name, block), options, NULL), NULL,
			     "set");
		}
	for (unsigned int flow = 0; flow < FLOWS; flow++) {
		must(traffic_stop(traffics[flow]), NULL, "traffic");
		traffic_close(traffics[flow]);
	}
	tap_ok(drops_of(NULL) > 0, "blocks changed one by one do drop packets of two versions");
	take_down();
}

static void test_refused(void)
{
	struct lana_commit_result result = {};
	struct lana_commit_options options = {};
	struct lana_error error = {};
	struct lana_commit *commit;
	char *before, *after;
	uint32_t generation;

	build(LANA_HOOK_XDP);
	before = inspect_stack(stack);
	generation = lana_stack_generation(stack);

	commit = begin(stack);
	add_replaces(commit, 7);
	must(lana_commit_hook(commit, "spare", NULL), NULL, "hook");
	must(lana_commit_add(commit, "new", "learn", NULL), NULL, "add");
	must(lana_commit_replace(commit, "b24", "hostile_read", NULL, false), NULL, "replace");
	tap_ok(run(commit, &result, &error) < 0, "the last of 50 is refused: so is the commit");
	tap_is(result.failed, BLOCKS + 2, "the step that failed is named");
	tap_note("%s", error.text);
	after = inspect_stack(stack);
	tap_is_text(after, before, "the stack is as before");
	free(after);
	tap_is(inspect_faults(stack), 0, "and sound");
	tap_is(lana_stack_generation(stack), generation, "and of the same generation");
	tap_is(topology_run("ls %s/lana/%s/types | grep -q hostile_read\\|learn", topology_bpffs(),
			    STACK),
	       1, "types that were loaded for it are gone");
	tap_is(topology_run("[ -z \"$(ls %s/lana/%s/state)\" ]", topology_bpffs(), STACK), 0,
	       "and so are maps");
	tap_is(topology_run("ip -n stack link show dev spare | grep -q xdp"), 1,
	       "and the device that it hooked");

	commit = begin(stack);
	add_replaces(commit, 7);
	options = (struct lana_commit_options){ .compare = true, .generation = generation - 1 };
	tap_is(lana_commit_commit(commit, &options, NULL, &error), -ESTALE,
	       "a commit for another generation is refused");
	tap_note("%s", error.text);
	options = (struct lana_commit_options){ .dry_run = true };
	must(lana_commit_commit(commit, &options, NULL, &error), &error, "dry run");
	after = inspect_stack(stack);
	tap_is_text(after, before, "a dry run changes nothing");
	free(after);
	options = (struct lana_commit_options){ .compare = true, .generation = generation };
	must(lana_commit_commit(commit, &options, &result, &error), &error, "commit");
	tap_is(result.generation, generation + 1, "one for this generation is carried out");
	lana_commit_free(commit);
	free(before);
	take_down();
}

/* A commit of everything at once: hooks, blocks, edges come and go together. */
static void test_mixed(void)
{
	struct lana_commit_result result = {};
	struct lana_error error = {};
	struct lana_commit *commit;
	uint64_t packets = 0;

	build(LANA_HOOK_XDP);
	start_traffic(200000);
	wait_for_traffic("b24");

	commit = begin(stack);
	must(lana_commit_bind(commit, "out1", "in1",
			      &(struct lana_bind_options){ .ingress = true }),
	     NULL, "bind");
	for (unsigned int block = CHAIN; block + 1 < BLOCKS; block++) {
		char name[LANA_NAME_MAX], upper[LANA_NAME_MAX];

		must(lana_commit_unbind(commit, name_of(upper, block + 1), name_of(name, block),
					NULL),
		     NULL, "unbind");
	}
	must(lana_commit_unbind(commit, "out1", "b24", NULL), NULL, "unbind");
	for (unsigned int block = CHAIN; block < BLOCKS; block++) {
		char name[LANA_NAME_MAX];

		must(lana_commit_rm(commit, name_of(name, block)), NULL, "rm");
	}
	must(lana_commit_add(commit, "b0", "counter", NULL), NULL, "add");
	must(run(commit, &result, &error), &error, "mixed");
	tap_is(result.finals_count, CHAIN, "there are last counts of all that was removed");
	for (size_t i = 0; i < result.finals_count; i++)
		if (!strcmp(result.finals[i].name, "b0"))
			packets = result.finals[i].path[LANA_INGRESS].own[0].value;
	tap_ok(packets > 0, "b0 has counted");
	for (size_t i = 0; i < result.finals_count; i++)
		if (result.finals[i].path[LANA_INGRESS].own[0].value != packets)
			tap_note("%s has counted %lu", result.finals[i].name,
				 result.finals[i].path[LANA_INGRESS].own[0].value);
	for (size_t i = 0; i < result.finals_count; i++)
		packets -=
			result.finals[i].path[LANA_INGRESS].own[0].value == packets ? 0 : packets;
	tap_ok(packets > 0, "and so have all others, the same");
	free(result.finals);

	commit = begin(stack);
	must(lana_commit_unbind(commit, "a0", "in0", NULL), NULL, "unbind");
	must(lana_commit_bind(commit, "out0", "in0",
			      &(struct lana_bind_options){ .ingress = true }),
	     NULL, "bind");
	must(run(commit, NULL, &error), &error, "bridge");
	usleep(100000);
	stop_traffic("a mixed commit");
	tap_is(drops_of(NULL), 0, "and none dropped");
	tap_is(inspect_faults(stack), 0, "and the stack is sound");
	take_down();
}

/* ---- killed ----------------------------------------------------------------------------- */

static void commit_forever(void)
{
	struct lana_stack *own = open_stack();

	for (unsigned int version = 1;; version++) {
		struct lana_commit *commit = begin(own);

		add_replaces(commit, version);
		if (run(commit, NULL, NULL))
			_exit(1);
	}
}

static void test_kills(unsigned int kills)
{
	unsigned int busy = 0, decided = 0, sound = 0;

	build(LANA_HOOK_XDP);
	start_traffic(0);
	srand(1);
	for (unsigned int i = 0; i < kills; i++) {
		struct inspect_journal journal;
		pid_t pid = fork();

		if (!pid)
			commit_forever();
		usleep(20000 + rand() % 60000);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		journal = inspect_journal(STACK);
		busy += journal.busy;
		decided += journal.pending;
		sound += !inspect_faults(stack);
	}
	tap_note("%u kills, %u in a commit, %u after it was decided", kills, busy, decided);
	tap_is(sound, kills, "after each kill the stack is sound");
	tap_ok(busy > 0, "some commits were killed half way");
	stop_traffic("writers that are killed");
	tap_is(drops_of(NULL), 0, "no block has dropped a packet");
	take_down();
}

int main(void)
{
	topology_begin();
	topology_netns("generator");
	topology_netns("stack");
	topology_netns("checker");
	for (unsigned int flow = 0; flow < FLOWS; flow++) {
		char a[LANA_NAME_MAX], b[LANA_NAME_MAX];

		topology_veth("generator", device(a, "g", flow), "stack", device(b, "in", flow));
		topology_offload("stack", b, "gro", true);
		topology_veth("stack", device(a, "out", flow), "checker", device(b, "c", flow));
		if (topology_run("tc -n stack qdisc replace dev %s root pfifo limit 10000", a))
			tap_skip_all("tc has no pfifo");
	}
	topology_veth("stack", "spare", "checker", "spare");

	test_refused();
	test_mixed();
	test_replaces(LANA_HOOK_XDP, false, 300 * soak(), 0);
	test_replaces(LANA_HOOK_XDP, true, 60 * soak(), 0);
	test_replaces(LANA_HOOK_TC, false, 50 * soak(), 100000);
	test_replaces(LANA_HOOK_TC, true, 20 * soak(), 100000);
	test_mixtures_show();
	test_kills(100 * soak());
	return tap_done();
}
