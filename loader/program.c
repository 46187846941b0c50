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
#include "state.h"

/* All programs of a table must be loaded alike, or the kernel refuses to put them there. */
static int load(const struct bpf_insn *insns, size_t count, const char *name,
		enum lana_flavour flavour, char *log)
{
	LIBBPF_OPTS(bpf_prog_load_opts, options, .log_buf = log,
		    .log_size = log ? VERIFIER_LOG_SIZE : 0, .log_level = log ? 1 : 0);
	enum bpf_prog_type type = BPF_PROG_TYPE_SCHED_CLS;
	int fd;

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
			   const char *block, enum lana_flavour flavour, struct lana_error *error)
{
	_cleanup_free_ char *log = NULL;
	char name[BPF_OBJ_NAME_LEN];
	int program;

	program_name(block, name);
	program = load(insns, count, name, flavour, NULL);
	if (program >= 0)
		return program;

	log = calloc(1, VERIFIER_LOG_SIZE);
	program = load(insns, count, name, flavour, log);
	if (program >= 0)
		return program;
	if (log && *log && stack->verbose)
		stack->verbose(stack->cookie, log);
	return refuse(error, program, "the kernel refuses block '%s': %s", block,
		      log && *log ? verifier_verdict(log) : strerror(-program));
}

/* Where the block counts. */
static int find_cell(struct lana_stack *stack, const struct record *record, struct weave *w,
		     struct lana_error *error)
{
	if (!stack_cell(stack, record->cell))
		return refuse(error, -errno, "no memory for counters: %s", strerror(errno));
	w->page = stack->pages[record->cell / LANA_PAGE_CELLS].fd;
	w->cell = record->cell % LANA_PAGE_CELLS * sizeof(struct lana_cell);
	w->cpu_mask = stack->cpus - 1;
	return 0;
}

int miss_program(struct lana_stack *stack, const struct record *record, enum lana_flavour flavour,
		 enum lana_path path, __u32 port, int *fd, struct lana_error *error)
{
	struct weave w = { .flavour = flavour, .path = path };
	_cleanup_free_ struct bpf_insn *insns = NULL;
	size_t count = 0;
	int err;

	err = find_cell(stack, record, &w, error);
	if (!err)
		err = weave_miss(&w, port, &insns, &count);
	if (!err)
		err = load_or_explain(stack, insns, count, MISS_NAME, flavour, error);
	if (err < 0)
		return err;
	*fd = err;
	return 0;
}

int weave_program(struct lana_stack *stack, const struct source *source, __u32 idp,
		  const struct record *record, enum lana_flavour flavour, enum lana_path path,
		  int config_fd, int *fd, struct lana_error *error)
{
	struct weave w = {
		.insns = bpf_program__insns(source->template),
		.count = bpf_program__insn_cnt(source->template),
		.template = source->maps,
		.flavour = flavour,
		.path = path,
		.idp = idp,
		.ports = source->ports,
		.turns = source->turns,
		.table = { stack->tables[flavour][LANA_INGRESS],
			   stack->tables[flavour][LANA_EGRESS] },
		.config = config_fd,
		.context = stack->context_fd,
	};
	_cleanup_free_ struct bpf_insn *insns = NULL;
	size_t count = 0;
	int err;

	err = find_cell(stack, record, &w, error);
	if (err)
		return err;
	if (source->type) {
		err = state_open(stack, source->type, record->cell, w.own, error);
		if (err)
			return err;
		w.own_count = source->type->own_count;
	}

	err = weave(&w, &insns, &count);
	if (err)
		err = refuse(error, err, "type '%s' cannot be woven: %s", source->name,
			     err == -EINVAL ? "its code is not of the expected form"
					    : strerror(-err));
	else
		err = load_or_explain(stack, insns, count, record->name, flavour, error);
	state_close(w.own, w.own_count);
	if (err < 0)
		return err;
	*fd = err;
	return 0;
}
