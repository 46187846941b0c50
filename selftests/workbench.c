// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "tap.h"
#include "topology.h"
#include "workbench.h"

#define NETNS "bench"

/* The program that a pinned link of a hook holds; 0: there is no such link. */
static __u32 linked(const char *pin)
{
	struct bpf_link_info info = {};
	unsigned int size = sizeof(info);
	char path[256];
	int link;

	snprintf(path, sizeof(path), "%s/lana/default/links/%s", topology_bpffs(), pin);
	link = bpf_obj_get(path);
	if (link < 0)
		return 0;
	if (bpf_obj_get_info_by_fd(link, &info, &size))
		tap_bail("%s: %s", path, strerror(errno));
	close(link);
	return info.prog_id;
}

/* Without tcx there are no links at tc: the program of lana's filter on the ingress of a device. */
static __u32 filtered(const char *netns, const char *device)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = topology_ifindex(netns, device),
		    .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, options, .handle = 1, .priority = 0x6c61);
	int home = topology_enter(netns);
	int err = bpf_tc_query(&hook, &options);

	topology_leave(home);
	return err ? 0 : options.prog_id;
}

int workbench_root(const char *pin, const char *netns, const char *device)
{
	int program = bpf_prog_get_fd_by_id(linked(pin) ?: filtered(netns, device));

	if (program < 0)
		tap_bail("'%s' has neither a link %s nor a filter: %s", device, pin,
			 strerror(errno));
	return program;
}

static void hook(struct workbench *bench, const char *device, enum lana_hook kind)
{
	struct lana_hook_options options = { .hook = kind };
	struct lana_error error;

	if (lana_hook(bench->stack, device, &options, &error))
		tap_bail("%s", error.text);
}

#ifndef BPF_F_TEST_SKB_CHECKSUM_COMPLETE /* headers of Linux before 6.11 */
#define BPF_F_TEST_SKB_CHECKSUM_COMPLETE (1U << 2)
#endif

static bool makes_sums(int root)
{
	unsigned char frame[64] = {};
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame, .data_size_in = sizeof(frame),
		    .flags = BPF_F_TEST_SKB_CHECKSUM_COMPLETE);

	return !bpf_prog_test_run_opts(root, &options);
}

void workbench_open(struct workbench *bench, const char *types)
{
	struct lana_stack_options options = {
		.bpffs = topology_bpffs(), .types = types, .netns = NETNS, .create = true
	};
	struct lana_error error;

	topology_netns(NETNS);
	topology_veth(NETNS, "wb1", NETNS, "wb1_");
	topology_veth(NETNS, "wb2", NETNS, "wb2_");
	if (lana_stack_open(&options, &bench->stack, &error))
		tap_bail("%s", error.text);
	hook(bench, "wb1", LANA_HOOK_XDP);
	hook(bench, "wb2", LANA_HOOK_TC);
	bench->roots[LANA_XDP] = workbench_root("1@xdp", NETNS, "wb1");
	bench->roots[LANA_TC] = workbench_root("2@ingress", NETNS, "wb2");
	bench->sums = makes_sums(bench->roots[LANA_TC]);
}

void workbench_close(struct workbench *bench)
{
	close(bench->roots[LANA_XDP]);
	close(bench->roots[LANA_TC]);
	lana_stack_flush(bench->stack, NULL);
	lana_stack_close(bench->stack);
}

int workbench_put(struct workbench *bench, const char *type, const char *const *options,
		  struct lana_error *error)
{
	static const struct lana_bind_options ingress = { .ingress = true };
	int err;

	err = lana_block_add(bench->stack, "dut", type, options, error);
	if (!err)
		err = lana_bind(bench->stack, "dut", "wb1", &ingress, error);
	return err ?: lana_bind(bench->stack, "dut", "wb2", &ingress, error);
}

int workbench_add(struct workbench *bench, const char *type, const char *options,
		  struct lana_error *error)
{
	const char *words[16] = {};
	char text[256];
	int count = 0;

	snprintf(text, sizeof(text), "%s", options ?: "");
	for (char *word = strtok(text, " "); word && count < 15; word = strtok(NULL, " "))
		words[count++] = word;
	return workbench_put(bench, type, words, error);
}

void workbench_rm(struct workbench *bench)
{
	lana_unbind(bench->stack, "dut", "wb1", NULL, NULL);
	lana_unbind(bench->stack, "dut", "wb2", NULL, NULL);
	lana_block_rm(bench->stack, "dut", NULL);
}

static struct lana_block_stats *stats_of(struct workbench *bench)
{
	struct lana_block_stats *stats;
	struct lana_error error;
	size_t count;

	if (lana_block_stats(bench->stack, "dut", &stats, &count, &error))
		tap_bail("%s", error.text);
	return stats;
}

static unsigned long long value_of(const struct lana_count *counts, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(counts[i].name, name))
			return counts[i].value;
	return 0;
}

unsigned long long workbench_counter(struct workbench *bench, const char *name)
{
	struct lana_block_stats *stats = stats_of(bench);
	unsigned long long value =
		value_of(stats->path[LANA_INGRESS].own, stats->path[LANA_INGRESS].own_count, name);

	free(stats);
	return value;
}

/* Name what has grown by one, and count the growths. */
static int compare(const struct lana_count *before, size_t before_count,
		   const struct lana_count *after, size_t after_count, const char *prefix,
		   char *where, size_t size)
{
	int grown = 0;

	for (size_t i = 0; i < after_count; i++) {
		if (after[i].value == value_of(before, before_count, after[i].name))
			continue;
		snprintf(where, size, "%s%s", prefix, after[i].name);
		grown++;
	}
	return grown;
}

static int find_growth(const struct lana_block_stats *before, const struct lana_block_stats *after,
		       char *where, size_t size)
{
	int grown = 0;

	for (int path = 0; path < LANA_PATHS; path++) {
		const struct lana_path_stats *b = &before->path[path], *a = &after->path[path];

		grown += compare(b->unbound, b->unbound_count, a->unbound, a->unbound_count,
				 path == LANA_EGRESS ? "turn " : "", where, size);
		grown += compare(b->drops, b->drops_count, a->drops, a->drops_count,
				 path == LANA_EGRESS ? "turn drop " : "drop ", where, size);
	}
	return grown;
}

/* What the hook's program returned, if not to drop: XDP_…, TC_ACT_… */
static const struct {
	int pass, sent;
} verdicts[LANA_FLAVOURS] = {
	[LANA_XDP] = { XDP_PASS, XDP_REDIRECT },
	[LANA_TC] = { -1, 7 },
};

bool workbench_run(struct workbench *bench, enum lana_flavour flavour, struct packet *packet,
		   char *where, size_t size)
{
	struct lana_block_stats *before, *after;
	struct __sk_buff skb = { .mark = packet->mark, .gso_size = packet->gso };
	unsigned char out[sizeof(packet->bytes)];
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = packet->bytes,
		    .data_size_in = packet->size, .data_out = out, .data_size_out = sizeof(out));
	int verdict, grown;

	if (flavour == LANA_TC) {
		options.ctx_in = options.ctx_out = &skb;
		options.ctx_size_in = options.ctx_size_out = sizeof(skb);
		if (packet->summed && bench->sums)
			options.flags = BPF_F_TEST_SKB_CHECKSUM_COMPLETE;
	}
	before = stats_of(bench);
	if (bpf_prog_test_run_opts(bench->roots[flavour], &options)) {
		free(before);
		if (errno == EINVAL && flavour == LANA_TC)
			return false;
		if (errno == EBADMSG && options.flags) {
			snprintf(where, size, "wrong sum");
			return true;
		}
		tap_bail("test run of %u bytes: %s", packet->size, strerror(errno));
	}
	after = stats_of(bench);

	snprintf(where, size, "?");
	verdict = (int)options.retval;
	grown = find_growth(before, after, where, size);
	if (!grown && verdict == verdicts[flavour].pass)
		snprintf(where, size, "pass");
	else if (!grown && verdict == verdicts[flavour].sent)
		snprintf(where, size, "sent");
	else if (grown != 1)
		snprintf(where, size, "?");
	memcpy(packet->bytes, out, options.data_size_out);
	packet->size = options.data_size_out;
	packet->mark = skb.mark;
	free(before);
	free(after);
	return true;
}

void workbench_repeat(struct workbench *bench, enum lana_flavour flavour,
		      const struct packet *packet, unsigned int times)
{
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = packet->bytes,
		    .data_size_in = packet->size, .repeat = times);

	if (bpf_prog_test_run_opts(bench->roots[flavour], &options))
		tap_bail("%u test runs: %s", times, strerror(errno));
}
