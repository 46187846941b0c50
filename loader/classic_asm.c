// SPDX-License-Identifier: GPL-2.0-only
/*
 * classic_asm - filters from assembler
 *
 * Lines mean nothing: a text is a row of labels and instructions. An instruction is a mnemonic,
 * which knows the operands that it takes, and, if it jumps, where to.
 */
#include <errno.h>
#include <string.h>

#include "classic_check.h"
#include "classic_scan.h"
#include "cleanup.h"
#include "error.h"

enum operand {
	NOTHING,
	NUMBER,	   /* #k */
	BARE,	   /* k */
	X,	   /* x, %x */
	A,	   /* a, %a */
	BYTES,	   /* [k] */
	BYTES_X,   /* [x + k] */
	MEMORY,	   /* M[k] */
	HEADER,	   /* 4*([k]&0xf) */
	LENGTH,	   /* #len */
	ANCILLARY, /* #proto and the like */
};

#define ONE(operand) (1U << (operand))
#define PACKET	     (ONE(BYTES) | ONE(BYTES_X) | ONE(ANCILLARY))
#define VALUE	     (ONE(NUMBER) | ONE(X))

static const struct mnemonic {
	const char *name;
	__u16 code;	/* the operand adds to it */
	__u16 operands; /* that it takes */
	bool inverted;	/* jumps if not */
} mnemonics[] = {
	{ "ld", BPF_LD, PACKET | ONE(MEMORY) | ONE(NUMBER) | ONE(LENGTH), false },
	{ "ldh", BPF_LD | BPF_H, PACKET, false },
	{ "ldb", BPF_LD | BPF_B, PACKET, false },
	{ "ldi", BPF_LD, ONE(NUMBER) | ONE(BARE), false },
	{ "ldx", BPF_LDX, ONE(MEMORY) | ONE(NUMBER) | ONE(LENGTH) | ONE(HEADER), false },
	{ "ldxi", BPF_LDX, ONE(NUMBER) | ONE(BARE), false },
	{ "ldxb", BPF_LDX, ONE(HEADER), false },
	{ "st", BPF_ST, ONE(MEMORY), false },
	{ "stx", BPF_STX, ONE(MEMORY), false },
	{ "add", BPF_ALU | BPF_ADD, VALUE, false },
	{ "sub", BPF_ALU | BPF_SUB, VALUE, false },
	{ "mul", BPF_ALU | BPF_MUL, VALUE, false },
	{ "div", BPF_ALU | BPF_DIV, VALUE, false },
	{ "mod", BPF_ALU | BPF_MOD, VALUE, false },
	{ "and", BPF_ALU | BPF_AND, VALUE, false },
	{ "or", BPF_ALU | BPF_OR, VALUE, false },
	{ "xor", BPF_ALU | BPF_XOR, VALUE, false },
	{ "lsh", BPF_ALU | BPF_LSH, VALUE, false },
	{ "rsh", BPF_ALU | BPF_RSH, VALUE, false },
	{ "neg", BPF_ALU | BPF_NEG, ONE(NOTHING), false },
	{ "jmp", BPF_JMP | BPF_JA, ONE(NOTHING), false },
	{ "ja", BPF_JMP | BPF_JA, ONE(NOTHING), false },
	{ "jeq", BPF_JMP | BPF_JEQ, VALUE, false },
	{ "jneq", BPF_JMP | BPF_JEQ, VALUE, true },
	{ "jne", BPF_JMP | BPF_JEQ, VALUE, true },
	{ "jgt", BPF_JMP | BPF_JGT, VALUE, false },
	{ "jle", BPF_JMP | BPF_JGT, VALUE, true },
	{ "jge", BPF_JMP | BPF_JGE, VALUE, false },
	{ "jlt", BPF_JMP | BPF_JGE, VALUE, true },
	{ "jset", BPF_JMP | BPF_JSET, VALUE, false },
	{ "tax", BPF_MISC | BPF_TAX, ONE(NOTHING), false },
	{ "txa", BPF_MISC | BPF_TXA, ONE(NOTHING), false },
	{ "ret", BPF_RET, ONE(NUMBER) | ONE(A) | ONE(NOTHING), false },
};

struct label {
	struct token name;
	__u32 insn; /* that it stands before */
};

struct target {
	struct token label; /* its name, or the number of an instruction */
	__u32 insn;	    /* that jumps there */
	enum { YES, NO, ALWAYS } way;
};

struct assembler {
	struct scanner scan;
	struct classic filter;
	struct label labels[CLASSIC_MAX];
	struct target targets[2 * CLASSIC_MAX];
	size_t label_count, target_count;
};

/* ---- operands ------------------------------------------------------------------------------ */

static bool find_ancillary(struct token token, __u32 *k)
{
	for (size_t i = 0; i < ARRAY_SIZE(classic_ancillaries); i++)
		if (token_is(token, classic_ancillaries[i].name)) {
			*k = SKF_AD_OFF + 4 * i;
			return true;
		}
	*k = SKF_AD_OFF + SKF_AD_VLAN_TAG_PRESENT;
	return token_is(token, "vlan_pr"); /* as it was called before */
}

/* A name behind # or in its place. */
static int read_name(struct assembler *as, enum operand *operand, __u32 *k)
{
	if (token_is(as->scan.token, "len") || token_is(as->scan.token, "pktlen"))
		*operand = LENGTH;
	else if (find_ancillary(as->scan.token, k))
		*operand = ANCILLARY;
	else
		return scan_unexpected(&as->scan, "an operand");
	return scan_next(&as->scan);
}

static int read_register(struct assembler *as, enum operand *operand)
{
	if (token_is(as->scan.token, "x"))
		*operand = X;
	else if (token_is(as->scan.token, "a"))
		*operand = A;
	else
		return scan_unexpected(&as->scan, "a register");
	return scan_next(&as->scan);
}

/* Behind the bracket. */
static int read_bytes(struct assembler *as, enum operand *operand, __u32 *k)
{
	bool percent = token_is_sign(as->scan.token, '%');
	int err = percent ? scan_next(&as->scan) : 0;

	*operand = BYTES;
	if (!err && (percent || as->scan.token.kind == NAME)) {
		*operand = BYTES_X;
		err = scan_word(&as->scan, "x");
		if (!err)
			err = scan_sign(&as->scan, '+');
	}
	if (!err)
		err = scan_number(&as->scan, k);
	return err ?: scan_sign(&as->scan, ']');
}

/* Behind the 4. */
static int read_header(struct assembler *as, __u32 *k)
{
	enum operand inner;
	struct token mask;
	__u32 bits = 0;
	int err = scan_sign(&as->scan, '*');

	if (!err)
		err = scan_sign(&as->scan, '(');
	if (!err)
		err = scan_sign(&as->scan, '[');
	if (!err)
		err = read_bytes(as, &inner, k);
	if (!err)
		err = scan_sign(&as->scan, '&');
	mask = as->scan.token;
	if (!err)
		err = scan_number(&as->scan, &bits);
	if (!err && (bits != 0xf || inner != BYTES))
		return scan_refuse(&as->scan, mask, "there is but 4*([k]&0xf)");
	return err ?: scan_sign(&as->scan, ')');
}

static int read_memory(struct assembler *as, __u32 *k)
{
	int err = scan_next(&as->scan);

	if (!err)
		err = scan_sign(&as->scan, '[');
	if (!err)
		err = scan_number(&as->scan, k);
	return err ?: scan_sign(&as->scan, ']');
}

static int read_hash(struct assembler *as, enum operand *operand, __u32 *k)
{
	int err = scan_next(&as->scan);

	*operand = NUMBER;
	if (err)
		return err;
	return as->scan.token.kind == NAME ? read_name(as, operand, k) : scan_number(&as->scan, k);
}

static int read_digits(struct assembler *as, enum operand *operand, __u32 *k)
{
	struct token number = as->scan.token;
	int err = scan_number(&as->scan, k);

	*operand = BARE;
	if (err || !token_is_sign(as->scan.token, '*'))
		return err;
	*operand = HEADER;
	if (*k != 4)
		return scan_refuse(&as->scan, number, "there is but 4*([k]&0xf)");
	return read_header(as, k);
}

static int read_operand(struct assembler *as, enum operand *operand, __u32 *k)
{
	int err = 0;

	if (token_is_sign(as->scan.token, '#'))
		return read_hash(as, operand, k);
	if (as->scan.token.kind == DIGITS || token_is_sign(as->scan.token, '-') ||
	    token_is_sign(as->scan.token, '+'))
		return read_digits(as, operand, k);
	if (token_is(as->scan.token, "M")) {
		*operand = MEMORY;
		return read_memory(as, k);
	}
	if (token_is_sign(as->scan.token, '[')) {
		err = scan_next(&as->scan);
		return err ?: read_bytes(as, operand, k);
	}
	if (token_is(as->scan.token, "x") || token_is(as->scan.token, "a"))
		return read_register(as, operand);
	if (token_is_sign(as->scan.token, '%')) {
		err = scan_next(&as->scan);
		return err ?: read_register(as, operand);
	}
	return read_name(as, operand, k);
}

/* What the operand makes of the code. */
static __u16 operand_code(__u16 code, enum operand operand)
{
	switch (operand) {
	case NOTHING: /* tcpdump returns A so */
		return code == BPF_RET ? BPF_RET | BPF_A : code;
	case X:
		return code | BPF_X;
	case A:
		return code | BPF_A;
	case BYTES:
	case ANCILLARY:
		return code | BPF_ABS;
	case BYTES_X:
		return code | BPF_IND;
	case MEMORY:
		return BPF_CLASS(code) <= BPF_LDX ? code | BPF_MEM : code;
	case HEADER:
		return code | BPF_B | BPF_MSH;
	case LENGTH:
		return code | BPF_LEN;
	default: /* BPF_IMM and BPF_K are 0 */
		return code;
	}
}

/* ---- jumps --------------------------------------------------------------------------------- */

static int read_target(struct assembler *as, __u32 insn, int way)
{
	if (as->scan.token.kind != NAME && as->scan.token.kind != DIGITS)
		return scan_unexpected(&as->scan, "a label");
	as->targets[as->target_count++] = (struct target){ as->scan.token, insn, way };
	return scan_next(&as->scan);
}

/* "jt 4 jf 2", numbers of instructions, as tcpdump has it. */
static int read_numbered_branch(struct assembler *as, __u32 insn)
{
	int err = scan_next(&as->scan);

	if (!err)
		err = read_target(as, insn, YES);
	if (!err)
		err = scan_word(&as->scan, "jf");
	return err ?: read_target(as, insn, NO);
}

/* ", label" or ", label, label"; the other way is to what follows. */
static int read_branch(struct assembler *as, __u32 insn, bool inverted)
{
	int err;

	if (token_is(as->scan.token, "jt"))
		return read_numbered_branch(as, insn);
	err = scan_sign(&as->scan, ',');
	if (!err)
		err = read_target(as, insn, inverted ? NO : YES);
	if (err || !token_is_sign(as->scan.token, ','))
		return err;
	err = scan_next(&as->scan);
	return err ?: read_target(as, insn, inverted ? YES : NO);
}

/* The number of the instruction that a jump leads to. */
static int find_target(struct assembler *as, const struct target *target, __u32 *insn)
{
	struct token name = target->label;
	__u64 number;

	if (name.kind == DIGITS) {
		if (!scan_value(name, &number))
			return scan_refuse(&as->scan, name, "'%.*s' is no number", (int)name.length,
					   name.text);
		*insn = number;
		return 0;
	}
	for (size_t i = 0; i < as->label_count; i++) {
		if (token_same(as->labels[i].name, name)) {
			*insn = as->labels[i].insn;
			return 0;
		}
	}
	return scan_refuse(&as->scan, name, "there is no label '%.*s'", (int)name.length,
			   name.text);
}

static int aim(struct assembler *as, const struct target *target)
{
	struct sock_filter *insn = &as->filter.insns[target->insn];
	__u32 to = 0, distance;
	int err = find_target(as, target, &to);

	if (err)
		return err;
	distance = to - target->insn - 1;
	if (to <= target->insn)
		return scan_refuse(&as->scan, target->label, "jumps lead forward only");
	if (to >= as->filter.count)
		return scan_refuse(&as->scan, target->label, "no instruction is there");
	if (target->way != ALWAYS && distance > UINT8_MAX)
		return scan_refuse(&as->scan, target->label,
				   "is too far: %u instructions lie between, 255 are the most",
				   distance);
	if (target->way == ALWAYS)
		insn->k = distance;
	else if (target->way == YES)
		insn->jt = distance;
	else
		insn->jf = distance;
	return 0;
}

/* ---- the text ------------------------------------------------------------------------------ */

static const struct mnemonic *find_mnemonic(struct token token)
{
	for (size_t i = 0; i < ARRAY_SIZE(mnemonics); i++)
		if (token_is(token, mnemonics[i].name))
			return &mnemonics[i];
	return NULL;
}

/* Can the token begin an operand? What follows an instruction without one cannot. */
static bool begins_operand(struct token token)
{
	return token.kind == SIGN ? *token.text != '('
				  : token_is(token, "a") || token_is(token, "x");
}

static int read_insn(struct assembler *as, const struct mnemonic *mnemonic)
{
	struct token name = as->scan.token, place;
	enum operand operand = NOTHING;
	__u32 at = as->filter.count, k = 0;
	int err;

	if (at == CLASSIC_MAX)
		return refuse(as->scan.error, -E2BIG,
			      "%s:%u:%u: a filter has %d instructions at most", as->scan.name,
			      name.line, name.column, CLASSIC_MAX);
	err = scan_next(&as->scan);
	place = as->scan.token;
	if (!err && (!(mnemonic->operands & ONE(NOTHING)) ||
		     (mnemonic->operands != ONE(NOTHING) && begins_operand(place))))
		err = read_operand(as, &operand, &k);
	if (err)
		return err;
	if (!(mnemonic->operands & ONE(operand)))
		return scan_refuse(&as->scan, place, "'%s' does not take such an operand",
				   mnemonic->name);
	as->filter.insns[as->filter.count++] =
		(struct sock_filter){ .code = operand_code(mnemonic->code, operand), .k = k };
	if (mnemonic->code == (BPF_JMP | BPF_JA))
		return read_target(as, at, ALWAYS);
	return BPF_CLASS(mnemonic->code) == BPF_JMP ? read_branch(as, at, mnemonic->inverted) : 0;
}

static int read_label(struct assembler *as)
{
	struct token name = as->scan.token;
	int err = scan_next(&as->scan);

	if (err)
		return err;
	if (!token_is_sign(as->scan.token, ':'))
		return scan_refuse(&as->scan, name,
				   "'%.*s' is neither an instruction nor, without ':', a label",
				   (int)name.length, name.text);
	for (size_t i = 0; i < as->label_count; i++)
		if (token_same(as->labels[i].name, name))
			return scan_refuse(&as->scan, name, "label '%.*s' is there twice",
					   (int)name.length, name.text);
	if (as->label_count == CLASSIC_MAX)
		return scan_refuse(&as->scan, name, "there are too many labels");
	as->labels[as->label_count++] = (struct label){ name, as->filter.count };
	return scan_next(&as->scan);
}

/* "(004)", in front of an instruction, as tcpdump has it. */
static int read_place(struct assembler *as)
{
	struct token number;
	int err = scan_next(&as->scan);

	number = as->scan.token;
	if (!err && number.kind != DIGITS)
		return scan_unexpected(&as->scan, "a number");
	if (!err && strtoul(number.text, NULL, 10) != as->filter.count)
		return scan_refuse(&as->scan, number, "this is instruction %u", as->filter.count);
	if (!err)
		err = scan_next(&as->scan);
	return err ?: scan_sign(&as->scan, ')');
}

static int read_statement(struct assembler *as)
{
	const struct mnemonic *mnemonic = find_mnemonic(as->scan.token);

	if (mnemonic)
		return read_insn(as, mnemonic);
	if (as->scan.token.kind == NAME)
		return read_label(as);
	if (token_is_sign(as->scan.token, '('))
		return read_place(as);
	return scan_unexpected(&as->scan, "an instruction");
}

int classic_assemble(const char *name, const char *text, struct classic *filter,
		     struct lana_error *error)
{
	_cleanup_free_ struct assembler *as = calloc(1, sizeof(*as));
	int err;

	if (!as)
		return refuse(error, -ENOMEM, "out of memory");
	as->scan = (struct scanner){
		.name = name, .at = text, .line_start = text, .line = 1, .error = error
	};
	err = scan_next(&as->scan);
	while (!err && as->scan.token.kind != END)
		err = read_statement(as);
	if (!err && !as->filter.count)
		return scan_unexpected(&as->scan, "an instruction");
	for (size_t i = 0; !err && i < as->target_count; i++)
		err = aim(as, &as->targets[i]);
	if (!err)
		*filter = as->filter;
	return err;
}
