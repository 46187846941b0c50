// SPDX-License-Identifier: GPL-2.0-only
#include <stdint.h>

#include <linux/if_ether.h>

#include "filter_machine.h"

struct run {
	struct filter_machine *machine;
	const unsigned char *bytes;
	uint32_t size;
	uint32_t a, x, memory[BPF_MEMWORDS];
	uint16_t written; /* words, as bits */
	bool over;	  /* a load or a division has ended the filter */
};

static uint32_t load(struct run *run, int64_t at, int size)
{
	uint32_t value = 0;

	if (at + size > run->size) {
		run->over = true;
		run->machine->beyond++;
		return 0;
	}
	for (int i = 0; i < size; i++)
		value = value << 8 | run->bytes[at + i];
	return value;
}

static int size_of(const struct sock_filter *insn)
{
	switch (BPF_SIZE(insn->code)) {
	case BPF_W:
		return 4;
	case BPF_H:
		return 2;
	default:
		return 1;
	}
}

/* The byte that k names. */
static int64_t place(struct run *run, uint32_t k)
{
	int32_t offset = k;

	if (offset >= 0)
		return offset;
	run->machine->special = true;
	if (offset >= SKF_NET_OFF)
		return (int64_t)ETH_HLEN + offset - SKF_NET_OFF;
	return (int64_t)offset - SKF_LL_OFF;
}

static uint32_t beside(struct run *run, uint32_t what)
{
	run->machine->special = true;
	run->machine->asked[what / 4]++;
	if (what == SKF_AD_ALU_XOR_X)
		return run->a ^ run->x;
	return run->machine->ancillary[what / 4];
}

static uint32_t recall(struct run *run, uint32_t k)
{
	if (!(run->written & 1 << k))
		run->machine->special = true;
	return run->memory[k];
}

static void store(struct run *run, uint32_t k, uint32_t value)
{
	run->memory[k] = value;
	run->written |= 1 << k;
}

/* What BPF_LD and BPF_LDX load. */
static uint32_t value_of(struct run *run, const struct sock_filter *insn)
{
	switch (BPF_MODE(insn->code)) {
	case BPF_IMM:
		return insn->k;
	case BPF_ABS:
		if (insn->k >= (uint32_t)SKF_AD_OFF)
			return beside(run, insn->k - SKF_AD_OFF);
		return load(run, place(run, insn->k), size_of(insn));
	case BPF_IND:
		return load(run, place(run, insn->k) + run->x, size_of(insn));
	case BPF_MEM:
		return recall(run, insn->k);
	case BPF_LEN:
		return run->size;
	default: /* BPF_MSH */
		return 4 * (load(run, place(run, insn->k), 1) & 0xf);
	}
}

static uint32_t compute(struct run *run, const struct sock_filter *insn)
{
	uint32_t a = run->a, b = BPF_SRC(insn->code) == BPF_X ? run->x : insn->k;
	uint8_t op = BPF_OP(insn->code);

	if ((op == BPF_DIV || op == BPF_MOD) && !b) {
		run->over = true;
		return 0;
	}
	switch (op) {
	case BPF_ADD:
		return a + b;
	case BPF_SUB:
		return a - b;
	case BPF_MUL:
		return a * b;
	case BPF_DIV:
		return a / b;
	case BPF_MOD:
		return a % b;
	case BPF_AND:
		return a & b;
	case BPF_OR:
		return a | b;
	case BPF_XOR:
		return a ^ b;
	case BPF_LSH:
		return b > 31 ? 0 : a << b;
	case BPF_RSH:
		return b > 31 ? 0 : a >> b;
	default: /* BPF_NEG */
		return -a;
	}
}

/* How many instructions a jump leaves out. */
static uint32_t jump(struct run *run, const struct sock_filter *insn)
{
	uint32_t a = run->a, b = BPF_SRC(insn->code) == BPF_X ? run->x : insn->k, skipped;

	switch (BPF_OP(insn->code)) {
	case BPF_JA:
		skipped = insn->k;
		break;
	case BPF_JEQ:
		skipped = a == b ? insn->jt : insn->jf;
		break;
	case BPF_JGT:
		skipped = a > b ? insn->jt : insn->jf;
		break;
	case BPF_JGE:
		skipped = a >= b ? insn->jt : insn->jf;
		break;
	default: /* BPF_JSET */
		skipped = a & b ? insn->jt : insn->jf;
	}
	run->machine->taken += skipped != 0;
	return skipped;
}

uint32_t filter_machine_run(struct filter_machine *machine, const struct classic *filter,
			    const unsigned char *bytes, uint32_t size)
{
	struct run run = { .machine = machine, .bytes = bytes, .size = size };

	machine->special = false;
	for (uint32_t i = 0; !run.over; i++) {
		const struct sock_filter *insn = &filter->insns[i];

		machine->ran[insn->code]++;
		switch (BPF_CLASS(insn->code)) {
		case BPF_LD:
			run.a = value_of(&run, insn);
			break;
		case BPF_LDX:
			run.x = value_of(&run, insn);
			break;
		case BPF_ST:
			store(&run, insn->k, run.a);
			break;
		case BPF_STX:
			store(&run, insn->k, run.x);
			break;
		case BPF_ALU:
			run.a = compute(&run, insn);
			break;
		case BPF_JMP:
			i += jump(&run, insn);
			break;
		case BPF_RET:
			return BPF_RVAL(insn->code) == BPF_A ? run.a : insn->k;
		case BPF_MISC:
			if (BPF_MISCOP(insn->code) == BPF_TAX)
				run.x = run.a;
			else
				run.a = run.x;
			break;
		}
	}
	return 0;
}
