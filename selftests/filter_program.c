// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>

#include "filter_program.h"
#include "loader/cleanup.h"

#define LENGTH_MAX 48 /* of most programs */

#define PICK(set)  ((set)[below(ARRAY_SIZE(set))])

static unsigned int below(unsigned int limit)
{
	return random() % limit;
}

static bool one_in(unsigned int n)
{
	return !below(n);
}

static __u32 random_number(void)
{
	static const __u32 numbers[] = { 0,	 1,	 2,	     31,	 32,
					 33,	 0xff,	 0x7fff,     0x8000,	 0xffff,
					 0x8100, 0x0800, 0x7fffffff, 0x80000000, 0xffffffff };

	if (one_in(4))
		return PICK(numbers);
	return one_in(8) ? (__u32)random() << 1 : below(256);
}

/* Mostly where packets have bytes. */
static __u32 random_offset(bool relative)
{
	static const __u32 far[] = { 0x7ffa, 0x7ffc, 0x7ffe, 0x7fff, 0x8000, 0xffff, 0x7fffffff };

	if (one_in(30))
		return PICK(far);
	if (one_in(12))
		return SKF_NET_OFF + below(40);
	if (one_in(12))
		return SKF_LL_OFF + below(60);
	return below(relative ? 24 : 60);
}

static __u32 random_ancillary(void)
{
	__u32 what;

	do
		what = 4 * below(SKF_AD_MAX / 4);
	while (what == SKF_AD_RANDOM);
	return SKF_AD_OFF + what;
}

static struct sock_filter random_load(void)
{
	static const __u16 sizes[] = { BPF_W, BPF_H, BPF_B };
	__u16 size = PICK(sizes);

	switch (below(12)) {
	case 0:
		return (struct sock_filter)BPF_STMT(BPF_LD | BPF_IMM, random_number());
	case 1:
		return (struct sock_filter)BPF_STMT(BPF_LD | BPF_MEM, below(BPF_MEMWORDS));
	case 2:
		return (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_LEN, random_number());
	case 3:
	case 4:
		return (struct sock_filter)BPF_STMT(BPF_LD | size | BPF_ABS, random_ancillary());
	case 5:
	case 6:
	case 7:
		return (struct sock_filter)BPF_STMT(BPF_LD | size | BPF_IND, random_offset(true));
	default:
		return (struct sock_filter)BPF_STMT(BPF_LD | size | BPF_ABS, random_offset(false));
	}
}

static struct sock_filter random_load_x(void)
{
	switch (below(8)) {
	case 0:
		return (struct sock_filter)BPF_STMT(BPF_LDX | BPF_MEM, below(BPF_MEMWORDS));
	case 1:
		return (struct sock_filter)BPF_STMT(BPF_LDX | BPF_W | BPF_LEN, 0);
	case 2:
		return (struct sock_filter)BPF_STMT(BPF_LDX | BPF_IMM, random_number());
	case 3:
	case 4:
		return (struct sock_filter)BPF_STMT(BPF_LDX | BPF_IMM, below(40));
	default:
		return (struct sock_filter)BPF_STMT(BPF_LDX | BPF_B | BPF_MSH,
						    random_offset(false));
	}
}

static struct sock_filter random_operation(void)
{
	static const __u16 ops[] = { BPF_ADD, BPF_SUB, BPF_MUL, BPF_DIV, BPF_MOD, BPF_AND,
				     BPF_OR,  BPF_XOR, BPF_LSH, BPF_RSH, BPF_NEG };
	__u16 op = PICK(ops), source = op != BPF_NEG && one_in(2) ? BPF_X : BPF_K;
	__u32 k = random_number();

	if (op == BPF_LSH || op == BPF_RSH)
		k %= 32;
	if (op == BPF_DIV || op == BPF_MOD)
		k = k ?: 1;
	return (struct sock_filter)BPF_STMT(BPF_ALU | op | source, k);
}

/* left: instructions that a jump may leave out. */
static struct sock_filter random_jump(unsigned int left)
{
	static const __u16 ops[] = { BPF_JEQ, BPF_JGT, BPF_JGE, BPF_JSET };
	unsigned int limit = 1 + (one_in(10) ? left : left < 6 ? left : 6);

	limit = limit > 256 ? 256 : limit;
	if (one_in(8))
		return (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, below(limit));
	return (struct sock_filter)BPF_JUMP(BPF_JMP | PICK(ops) | (one_in(2) ? BPF_X : BPF_K),
					    random_number(), below(limit), below(limit));
}

static struct sock_filter random_return(void)
{
	if (one_in(2))
		return (struct sock_filter)BPF_STMT(BPF_RET | BPF_A, random_number());
	return (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, random_number());
}

static struct sock_filter random_insn(unsigned int left)
{
	switch (below(16)) {
	case 0:
	case 1:
	case 2:
		return random_load();
	case 3:
	case 4:
		return random_load_x();
	case 5:
		return (struct sock_filter)BPF_STMT(one_in(2) ? BPF_ST : BPF_STX,
						    below(BPF_MEMWORDS));
	case 6:
		return (struct sock_filter)BPF_STMT(BPF_MISC | (one_in(2) ? BPF_TAX : BPF_TXA), 0);
	case 7:
	case 8:
	case 9:
		return left ? random_jump(left - 1) : random_operation();
	case 10:
		return one_in(3) ? random_return() : random_operation();
	default:
		return random_operation();
	}
}

/* Ancillary loads differ. */
static bool is_known(const struct sock_filter *insn, enum lana_flavour flavour)
{
	struct classic one = { .count = 2, .insns = { *insn, { .code = BPF_RET } } };

	return BPF_CLASS(insn->code) == BPF_JMP || !classic_check(&one, flavour, NULL);
}

void filter_program(struct classic *program, enum lana_flavour flavour)
{
	__u32 count = one_in(40) ? 1 + below(CLASSIC_MAX) : 1 + below(LENGTH_MAX);

	memset(program, 0, sizeof(*program));
	for (__u32 i = 0; i + 1 < count; i++)
		do
			program->insns[i] = random_insn(count - i - 1);
		while (!is_known(&program->insns[i], flavour));
	program->insns[count - 1] = random_return();
	program->count = count;
}
