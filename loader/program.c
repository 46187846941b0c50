// SPDX-License-Identifier: GPL-2.0-only
/*
 * program - weave and load the program of one block for one flavour and path
 */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include <bpf/bpf.h>

#include "cleanup.h"
#include "commit.h"
#include "error.h"
#include "event_log.h"
#include "filter.h"
#include "loop.h"
#include "measure.h"
#include "session.h"
#include "state.h"

/* All programs of a table must be loaded alike, or the kernel refuses to put them there. */
static int load(const struct bpf_insn *insns, size_t count, const char *name,
		enum lana_flavour flavour, const struct weave_modules *modules, char *log)
{
	int fd_array[WEAVE_MODULES_MAX + 1] = {}; /* the first is none's */
	LIBBPF_OPTS(bpf_prog_load_opts, options, .log_buf = log,
		    .log_size = log ? VERIFIER_LOG_SIZE : 0, .log_level = log ? 1 : 0);
	enum bpf_prog_type type = BPF_PROG_TYPE_SCHED_CLS;
	int fd;

	for (size_t i = 0; modules && i < modules->count; i++) {
		fd_array[i + 1] = modules->all[i].fd;
		options.fd_array = fd_array;
	}
	if (flavour == LANA_XDP) {
		type = BPF_PROG_TYPE_XDP;
		options.expected_attach_type = BPF_XDP;
		options.prog_flags = BPF_F_XDP_HAS_FRAGS;
	}
	fd = bpf_prog_load(type, name, "GPL", insns, count, &options);
	return fd < 0 ? -errno : fd;
}

/* The kernel takes 15 letters, digits, '_' and '.'. */
static void program_name(const char *block, char name[BPF_OBJ_NAME_LEN])
{
	size_t i;

	for (i = 0; block[i] && i < BPF_OBJ_NAME_LEN - 1; i++)
		name[i] = isalnum((unsigned char)block[i]) ? block[i] : '_';
	name[i] = 0;
}

static int load_or_explain(struct lana_stack *stack, const struct bpf_insn *insns, size_t count,
			   const char *block, enum lana_flavour flavour,
			   const struct weave_modules *modules, struct lana_error *error)
{
	_cleanup_free_ char *log = NULL;
	char name[BPF_OBJ_NAME_LEN];
	int program, err;

	program_name(block, name);
	program = err = load(insns, count, name, flavour, modules, NULL);
	if (program >= 0)
		return program;

	log = calloc(1, VERIFIER_LOG_SIZE);
	program = load(insns, count, name, flavour, modules, log);
	if (program >= 0)
		return program;
	if (log && *log && stack->verbose)
		stack->verbose(stack->cookie, log);
	/* With a log it may be another: that the log is too long. */
	return refuse(error, err, "the kernel refuses block '%s': %s", block,
		      log && *log ? verifier_verdict(log) : strerror(-err));
}

/* Where the block counts. */
static int find_cell(struct lana_stack *stack, const struct record *record,
		     struct weave_block *block, struct lana_error *error)
{
	if (!stack_cell(stack, record->cell))
		return refuse(error, -errno, "no memory for counters: %s", strerror(errno));
	block->page = stack->pages[record->cell / LANA_PAGE_CELLS].fd;
	block->cell = record->cell % LANA_PAGE_CELLS * sizeof(struct lana_cell);
	return 0;
}

int miss_program(struct lana_stack *stack, __u32 idp, const struct record *record,
		 enum lana_flavour flavour, enum lana_path path, __u32 port, int *fd,
		 struct lana_error *error)
{
	struct weave_block block = { .path = path, .turns = record->turns };
	struct weave w = {
		.flavour = flavour, .cpu_mask = stack->cpus - 1, .blocks = &block, .count = 1
	};
	_cleanup_free_ struct bpf_insn *insns = NULL;
	size_t count = 0;
	int err;

	err = find_cell(stack, record, &block, error);
	if (!err && record->probes & PROBE_MEASURED)
		err = measure_find(stack, idp, &block.probes, error);
	if (!err)
		err = weave_miss(&w, port, &insns, &count);
	if (!err)
		err = load_or_explain(stack, insns, count, MISS_NAME, flavour, NULL, error);
	if (err < 0)
		return err;
	*fd = err;
	return 0;
}

int switch_program(struct lana_stack *stack, const struct record *record,
		   const struct slot_write *write, __u32 old_slot, __u32 new_slot, int *fd,
		   struct lana_error *error)
{
	struct weave_block block = { .path = write->path };
	struct weave w = {
		.flavour = write->flavour,
		.table = { stack->tables[write->flavour][LANA_INGRESS],
			   stack->tables[write->flavour][LANA_EGRESS] },
		.context = stack->context_fd,
		.cpu_mask = stack->cpus - 1,
		.blocks = &block,
		.count = 1,
	};
	_cleanup_free_ struct bpf_insn *insns = NULL;
	size_t count = 0;
	int err;

	err = find_cell(stack, record, &block, error);
	if (!err)
		err = weave_switch(&w, stack_side_word(stack), old_slot, new_slot, &insns, &count);
	if (!err)
		err = load_or_explain(stack, insns, count, "lana_switch", write->flavour, NULL,
				      error);
	if (err < 0)
		return err;
	*fd = err;
	return 0;
}

int constant_program(struct lana_stack *stack, enum lana_flavour flavour, bool pass, int *fd,
		     struct lana_error *error)
{
	_cleanup_free_ struct bpf_insn *insns = NULL;
	size_t count = 0;
	int err = weave_constant(flavour, pass, &insns, &count);

	if (!err)
		err = load_or_explain(stack, insns, count, pass ? "lana_pass" : "lana_idle",
				      flavour, NULL, error);
	if (err < 0)
		return err;
	*fd = err;
	return 0;
}

void node_use_slots(struct node *node)
{
	for (int path = 0; path < LANA_PATHS; path++)
		for (__u32 port = 0; port < LANA_PORTS_MAX; port++)
			node->exits[path][port].kind = WEAVE_SLOT;
}

/* A program being woven. */
struct weaving {
	struct lana_stack *stack;
	struct weave weave;
	struct weave_block *blocks;
	size_t count;		 /* blocks, and behind them hearers */
	int *configs;		 /* maps of options, by block; -1: none was asked for */
	struct filter **filters; /* by block; NULL: it has none */
	struct session_maps sessions[PROBE_SESSIONS];
	struct weave_modules modules; /* whose functions it calls */
};

/* How many copies of a packet leave the node: none, or several. */
static __u32 node_copies(const struct node *node)
{
	__u32 clones = 0;

	for (__u32 i = 0; i < node->steps_count; i++)
		clones += node->steps[i].kind == WEAVE_CLONE;
	return clones ? clones + 1 : 0;
}

static void weaving_end(struct weaving *weaving)
{
	for (size_t i = 0; i < ARRAY_SIZE(weaving->weave.loops); i++)
		close_p(&weaving->weave.loops[i]);
	for (size_t i = 0; i < weaving->count; i++) {
		if (weaving->configs)
			close_p(&weaving->configs[i]);
		if (weaving->filters)
			filter_put(weaving->filters[i]);
		if (weaving->blocks)
			state_close(weaving->blocks[i].own, weaving->blocks[i].own_count);
	}
	for (size_t i = 0; i < PROBE_SESSIONS; i++)
		session_close_maps(&weaving->sessions[i]);
	free(weaving->blocks);
	free(weaving->configs);
	free(weaving->filters);
}

/* Have what the record names watch the block. */
static int begin_probes(struct weaving *weaving, const struct node *node,
			struct weave_probes *probes, struct lana_error *error)
{
	struct lana_stack *stack = weaving->stack;
	__u32 bits = node->record->probes;
	int err = 0;

	probes->root = !node->source.type;
	if (bits & PROBE_MEASURED)
		err = measure_find(stack, node->idp, probes, error);
	for (__u32 n = 0; !err && n < PROBE_SESSIONS; n++) {
		struct session_maps *maps = &weaving->sessions[n];

		if (!(bits & PROBE_SESSION(n)))
			continue;
		err = session_open_maps(stack, n, maps, error);
		probes->taps[probes->taps_count++] =
			(struct weave_tap){ &stack->registry->sessions[n], maps->events,
					    maps->counts };
	}
	return err;
}

/* The verifier knows what stands in a frozen map that programs cannot write. */
static int make_config(void *cookie, size_t number)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_RDONLY_PROG);
	struct weaving *weaving = cookie;
	const struct weave_block *block = &weaving->blocks[number];
	int *map = &weaving->configs[number];
	__u32 zero = 0;

	if (*map >= 0)
		return *map;
	*map = bpf_map_create(BPF_MAP_TYPE_ARRAY, "lana_config", sizeof(zero), block->config_size,
			      1, &options);
	if (*map < 0 || bpf_map_update_elem(*map, &zero, block->config, BPF_ANY) ||
	    bpf_map_freeze(*map))
		return -errno;
	return *map;
}

static int begin_block(struct lana_stack *stack, const struct node *node, struct weave_block *block,
		       struct lana_error *error)
{
	const struct source *source = &node->source;
	int err;

	*block = (struct weave_block){
		.insns = bpf_program__insns(source->template),
		.count = bpf_program__insn_cnt(source->template),
		.template = source->maps,
		.path = node->path,
		.idp = node->idp,
		.ports = source->ports,
		.turns = source->turns,
		.copies = source->type ? source->type->copies : 0,
		.steps_count = node->steps_count,
		.life = loops_life(stack, node->idp),
		.within = node->within,
		.next = node->next,
		.config = node->record->config,
		.config_size = source->type ? source->type->config.size : 0,
		.modules = source->type ? &source->type->modules : NULL,
	};
	memcpy(block->exits, node->exits, sizeof(block->exits));
	memcpy(block->steps, node->steps, sizeof(block->steps));
	if (!block->config_size)
		block->config_size = 1; /* a map cannot be empty */
	err = find_cell(stack, node->record, block, error);
	if (err || !source->type)
		return err;
	err = state_open(stack, source->type, node->record->cell, block->own, error);
	if (!err)
		block->own_count = source->type->own_count;
	return err;
}

/* A filter that asks for what the hook does not know was good enough for those before it. */
int program_filter(const struct lana_stack *stack, const struct record *record,
		   enum lana_flavour flavour, struct filter **filter, struct lana_error *error)
{
	_cleanup_(filter_put_p) struct filter *found = NULL;
	struct lana_error why;
	int err = filter_read(stack, record, &found, error);

	if (!err && found && classic_check(&found->program, flavour, &why))
		err = refuse(error, -EINVAL, "block '%s': %s", record->name, why.text);
	if (!err)
		*filter = TAKE_PTR(found);
	return err;
}

/* Have a block's event function in the program, once; its index among the hearers. */
static int begin_hearer(struct weaving *weaving, const struct hearer *hearer, __u32 *index,
			struct lana_error *error)
{
	struct weave *w = &weaving->weave;
	struct weave_block *block = &weaving->blocks[w->count + w->hearers_count];
	const struct node node = {
		.source = { hearer->type->name, hearer->type->event, hearer->type->maps,
			    .type = hearer->type },
		.idp = hearer->idp,
		.record = hearer->record,
	};
	int err;

	for (*index = 0; *index < w->hearers_count; ++*index)
		if (w->hearers[*index].idp == hearer->idp)
			return 0;
	err = begin_block(weaving->stack, &node, block, error);
	if (err)
		return err;
	w->hearers_count++;
	weaving->count++;
	return 0;
}

/* Have a block publish, if its type does. */
static int begin_publishing(struct weaving *weaving, const struct node *node,
			    struct weave_block *block, struct lana_error *error)
{
	struct lana_stack *stack = weaving->stack;
	int err = 0;

	if (!node->source.type || !node->source.type->events_count)
		return 0;
	err = event_log_open(stack, error);
	if (err)
		return err;
	weaving->weave.events = stack->events.fd;
	block->publishes = true;
	block->name = node->record->name;
	block->events_names = event_log_names(stack, node->source.type);
	for (size_t i = 0; !err && i < node->hearers_count; i++)
		err = begin_hearer(weaving, &node->hearers[i],
				   &block->hearers[block->hearers_count++], error);
	return err;
}

/* Room for the blocks and for as many hearers. */
static int weaving_begin(struct weaving *weaving, struct lana_stack *stack, size_t count,
			 size_t hearers, enum lana_flavour flavour, struct lana_error *error)
{
	*weaving = (struct weaving){
		.stack = stack,
		.weave = {
			.flavour = flavour,
			.table = { stack->tables[flavour][LANA_INGRESS],
				   stack->tables[flavour][LANA_EGRESS] },
			.context = stack->context_fd,
			.cpu_mask = stack->cpus - 1,
			.count = count,
			.events = -1,
			.config_map = make_config,
			.cookie = weaving,
			.modules = &weaving->modules,
		},
		.blocks = calloc(count + hearers, sizeof(*weaving->blocks)),
		.configs = malloc((count + hearers) * sizeof(*weaving->configs)),
		.filters = calloc(count + hearers, sizeof(*weaving->filters)),
	};
	memset(weaving->weave.loops, -1, sizeof(weaving->weave.loops));
	for (size_t i = 0; i < PROBE_SESSIONS; i++)
		weaving->sessions[i] = (struct session_maps){ -1, -1 };
	if (!weaving->blocks || !weaving->configs || !weaving->filters)
		return refuse(error, -ENOMEM, "out of memory");
	memset(weaving->configs, -1, (count + hearers) * sizeof(*weaving->configs));
	weaving->count = count;
	weaving->weave.blocks = weaving->blocks;
	weaving->weave.hearers = weaving->blocks + count;
	return 0;
}

static int refuse_weaving(int err, const char *type, struct lana_error *error)
{
	return refuse(error, err, "type '%s' cannot be woven: %s", type,
		      err == -EINVAL ? "its code is not of the expected form" : strerror(-err));
}

int hearing_program(struct lana_stack *stack, const struct hearer *hearer, int *fd,
		    struct lana_error *error)
{
	_cleanup_(weaving_end) struct weaving weaving;
	_cleanup_free_ struct bpf_insn *insns = NULL;
	size_t insns_count = 0;
	__u32 index;
	int err;

	err = weaving_begin(&weaving, stack, 0, 1, LANA_TC, error);
	if (!err)
		err = begin_hearer(&weaving, hearer, &index, error);
	if (err)
		return err;
	err = weave_hearing(&weaving.weave, stack->registry_fd, offsetof(struct registry, notified),
			    &insns, &insns_count);
	if (err)
		return refuse_weaving(err, hearer->type->name, error);
	err = load_or_explain(stack, insns, insns_count, hearer->record->name, LANA_TC,
			      &weaving.modules, error);
	if (err < 0)
		return err;
	*fd = err;
	return 0;
}

/* The devices of copies. No packet gets to a program that was woven before they were there. */
static int begin_loops(struct weaving *weaving, const struct node *nodes, size_t count,
		       struct lana_error *error)
{
	struct weave *w = &weaving->weave;

	for (size_t i = 0; w->flavour == LANA_XDP && i < count; i++) {
		__u32 copies = node_copies(&nodes[i]);

		if (copies < 2 || w->loops[copies] >= 0)
			continue;
		w->loops[copies] = loops_map(weaving->stack, copies);
		if (w->loops[copies] < 0 && w->loops[copies] != -ENOENT)
			return refuse(error, w->loops[copies], "cannot find the devices of copies");
	}
	return 0;
}

static size_t count_hearers(const struct node *nodes, size_t count)
{
	size_t hearers = 0;

	for (size_t i = 0; i < count; i++)
		hearers += nodes[i].hearers_count;
	return hearers;
}

int weave_program(struct lana_stack *stack, const struct node *nodes, size_t count,
		  enum lana_flavour flavour, int *fd, struct lana_error *error)
{
	_cleanup_(weaving_end) struct weaving weaving;
	_cleanup_free_ struct bpf_insn *insns = NULL;
	size_t insns_count = 0;
	int err;

	err = weaving_begin(&weaving, stack, count, count_hearers(nodes, count), flavour, error);
	if (!err)
		err = begin_loops(&weaving, nodes, count, error);
	for (size_t i = 0; !err && i < count; i++) {
		struct weave_block *block = &weaving.blocks[i];

		err = begin_block(stack, &nodes[i], block, error);
		if (!err)
			err = begin_probes(&weaving, &nodes[i], &block->probes, error);
		if (!err)
			err = program_filter(stack, nodes[i].record, flavour, &weaving.filters[i],
					     error);
		if (!err && weaving.filters[i])
			block->filter = &weaving.filters[i]->program;
		if (!err)
			err = begin_publishing(&weaving, &nodes[i], block, error);
	}
	if (err)
		return err;

	err = weave(&weaving.weave, &insns, &insns_count);
	if (err)
		return refuse_weaving(err, nodes->source.name, error);
	err = load_or_explain(stack, insns, insns_count, nodes->record->name, flavour,
			      &weaving.modules, error);
	if (err < 0)
		return err;
	*fd = err;
	return 0;
}
