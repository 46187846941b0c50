// SPDX-License-Identifier: GPL-2.0-only
/*
 * classic_print - filters as text, and from numbers
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "classic_check.h"
#include "classic_scan.h"
#include "cleanup.h"
#include "error.h"

/* ---- assembler ----------------------------------------------------------------------------- */

static void print_value(FILE *out, const char *name, const struct sock_filter *insn)
{
	if (BPF_SRC(insn->code) == BPF_X)
		fprintf(out, "%s\tx", name);
	else
		fprintf(out, "%s\t#0x%x", name, insn->k);
}

/* Offsets from SKF_NET_OFF and the like are easier to know by their digits. */
static void print_offset(FILE *out, __u32 k)
{
	fprintf(out, (__s32)k < 0 ? "0x%x" : "%u", k);
}

static void print_packet(FILE *out, const struct sock_filter *insn)
{
	const struct classic_ancillary *ancillary = classic_ancillary(insn);
	bool relative = BPF_MODE(insn->code) == BPF_IND;
	const char *name = BPF_SIZE(insn->code) == BPF_W   ? "ld"
			   : BPF_SIZE(insn->code) == BPF_H ? "ldh"
							   : "ldb";

	if (ancillary && ancillary->source[LANA_XDP].kind != ANCILLARY_XOR) {
		fprintf(out, "%s\t#%s", name, ancillary->name);
		return;
	}
	fprintf(out, relative ? "%s\t[x + " : "%s\t[", name);
	print_offset(out, insn->k);
	fputc(']', out);
}

static void print_load(FILE *out, const struct sock_filter *insn)
{
	const char *name = BPF_CLASS(insn->code) == BPF_LD ? "ld" : "ldx";

	switch (BPF_MODE(insn->code)) {
	case BPF_IMM:
		fprintf(out, "%s\t#0x%x", name, insn->k);
		break;
	case BPF_MEM:
		fprintf(out, "%s\tM[%u]", name, insn->k);
		break;
	case BPF_LEN:
		fprintf(out, "%s\t#len", name);
		break;
	case BPF_MSH:
		fputs("ldxb\t4*([", out);
		print_offset(out, insn->k);
		fputs("]&0xf)", out);
		break;
	default:
		print_packet(out, insn);
	}
}

static void print_operation(FILE *out, const struct sock_filter *insn)
{
	static const char *const names[] = {
		[BPF_ADD >> 4] = "add", [BPF_SUB >> 4] = "sub", [BPF_MUL >> 4] = "mul",
		[BPF_DIV >> 4] = "div", [BPF_OR >> 4] = "or",	[BPF_AND >> 4] = "and",
		[BPF_LSH >> 4] = "lsh", [BPF_RSH >> 4] = "rsh", [BPF_MOD >> 4] = "mod",
		[BPF_XOR >> 4] = "xor",
	};

	if (BPF_OP(insn->code) == BPF_NEG)
		fputs("neg", out);
	else
		print_value(out, names[BPF_OP(insn->code) >> 4], insn);
}

static void print_jump(FILE *out, const struct sock_filter *insn, __u32 at)
{
	static const char *const names[] = {
		[BPF_JEQ >> 4] = "jeq",
		[BPF_JGT >> 4] = "jgt",
		[BPF_JGE >> 4] = "jge",
		[BPF_JSET >> 4] = "jset",
	};

	if (BPF_OP(insn->code) == BPF_JA) {
		fprintf(out, "ja\tL%u", at + 1 + insn->k);
		return;
	}
	print_value(out, names[BPF_OP(insn->code) >> 4], insn);
	fprintf(out, ", L%u, L%u", at + 1 + insn->jt, at + 1 + insn->jf);
}

static void print_insn(FILE *out, const struct sock_filter *insn, __u32 at)
{
	switch (BPF_CLASS(insn->code)) {
	case BPF_LD:
	case BPF_LDX:
		print_load(out, insn);
		break;
	case BPF_ST:
		fprintf(out, "st\tM[%u]", insn->k);
		break;
	case BPF_STX:
		fprintf(out, "stx\tM[%u]", insn->k);
		break;
	case BPF_ALU:
		print_operation(out, insn);
		break;
	case BPF_JMP:
		print_jump(out, insn, at);
		break;
	case BPF_RET:
		if (BPF_RVAL(insn->code) == BPF_A)
			fputs("ret\ta", out);
		else
			fprintf(out, "ret\t#0x%x", insn->k);
		break;
	case BPF_MISC:
		fputs(BPF_MISCOP(insn->code) == BPF_TAX ? "tax" : "txa", out);
		break;
	}
}

static void print_assembler(FILE *out, const struct classic *filter)
{
	bool targets[CLASSIC_MAX] = {};

	for (__u32 i = 0; i < filter->count; i++) {
		const struct sock_filter *insn = &filter->insns[i];

		if (BPF_CLASS(insn->code) != BPF_JMP)
			continue;
		if (BPF_OP(insn->code) == BPF_JA)
			targets[i + 1 + insn->k] = true;
		else
			targets[i + 1 + insn->jt] = targets[i + 1 + insn->jf] = true;
	}
	for (__u32 i = 0; i < filter->count; i++) {
		if (targets[i])
			fprintf(out, "L%u:", i);
		fputc('\t', out);
		print_insn(out, &filter->insns[i], i);
		fputc('\n', out);
	}
}

/* ---- numbers ------------------------------------------------------------------------------- */

static void print_numbers(FILE *out, const struct classic *filter, enum classic_form form)
{
	const char *line = form == CLASSIC_C ? "{ 0x%x, %u, %u, 0x%08x },\n" : "%u %u %u %u\n";

	if (form == CLASSIC_NUMBERS)
		fprintf(out, "%u\n", filter->count);
	for (__u32 i = 0; i < filter->count; i++)
		fprintf(out, line, filter->insns[i].code, filter->insns[i].jt, filter->insns[i].jf,
			filter->insns[i].k);
}

int classic_print(const struct classic *filter, enum classic_form form, char **text)
{
	size_t size;
	char *written = NULL;
	FILE *out = open_memstream(&written, &size);

	if (!out)
		return -ENOMEM;
	if (form == CLASSIC_ASSEMBLER)
		print_assembler(out, filter);
	else
		print_numbers(out, filter, form);
	if (fclose(out)) {
		free(written);
		return -ENOMEM;
	}
	*text = written;
	return 0;
}

/* A number behind commas, of so many bits. */
static int read_number(struct scanner *scan, int bits, __u32 *number)
{
	struct token token;
	int err = 0;

	while (!err && token_is_sign(scan->token, ','))
		err = scan_next(scan);
	token = scan->token;
	if (!err)
		err = scan_number(scan, number);
	if (!err && (__u64)*number >> bits)
		return scan_refuse(scan, token, "%u has more than %d bits", *number, bits);
	return err;
}

static int read_insn(struct scanner *scan, struct sock_filter *insn)
{
	__u32 code = 0, jt = 0, jf = 0, k = 0;
	int err = read_number(scan, 16, &code);

	if (!err)
		err = read_number(scan, 8, &jt);
	if (!err)
		err = read_number(scan, 8, &jf);
	if (!err)
		err = read_number(scan, 32, &k);
	*insn = (struct sock_filter){ code, jt, jf, k };
	return err;
}

static int read_end(struct scanner *scan)
{
	int err = 0;

	while (!err && token_is_sign(scan->token, ','))
		err = scan_next(scan);
	if (!err && scan->token.kind != END)
		return scan_unexpected(scan, "the end");
	return err;
}

int classic_read(const char *name, const char *text, struct classic *filter,
		 struct lana_error *error)
{
	struct scanner scan = {
		.name = name, .at = text, .line_start = text, .line = 1, .error = error
	};
	struct classic read = {};
	struct token count;
	int err = scan_next(&scan);

	count = scan.token;
	if (!err)
		err = read_number(&scan, 32, &read.count);
	if (!err && read.count > CLASSIC_MAX)
		return refuse(error, -E2BIG, "%s:%u:%u: a filter has %d instructions at most", name,
			      count.line, count.column, CLASSIC_MAX);
	if (!err && !read.count)
		return scan_refuse(&scan, count, "a filter has an instruction at least");
	for (__u32 i = 0; !err && i < read.count; i++)
		err = read_insn(&scan, &read.insns[i]);
	if (!err)
		err = read_end(&scan);
	if (!err)
		*filter = read;
	return err;
}
