// SPDX-License-Identifier: GPL-2.0-only
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include "filter_ancillary.h"
#include "filter_run.h"
#include "loader/code.h"
#include "loader/fold.h"
#include "loader/insn.h"
#include "tap.h"

/* Registers that a filter is to leave alone. */
#define RESULTS BPF_REG_7
#define VERDICT BPF_REG_9

static int verdict(enum lana_flavour flavour)
{
	return flavour == LANA_XDP ? XDP_PASS : TC_ACT_OK;
}

static void write_field(struct code *code, int field, __u32 value)
{
	code_emit(code, insn_mov_imm(BPF_REG_1, value));
	code_emit(code, insn_store(BPF_W, BPF_REG_6, BPF_REG_1, field));
}

static void write_ancillary(struct code *code)
{
	write_field(code, offsetof(struct __sk_buff, mark), FILTER_MARK);
	write_field(code, offsetof(struct __sk_buff, queue_mapping), FILTER_QUEUE);
	code_emit(code, insn_mov(BPF_REG_1, BPF_REG_6));
	code_emit(code, insn_mov_imm(BPF_REG_2, FILTER_HASH));
	code_emit(code, insn_call(BPF_FUNC_set_hash));
	code_emit(code, insn_mov(BPF_REG_1, BPF_REG_6));
	code_emit(code, insn_mov_imm(BPF_REG_2, htons(FILTER_VLAN_TPID)));
	code_emit(code, insn_mov_imm(BPF_REG_3, FILTER_VLAN_TCI));
	code_emit(code, insn_call(BPF_FUNC_skb_vlan_push));
}

static void write_linear(struct code *code, const struct filter_run *run)
{
	bool tc = run->flavour == LANA_TC;

	code_emit(code,
		  insn_load(BPF_W, BPF_REG_1, BPF_REG_6,
			    tc ? offsetof(struct __sk_buff, data) : offsetof(struct xdp_md, data)));
	code_emit(code, insn_load(BPF_W, BPF_REG_2, BPF_REG_6,
				  tc ? offsetof(struct __sk_buff, data_end)
				     : offsetof(struct xdp_md, data_end)));
	code_emit(code, insn_alu(BPF_SUB, BPF_REG_2, BPF_REG_1));
	code_emit(code, insn_store(BPF_DW, RESULTS, BPF_REG_2, run->count * sizeof(uint64_t)));
}

static int write_code(struct code *code, const struct filter_run *run,
		      const struct classic *filters)
{
	code_emit(code, insn_mov(BPF_REG_6, BPF_REG_1));
	code_emit(code, insn_mov_imm(VERDICT, verdict(run->flavour)));
	if (run->flavour == LANA_TC)
		write_ancillary(code);
	for (unsigned int i = 0; i < run->count; i++) {
		code_map(code, RESULTS, BPF_PSEUDO_MAP_VALUE, run->map, 0);
		classic_emit(code, run->flavour, &filters[i]);
		code_emit(code, insn_store(BPF_DW, RESULTS, BPF_REG_0, i * sizeof(uint64_t)));
	}
	write_linear(code, run);
	code_emit(code, insn_mov(BPF_REG_0, VERDICT));
	code_emit(code, insn_exit());
	code->main_count = code->count;
	return code->failed ? -ENOMEM : 0;
}

static int load(const struct filter_run *run, const struct bpf_insn *insns, size_t count, char *log,
		size_t size)
{
	LIBBPF_OPTS(bpf_prog_load_opts, options, .log_buf = log, .log_size = size,
		    .log_level = log ? 1 : 0);
	enum bpf_prog_type type = BPF_PROG_TYPE_SCHED_CLS;

	if (run->flavour == LANA_XDP) {
		type = BPF_PROG_TYPE_XDP;
		options.expected_attach_type = BPF_XDP;
		options.prog_flags = BPF_F_XDP_HAS_FRAGS;
	}
	return bpf_prog_load(type, "filters", "GPL", insns, count, &options);
}

/* Load, or say what the kernel said last. */
static int load_or_explain(struct filter_run *run, const struct bpf_insn *insns, size_t count,
			   char *text, size_t size)
{
	static char log[1 << 24];
	size_t length;

	run->program = load(run, insns, count, NULL, 0);
	if (run->program >= 0)
		return 0;
	*log = 0;
	load(run, insns, count, log, sizeof(log));
	length = strlen(log);
	snprintf(text, size, "%s", log + (length < size ? 0 : length - size + 1));
	return run->program;
}

/* Where the loader has a packet's mark ride at XDP; of one CPU. */
static int make_context(void)
{
	const struct lana_context value = { .mark = FILTER_MARK };
	int map = bpf_map_create(BPF_MAP_TYPE_ARRAY, "context", sizeof(__u32), sizeof(value), 1,
				 NULL);
	__u32 zero = 0;

	if (map < 0 || bpf_map_update_elem(map, &zero, &value, BPF_ANY))
		tap_bail("a map: %s", strerror(errno));
	return map;
}

int filter_run_open(struct filter_run *run, enum lana_flavour flavour, bool folded,
		    const struct classic *filters, unsigned int count, char *text, size_t size)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_MMAPABLE);
	struct bpf_insn *insns = NULL;
	struct code code = { .context = make_context(), .flavour = flavour };
	int err;

	run->flavour = flavour;
	run->count = count;
	run->map = bpf_map_create(BPF_MAP_TYPE_ARRAY, "results", sizeof(__u32), getpagesize(), 1,
				  &options);
	if (run->map < 0)
		tap_bail("a map: %s", strerror(errno));
	run->results = mmap(NULL, getpagesize(), PROT_READ | PROT_WRITE, MAP_SHARED, run->map, 0);
	if (run->results == MAP_FAILED)
		tap_bail("a map: %s", strerror(errno));

	err = write_code(&code, run, filters);
	if (!err && folded)
		err = fold(&code, NULL);
	if (!err)
		err = code_finish(&code, 0, &insns, &run->length);
	if (!err)
		err = load_or_explain(run, insns, run->length, text, size);
	else
		snprintf(text, size, "%s", strerror(-err));
	free(insns);
	close(code.context);
	code_free(&code);
	return err;
}

void filter_run_close(struct filter_run *run)
{
	if (run->program >= 0)
		close(run->program);
	if (run->map >= 0) {
		munmap(run->results, getpagesize());
		close(run->map);
	}
	run->program = run->map = -1;
}

bool filter_run_packet(struct filter_run *run, const void *bytes, unsigned int size,
		       unsigned int linear)
{
	struct xdp_md context = { .data_end = linear };
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = bytes, .data_size_in = size,
		    .repeat = 1);

	if (linear != size) {
		options.ctx_in = &context;
		options.ctx_size_in = sizeof(context);
	}
	memset(run->results, 0xee, (run->count + 1) * sizeof(*run->results));
	if (bpf_prog_test_run_opts(run->program, &options)) {
		if (errno != EINVAL)
			tap_bail("a test run of %u bytes: %s", size, strerror(errno));
		return false;
	}
	if ((int)options.retval != verdict(run->flavour))
		tap_bail("a filter overwrote a register that is not its own");
	return true;
}

bool filter_run_splits(void)
{
	static const struct classic everything;
	struct filter_run run = { .program = -1, .map = -1 };
	unsigned char bytes[64] = {};
	char text[512];
	bool splits;

	if (filter_run_open(&run, LANA_XDP, false, &everything, 1, text, sizeof(text)))
		tap_bail("%s", text);
	splits = filter_run_packet(&run, bytes, sizeof(bytes), 20);
	filter_run_close(&run);
	return splits;
}
