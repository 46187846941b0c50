// SPDX-License-Identifier: GPL-2.0-only
/*
 * fold_place - give each name of a register one that the machine has
 *
 * Two names may share a register if neither is written where the other is still to be read
 * (Chaitin, 1982). First the registers that outlast calls are emptied of what need not outlast one:
 * each that is used costs a program its saving and restoring. Then what is kept gets a register,
 * the most used first.
 */
#include "fold_value.h"

struct place {
	__u32 conflicts[REGISTER_NAMES]; /* bit r: not into register r */
	size_t uses[REGISTER_NAMES];
	__u8 into[REGISTER_NAMES];
};

static void find_conflicts(const struct folder *folder, struct place *place)
{
	const struct code *code = folder->code;

	for (size_t i = 0; i < code->main_count; i++) {
		const struct op *op = &code->ops[i];
		__u32 before = folder->live[i], after = folder->live[i + 1];
		__u32 writes = live_writes(op), uses = live_uses(op);

		if (is_nothing(op))
			continue;
		for (int name = 0; name < REGISTER_NAMES; name++) {
			__u32 bit = REGISTER_BIT(name);

			if (before & bit)
				place->conflicts[name] |= before;
			if (writes & bit)
				place->conflicts[name] |= after;
			else if (after & bit)
				place->conflicts[name] |= writes;
			place->uses[name] += (uses & bit) != 0;
		}
	}
}

/* A register between two that the name can have; NO_REGISTER: none. */
static int choose(const struct place *place, int name, int first, int last)
{
	for (int i = first; i <= last; i++)
		if (!(place->conflicts[name] & REGISTER_BIT(i)))
			return i;
	return NO_REGISTER;
}

static void put(struct place *place, int name, int into)
{
	for (int i = 0; i < REGISTER_NAMES; i++) {
		if (place->into[i] == name)
			place->into[i] = into;
		if (place->conflicts[i] & REGISTER_BIT(name)) {
			place->conflicts[i] &= ~REGISTER_BIT(name);
			place->conflicts[i] |= REGISTER_BIT(into);
		}
	}
	place->conflicts[into] |= place->conflicts[name];
	place->conflicts[name] = 0;
	place->uses[name] = 0;
}

/* Which names of what is kept found no register. */
static __u32 put_kept(struct place *place, __u32 words)
{
	__u32 missing = 0;

	for (;;) {
		int most = NO_REGISTER, into;

		for (int i = KEEP_FIRST; i <= KEEP_LAST; i++)
			if (!(words & REGISTER_BIT(i)) && place->uses[i] &&
			    (!most || place->uses[i] > place->uses[most]))
				most = i;
		if (!most)
			return missing;
		into = choose(place, most, BPF_REG_1, BPF_REG_9);
		if (into)
			put(place, most, into);
		else
			missing |= REGISTER_BIT(most);
		place->uses[most] = 0;
	}
}

static bool is_packet_load(const struct op *op)
{
	return op->kind == OP_INSN && BPF_CLASS(op->insn.code) == BPF_LD &&
	       !insn_is_load_imm64(&op->insn);
}

static bool copies_to_itself(const struct op *op)
{
	const struct bpf_insn *insn = &op->insn;

	return op->kind == OP_INSN && insn->code == (BPF_ALU64 | BPF_MOV | BPF_X) && !insn->off &&
	       insn->dst_reg == insn->src_reg;
}

/* Is src_reg a register? */
static bool names_source(const struct op *op)
{
	if (op->kind == OP_CONFIG || op->kind == OP_LENGTH)
		return false;
	return op->kind != OP_INSN ||
	       (op->insn.code != (BPF_JMP | BPF_CALL) && !insn_is_load_imm64(&op->insn));
}

static void rename_all(struct folder *folder, const struct place *place)
{
	struct code *code = folder->code;

	for (size_t i = 0; i < code->main_count; i++) {
		struct op *op = &code->ops[i];

		if (is_nothing(op))
			continue;
		op->insn.dst_reg = place->into[op->insn.dst_reg];
		if (names_source(op))
			op->insn.src_reg = place->into[op->insn.src_reg];
		op->keep = place->into[op->keep];
		if (copies_to_itself(op))
			become(folder, op, OP_GONE, op->insn, 0);
	}
}

__u32 place_registers(struct folder *folder)
{
	struct code *code = folder->code;
	struct place place = {};
	bool fixed = false; /* r6: it is read by loads that do not name it */
	__u32 missing;

	value_find(folder);
	live_drop(folder);
	find_conflicts(folder, &place);
	for (int i = 0; i < REGISTER_NAMES; i++)
		place.into[i] = i;
	for (size_t i = 0; i < code->main_count; i++)
		fixed |= is_packet_load(&code->ops[i]);
	for (int i = BPF_REG_6 + fixed; i <= BPF_REG_9; i++) {
		int into = place.uses[i] ? choose(&place, i, BPF_REG_1, BPF_REG_5) : NO_REGISTER;

		if (into)
			put(&place, i, into);
	}
	missing = put_kept(&place, folder->words);
	if (missing)
		return missing;
	rename_all(folder, &place);
	value_find(folder);
	live_find(folder);
	for (size_t i = 0; i < code->main_count; i++)
		if (!(folder->live[i + 1] & ~live_sets(&code->ops[i]) & REGISTER_BIT(BPF_REG_1)))
			code->ops[i].saves_r1 = false;
	return 0;
}
