// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "filter_ancillary.h"
#include "filter_chain.h"
#include "tap.h"
#include "topology.h"
#include "workbench.h"

#define NETNS  "chain"
#define DEVICE "fc"
#define END    63 /* NOTES_END of blocks/notes.h */

static bool is_sieve(const struct filter_chain *chain)
{
	return !strcmp(chain->type, "sieve");
}

static void must(int err, const struct lana_error *error)
{
	if (err)
		tap_bail("%s", *error->text ? error->text : strerror(-err));
}

/* ---- steps of a commit -------------------------------------------------------------------- */

static void add(struct lana_commit *commit, const char *name, const char *type, const char *option)
{
	const char *const options[] = { option, NULL };

	must(lana_commit_add(commit, name, type, options), &(struct lana_error){});
}

static void bind(struct lana_commit *commit, const char *upper, const char *lower, const char *port)
{
	const struct lana_bind_options options = { .ingress = true, .port = port };

	must(lana_commit_bind(commit, upper, lower, &options), &(struct lana_error){});
}

static void add_adorn(struct lana_commit *commit)
{
	char mark[32], queue[32], hash[32], tci[32], tpid[32];
	const char *const options[] = { mark, queue, hash, tci, tpid, NULL };

	snprintf(mark, sizeof(mark), "mark=%u", FILTER_MARK);
	snprintf(queue, sizeof(queue), "queue=%u", FILTER_QUEUE);
	snprintf(hash, sizeof(hash), "hash=%u", FILTER_HASH);
	snprintf(tci, sizeof(tci), "vlan_tci=%u", FILTER_VLAN_TCI);
	snprintf(tpid, sizeof(tpid), "vlan_tpid=%u", FILTER_VLAN_TPID);
	must(lana_commit_add(commit, "adorn", "adorn", options), &(struct lana_error){});
}

/* The last block that leads to number i, by port next. */
static void add_blocks(struct filter_chain *chain, struct lana_commit *commit)
{
	char name[16], note[16], next[16], option[16];

	for (unsigned int i = 0; i < chain->count; i++) {
		snprintf(name, sizeof(name), "f%u", i);
		snprintf(note, sizeof(note), "n%u", i);
		snprintf(option, sizeof(option), "bit=%u", i);
		add(commit, name, chain->type, is_sieve(chain) ? option : NULL);
		if (!is_sieve(chain))
			add(commit, note, "note", option);
	}
	snprintf(option, sizeof(option), "bit=%u", END);
	add(commit, "end", "note", option);
	for (unsigned int i = 0; i < chain->count; i++) {
		snprintf(name, sizeof(name), "f%u", i);
		snprintf(note, sizeof(note), "n%u", i);
		snprintf(next, sizeof(next), i + 1 < chain->count ? "f%u" : "end", i + 1);
		if (is_sieve(chain)) {
			bind(commit, next, name, NULL);
			continue;
		}
		bind(commit, note, name, "match");
		bind(commit, next, name, "other");
		bind(commit, next, note, NULL);
	}
}

static void carry_out(struct lana_commit *commit)
{
	struct lana_error error = {};

	must(lana_commit_commit(commit, NULL, NULL, &error), &error);
	lana_commit_free(commit);
}

static struct lana_commit *begin(struct filter_chain *chain)
{
	struct lana_commit *commit;

	must(lana_commit_begin(chain->stack, &commit), &(struct lana_error){});
	return commit;
}

/* ---- opening ------------------------------------------------------------------------------ */

static uint64_t *map_notes(void)
{
	void *notes;
	char path[256];
	int map;

	snprintf(path, sizeof(path), "%s/lana/default/shared/notes", topology_bpffs());
	map = bpf_obj_get(path);
	if (map < 0)
		tap_bail("%s: %s", path, strerror(errno));
	notes = mmap(NULL, getpagesize(), PROT_READ | PROT_WRITE, MAP_SHARED, map, 0);
	if (notes == MAP_FAILED)
		tap_bail("%s: %s", path, strerror(errno));
	close(map);
	return notes;
}

void filter_chain_open(struct filter_chain *chain)
{
	struct lana_stack_options options = {
		.bpffs = topology_bpffs(),
		.types = LANA_TYPES_DIR ":" LANA_TYPES_DIR "/../../selftests/blocks",
		.netns = NETNS,
		.create = true,
	};
	bool xdp = chain->flavour == LANA_XDP;
	struct lana_hook_options hook = { .hook = xdp ? LANA_HOOK_XDP : LANA_HOOK_TC };
	struct lana_error error = {};
	struct lana_commit *commit;
	static bool made;

	if (!made) {
		topology_netns(NETNS);
		topology_veth(NETNS, DEVICE, NETNS, DEVICE "_");
		made = true;
	}
	must(lana_stack_open(&options, &chain->stack, &error), &error);
	must(lana_stack_fuse(chain->stack, chain->fused, &error), &error);
	must(lana_hook(chain->stack, DEVICE, &hook, &error), &error);
	commit = begin(chain);
	if (chain->adorned)
		add_adorn(commit);
	add_blocks(chain, commit);
	if (chain->adorned)
		bind(commit, "adorn", DEVICE, NULL);
	bind(commit, "f0", chain->adorned ? "adorn" : DEVICE, NULL);
	carry_out(commit);
	chain->root = workbench_root(xdp ? "1@xdp" : "1@ingress", NETNS, DEVICE);
	chain->notes = map_notes();
}

void filter_chain_close(struct filter_chain *chain)
{
	munmap(chain->notes, getpagesize());
	close(chain->root);
	lana_stack_flush(chain->stack, NULL);
	lana_stack_close(chain->stack);
}

/* ---- filters and packets ------------------------------------------------------------------ */

/* Fused blocks all at once, others one by one: switches would be too many tail calls. */
void filter_chain_set(struct filter_chain *chain, const char *const *options)
{
	struct lana_commit *commit = chain->fused ? begin(chain) : NULL;
	struct lana_error error = {};

	for (unsigned int i = 0; i < chain->count; i++) {
		const char *const option[] = { options[i], NULL };
		char name[16];

		snprintf(name, sizeof(name), "f%u", i);
		if (commit)
			must(lana_commit_set(commit, name, option), &error);
		else
			must(lana_block_set(chain->stack, name, option, &error), &error);
	}
	if (commit)
		carry_out(commit);
}

bool filter_chain_run(struct filter_chain *chain, const void *bytes, unsigned int size,
		      unsigned int linear, uint64_t *taken)
{
	struct xdp_md context = { .data_end = linear };
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = bytes, .data_size_in = size,
		    .repeat = 1);

	if (linear != size) {
		options.ctx_in = &context;
		options.ctx_size_in = sizeof(context);
	}
	*chain->notes = 0;
	if (bpf_prog_test_run_opts(chain->root, &options)) {
		if (errno != EINVAL)
			tap_bail("a test run of %u bytes: %s", size, strerror(errno));
		return false;
	}
	*taken = *chain->notes;
	if (!(*taken & 1ULL << END))
		tap_bail("a packet of %u bytes did not come to the end of the chain: 0x%llx", size,
			 (unsigned long long)*taken);
	*taken &= ~(1ULL << END);
	return true;
}

unsigned int filter_chain_programs(struct filter_chain *chain)
{
	struct lana_block_info *blocks;
	struct lana_error error = {};
	unsigned int programs = 0;
	size_t count;

	must(lana_block_list(chain->stack, NULL, &blocks, &count, &error), &error);
	for (size_t i = 0; i < count; i++) {
		const struct lana_programs *in = &blocks[i].programs[LANA_INGRESS];

		for (uint32_t j = 0; j < in->count; j++)
			programs += !strcmp(in->first[j], blocks[i].name);
	}
	free(blocks);
	return programs;
}
