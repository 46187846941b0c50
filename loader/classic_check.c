// SPDX-License-Identifier: GPL-2.0-only
/*
 * classic_check - is it a program of the classic machine?
 */
#include <errno.h>
#include <stddef.h>

#include <linux/bpf.h>
#include <linux/if_ether.h>

#include "classic_check.h"
#include "cleanup.h"
#include "error.h"

/* ---- what loads ask for -------------------------------------------------------------------- */

#define XDP(member)  ANCILLARY_FIELD, offsetof(struct xdp_md, member)
#define TC(member)   ANCILLARY_FIELD, offsetof(struct __sk_buff, member)
#define HELPER(name) ANCILLARY_HELPER, BPF_FUNC_##name
#define OURS(member) ANCILLARY_OURS, offsetof(struct lana_context, member)
#define XOR	     ANCILLARY_XOR, 0
#define NONE	     ANCILLARY_NONE, 0

/* In the order of their offsets from SKF_AD_OFF, which are multiples of 4. */
const struct classic_ancillary classic_ancillaries[] = {
	{ "proto", { { NONE }, { TC(protocol) } }, true },
	{ "type", { { NONE }, { TC(pkt_type) } }, false },
	{ "ifidx", { { XDP(ingress_ifindex) }, { TC(ifindex) } }, false },
	{ "nla", { { NONE }, { NONE } }, false },
	{ "nlan", { { NONE }, { NONE } }, false },
	{ "mark", { { OURS(mark) }, { TC(mark) } }, false },
	{ "queue", { { XDP(rx_queue_index) }, { TC(queue_mapping) } }, false },
	{ "hatype", { { NONE }, { NONE } }, false },
	{ "rxhash", { { NONE }, { TC(hash) } }, false },
	{ "cpu", { { HELPER(get_smp_processor_id) }, { HELPER(get_smp_processor_id) } }, false },
	{ "xor x", { { XOR }, { XOR } }, false },
	{ "vlan_tci", { { NONE }, { TC(vlan_tci) } }, false },
	{ "vlan_avail", { { NONE }, { TC(vlan_present) } }, false },
	{ "poff", { { NONE }, { NONE } }, false },
	{ "rand", { { HELPER(get_prandom_u32) }, { HELPER(get_prandom_u32) } }, false },
	{ "vlan_tpid", { { NONE }, { TC(vlan_proto) } }, true },
};

bool classic_loads(const struct sock_filter *insn)
{
	__u8 class = BPF_CLASS(insn->code), mode = BPF_MODE(insn->code);

	return (class == BPF_LD && (mode == BPF_ABS || mode == BPF_IND)) ||
	       (class == BPF_LDX && mode == BPF_MSH);
}

const struct classic_ancillary *classic_ancillary(const struct sock_filter *insn)
{
	__u32 what = insn->k - SKF_AD_OFF;

	if (BPF_CLASS(insn->code) != BPF_LD || BPF_MODE(insn->code) != BPF_ABS ||
	    what >= SKF_AD_MAX || what % 4)
		return NULL;
	return &classic_ancillaries[what / 4];
}

long classic_offset(const struct sock_filter *insn)
{
	__s32 k = insn->k;

	if (k >= 0)
		return k;
	if (k >= SKF_AD_OFF || k < SKF_LL_OFF)
		return -1;
	return k >= SKF_NET_OFF ? ETH_HLEN + (long)k - SKF_NET_OFF : (long)k - SKF_LL_OFF;
}

/* ---- the check ----------------------------------------------------------------------------- */

static bool is_known(__u16 code)
{
	static const __u16 known[] = {
		BPF_LD | BPF_W | BPF_ABS,
		BPF_LD | BPF_H | BPF_ABS,
		BPF_LD | BPF_B | BPF_ABS,
		BPF_LD | BPF_W | BPF_IND,
		BPF_LD | BPF_H | BPF_IND,
		BPF_LD | BPF_B | BPF_IND,
		BPF_LD | BPF_W | BPF_LEN,
		BPF_LD | BPF_IMM,
		BPF_LD | BPF_MEM,
		BPF_LDX | BPF_W | BPF_LEN,
		BPF_LDX | BPF_IMM,
		BPF_LDX | BPF_MEM,
		BPF_LDX | BPF_B | BPF_MSH,
		BPF_ST,
		BPF_STX,
		BPF_ALU | BPF_ADD | BPF_K,
		BPF_ALU | BPF_ADD | BPF_X,
		BPF_ALU | BPF_SUB | BPF_K,
		BPF_ALU | BPF_SUB | BPF_X,
		BPF_ALU | BPF_MUL | BPF_K,
		BPF_ALU | BPF_MUL | BPF_X,
		BPF_ALU | BPF_DIV | BPF_K,
		BPF_ALU | BPF_DIV | BPF_X,
		BPF_ALU | BPF_MOD | BPF_K,
		BPF_ALU | BPF_MOD | BPF_X,
		BPF_ALU | BPF_AND | BPF_K,
		BPF_ALU | BPF_AND | BPF_X,
		BPF_ALU | BPF_OR | BPF_K,
		BPF_ALU | BPF_OR | BPF_X,
		BPF_ALU | BPF_XOR | BPF_K,
		BPF_ALU | BPF_XOR | BPF_X,
		BPF_ALU | BPF_LSH | BPF_K,
		BPF_ALU | BPF_LSH | BPF_X,
		BPF_ALU | BPF_RSH | BPF_K,
		BPF_ALU | BPF_RSH | BPF_X,
		BPF_ALU | BPF_NEG,
		BPF_JMP | BPF_JA,
		BPF_JMP | BPF_JEQ | BPF_K,
		BPF_JMP | BPF_JEQ | BPF_X,
		BPF_JMP | BPF_JGT | BPF_K,
		BPF_JMP | BPF_JGT | BPF_X,
		BPF_JMP | BPF_JGE | BPF_K,
		BPF_JMP | BPF_JGE | BPF_X,
		BPF_JMP | BPF_JSET | BPF_K,
		BPF_JMP | BPF_JSET | BPF_X,
		BPF_RET | BPF_K,
		BPF_RET | BPF_A,
		BPF_MISC | BPF_TAX,
		BPF_MISC | BPF_TXA,
	};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (known[i] == code)
			return true;
	return false;
}

static int check_load(const struct sock_filter *insn, __u32 at, enum lana_flavour flavour,
		      struct lana_error *error)
{
	const struct classic_ancillary *ancillary = classic_ancillary(insn);

	if (ancillary && ancillary->source[flavour].kind == ANCILLARY_NONE)
		return refuse(error, -EINVAL, "filter, instruction %u: #%s is not known at %s", at,
			      ancillary->name, flavour == LANA_XDP ? "XDP" : "tc");
	if (!ancillary && classic_offset(insn) < 0)
		return refuse(error, -EINVAL,
			      "filter, instruction %u: loads from %d, where nothing is", at,
			      (__s32)insn->k);
	return 0;
}

static int check_memory(const struct sock_filter *insn, __u32 at, struct lana_error *error)
{
	if (insn->k < BPF_MEMWORDS)
		return 0;
	return refuse(error, -EINVAL,
		      "filter, instruction %u: there is no M[%u], the last is M[%d]", at, insn->k,
		      BPF_MEMWORDS - 1);
}

static int check_operation(const struct sock_filter *insn, __u32 at, struct lana_error *error)
{
	__u8 op = BPF_OP(insn->code);

	if (BPF_SRC(insn->code) != BPF_K)
		return 0;
	if ((op == BPF_DIV || op == BPF_MOD) && !insn->k)
		return refuse(error, -EINVAL, "filter, instruction %u: divides by 0", at);
	if ((op == BPF_LSH || op == BPF_RSH) && insn->k > 31)
		return refuse(error, -EINVAL,
			      "filter, instruction %u: shifts by %u, 31 is the most", at, insn->k);
	return 0;
}

/* left: instructions behind this one. */
static int check_jump(const struct sock_filter *insn, __u32 at, __u32 left,
		      struct lana_error *error)
{
	bool always = BPF_OP(insn->code) == BPF_JA;

	if (always && (__s32)insn->k < 0)
		return refuse(error, -EINVAL,
			      "filter, instruction %u: jumps backward (as 'protochain' does): only "
			      "forward can be woven",
			      at);
	if (always ? insn->k >= left : insn->jt >= left || insn->jf >= left)
		return refuse(error, -EINVAL, "filter, instruction %u: jumps past the end", at);
	return 0;
}

static int check_insn(const struct classic *filter, __u32 at, enum lana_flavour flavour,
		      struct lana_error *error)
{
	const struct sock_filter *insn = &filter->insns[at];

	if (!is_known(insn->code))
		return refuse(error, -EINVAL,
			      "filter, instruction %u: no instruction has code 0x%x", at,
			      insn->code);
	if (classic_loads(insn))
		return check_load(insn, at, flavour, error);
	switch (BPF_CLASS(insn->code)) {
	case BPF_LD:
	case BPF_LDX:
		return BPF_MODE(insn->code) == BPF_MEM ? check_memory(insn, at, error) : 0;
	case BPF_ST:
	case BPF_STX:
		return check_memory(insn, at, error);
	case BPF_ALU:
		return check_operation(insn, at, error);
	case BPF_JMP:
		return check_jump(insn, at, filter->count - at - 1, error);
	default:
		return 0;
	}
}

int classic_check(const struct classic *filter, enum lana_flavour flavour, struct lana_error *error)
{
	int err = 0;

	if (filter->count > CLASSIC_MAX)
		return refuse(error, -EINVAL, "a filter has %d instructions at most, not %u",
			      CLASSIC_MAX, filter->count);
	for (__u32 i = 0; !err && i < filter->count; i++)
		err = check_insn(filter, i, flavour, error);
	if (!err && filter->count && BPF_CLASS(filter->insns[filter->count - 1].code) != BPF_RET)
		return refuse(error, -EINVAL, "filter, instruction %u: the last is to return",
			      filter->count - 1);
	return err;
}

int classic_check_any(const struct classic *filter, struct lana_error *error)
{
	return classic_check(filter, LANA_XDP, NULL) ? classic_check(filter, LANA_TC, error) : 0;
}
