// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_classic_asm - filters as text: assembled, refused with the place, printed and read again
 *
 * Texts and what bpf_asm(1) makes of them; `tcpdump -d` of all expressions of filter_expressions.h
 * is what libpcap compiled; random programs come back from each form of text as they were.
 * CLASSIC_SEED repeats a run.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "filter_expressions.h"
#include "filter_program.h"
#include "filter_run.h"
#include "loader/cleanup.h"
#include "tap.h"

#define PROGRAMS 20000

static bool same(const struct classic *a, const struct classic *b)
{
	return a->count == b->count && !memcmp(a->insns, b->insns, a->count * sizeof(a->insns[0]));
}

/* ---- texts --------------------------------------------------------------------------------- */

/* Wanted are numbers: "code jt jf k,". */
static const struct {
	const char *text, *numbers;
} texts[] = {
	{ "ret #-1", "6 0 0 4294967295," },
	{ "ret a", "22 0 0 0," },
	{ "ret %a", "22 0 0 0," },
	{ "ret", "22 0 0 0," },
	{ "RET A ; in capitals", "22 0 0 0," },
	{ "ld [0]\nret a", "32 0 0 0,22 0 0 0," },
	{ "ld #len ld len ld #pktlen ret a", "128 0 0 0,128 0 0 0,128 0 0 0,22 0 0 0," },
	{ "ldh [12] ldb [0x17] ret #0", "40 0 0 12,48 0 0 23,6 0 0 0," },
	{ "ld [x + 14] ldh [%x+020] ldb [x+-1] ret #0b101",
	  "64 0 0 14,72 0 0 16,80 0 0 4294967295,6 0 0 5," },
	{ "ldi 7 ldi #7 ld #7 ldxi 0xffffffff ldxi #1 ldx #1 ret a",
	  "0 0 0 7,0 0 0 7,0 0 0 7,1 0 0 4294967295,1 0 0 1,1 0 0 1,22 0 0 0," },
	{ "ldx #len ldx M[3] ld M[15] st M[0] stx M[1] ret a",
	  "129 0 0 0,97 0 0 3,96 0 0 15,2 0 0 0,3 0 0 1,22 0 0 0," },
	{ "ldxb 4*([14]&0xf) ldx 4 * ( [ 14 ] & 15 ) ret a", "177 0 0 14,177 0 0 14,22 0 0 0," },
	{ "add #1 sub #2 mul #3 div #4 mod #5 and #6 or #7 xor #8 lsh #9 rsh #10 neg ret a",
	  "4 0 0 1,20 0 0 2,36 0 0 3,52 0 0 4,148 0 0 5,84 0 0 6,68 0 0 7,164 0 0 8,100 0 0 9,"
	  "116 0 0 10,132 0 0 0,22 0 0 0," },
	{ "add x sub %x mul x div x mod x and x or x xor x lsh x rsh x tax txa ret a",
	  "12 0 0 0,28 0 0 0,44 0 0 0,60 0 0 0,156 0 0 0,92 0 0 0,76 0 0 0,172 0 0 0,108 0 0 0,"
	  "124 0 0 0,7 0 0 0,135 0 0 0,22 0 0 0," },
	{ "jmp end\nld #1\nend: ret #0", "5 0 0 1,0 0 0 1,6 0 0 0," },
	{ "ja end end: ret #0", "5 0 0 0,6 0 0 0," },
	{ "jeq #1, y, n\nn: ret #0\ny: ret #1", "21 1 0 1,6 0 0 0,6 0 0 1," },
	{ "jeq x, y\nret #0\ny: ret #1", "29 1 0 0,6 0 0 0,6 0 0 1," },
	{ "jgt #1, y jge %x, y jset #3, y y: ret #1", "37 2 0 1,61 1 0 0,69 0 0 3,6 0 0 1," },
	{ "jneq #1, n jne #1, n jlt #1, n jle x, n n: ret #1",
	  "21 0 3 1,21 0 2 1,53 0 1 1,45 0 0 0,6 0 0 1," },
	{ "jneq #1, a1, b1\na1: ret #1\nb1: ret #0", "21 1 0 1,6 0 0 1,6 0 0 0," },
	{ "# a comment\nld [0] ; another #\n/* and\n ret #0 */ ret /**/ #1", "32 0 0 0,6 0 0 1," },
	{ "ld #proto ldh proto ldb #type ld ifidx ret a",
	  "32 0 0 4294963200,40 0 0 4294963200,48 0 0 4294963204,32 0 0 4294963208,22 0 0 0," },
	{ "ld #nla ld #nlan ld #mark ld #queue ld #hatype ld #rxhash ld #cpu ret a",
	  "32 0 0 4294963212,32 0 0 4294963216,32 0 0 4294963220,32 0 0 4294963224,"
	  "32 0 0 4294963228,32 0 0 4294963232,32 0 0 4294963236,22 0 0 0," },
	{ "ld vlan_tci ld #vlan_pr ld vlan_avail ld poff ld rand ld vlan_tpid ret a",
	  "32 0 0 4294963244,32 0 0 4294963248,32 0 0 4294963248,32 0 0 4294963252,"
	  "32 0 0 4294963256,32 0 0 4294963260,22 0 0 0," },
	/* The examples of Documentation/networking/filter.rst. */
	{ "ldh [12]\njne #0x806, drop\nret #-1\ndrop: ret #0",
	  "40 0 0 12,21 0 1 2054,6 0 0 4294967295,6 0 0 0," },
	{ "ldh [12]\njne #0x800, drop\nldb [23]\njneq #6, drop\nret #-1\ndrop: ret #0",
	  "40 0 0 12,21 0 3 2048,48 0 0 23,21 0 1 6,6 0 0 4294967295,6 0 0 0," },
	{ "ld rand\nmod #4\njneq #1, drop\nret #-1\ndrop: ret #0",
	  "32 0 0 4294963256,148 0 0 4,21 0 1 1,6 0 0 4294967295,6 0 0 0," },
	{ "ld [4]                  /* offsetof(struct seccomp_data, arch) */\n"
	  "jne #0xc000003e, bad    /* AUDIT_ARCH_X86_64 */\nld [0]\njeq #15, good\n"
	  "bad: ret #0             /* SECCOMP_RET_KILL_THREAD */\n"
	  "good: ret #0x7fff0000   /* SECCOMP_RET_ALLOW */",
	  "32 0 0 4,21 0 2 3221225534,32 0 0 0,21 1 0 15,6 0 0 0,6 0 0 2147418112," },
	{ "(000) ldh [12]\n(001) jeq #0x800 jt 2 jf 3\n(002) ret #262144\n(003) ret #0",
	  "40 0 0 12,21 0 1 2048,6 0 0 262144,6 0 0 0," },
};

static void numbers_of(const struct classic *filter, char *text)
{
	for (__u32 i = 0; i < filter->count; i++)
		text += sprintf(text, "%u %u %u %u,", filter->insns[i].code, filter->insns[i].jt,
				filter->insns[i].jf, filter->insns[i].k);
	*text = 0;
}

static void test_texts(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct classic filter = {};
		struct lana_error error = {};
		char numbers[1024] = "";
		int err = classic_assemble("t", texts[i].text, &filter, &error);

		numbers_of(&filter, numbers);
		tap_is_text(err ? error.text : numbers, texts[i].numbers, "text %zu", i);
	}
}

/* ---- what is refused ----------------------------------------------------------------------- */

static const struct {
	const char *text, *error;
} bad_texts[] = {
	{ "", "t:1:1: ends where an instruction is expected" },
	{ "\n\n ; nothing", "t:3:11: ends where an instruction is expected" },
	{ "/* for ever", "t:1:1: a comment does not end" },
	{ "ld [0]\n/*/ ret a", "t:2:1: a comment does not end" },
	{ "lod [0]", "t:1:1: 'lod' is neither an instruction nor, without ':', a label" },
	{ "ld [0]\n\tlod [0]", "t:2:2: 'lod' is neither an instruction nor, without ':', a label" },
	{ "ld", "t:1:3: ends where an operand is expected" },
	{ "ld 5", "t:1:4: 'ld' does not take such an operand" },
	{ "ld x", "t:1:4: 'ld' does not take such an operand" },
	{ "ld y", "t:1:4: 'y' where an operand is expected" },
	{ "ld #y", "t:1:5: 'y' where an operand is expected" },
	{ "ld %y", "t:1:5: 'y' where a register is expected" },
	{ "ld []", "t:1:5: ']' where a number is expected" },
	{ "ld [12", "t:1:7: ends where ']' is expected" },
	{ "ld [y + 1]", "t:1:5: 'y' where x is expected" },
	{ "ld [x]", "t:1:6: ']' where '+' is expected" },
	{ "ld [x - 1]", "t:1:7: '-' where '+' is expected" },
	{ "ldh M[1]", "t:1:5: 'ldh' does not take such an operand" },
	{ "ldb #len", "t:1:5: 'ldb' does not take such an operand" },
	{ "ld M 1", "t:1:6: '1' where '[' is expected" },
	{ "ld #4294967296", "t:1:5: '4294967296' is no number of 32 bits" },
	{ "ld #-2147483649", "t:1:5: '-2147483649' is no number of 32 bits" },
	{ "ld #09", "t:1:5: '09' is no number of 32 bits" },
	{ "ld #0x", "t:1:5: '0x' is no number of 32 bits" },
	{ "ld #0xfg", "t:1:5: '0xfg' is no number of 32 bits" },
	{ "ld #-", "t:1:6: ends where a number is expected" },
	{ "ldxb 5*([14]&0xf)", "t:1:6: there is but 4*([k]&0xf)" },
	{ "ldxb 4*([14]&0xff)", "t:1:14: there is but 4*([k]&0xf)" },
	{ "ldxb 4*([x + 14]&0xf)", "t:1:18: there is but 4*([k]&0xf)" },
	{ "ldxb 4*([14]&0xf", "t:1:17: ends where ')' is expected" },
	{ "ldxb 4", "t:1:6: 'ldxb' does not take such an operand" },
	{ "ret x", "t:1:5: 'ret' does not take such an operand" },
	{ "tax x", "t:1:5: 'x' is neither an instruction nor, without ':', a label" },
	{ "add [1]", "t:1:5: 'add' does not take such an operand" },
	{ "jmp", "t:1:4: ends where a label is expected" },
	{ "jmp #1", "t:1:5: '#' where a label is expected" },
	{ "jmp away ret a", "t:1:5: there is no label 'away'" },
	{ "back: ld [0] jmp back ret a", "t:1:18: jumps lead forward only" },
	{ "self: jmp self ret a", "t:1:11: jumps lead forward only" },
	{ "jmp end ret a end:", "t:1:5: no instruction is there" },
	{ "jeq #1", "t:1:7: ends where ',' is expected" },
	{ "jeq #1 yes", "t:1:8: 'yes' where ',' is expected" },
	{ "jeq #1, ", "t:1:9: ends where a label is expected" },
	{ "jeq #1, y, ", "t:1:12: ends where a label is expected" },
	{ "jeq #1 jt 1 2", "t:1:13: '2' where jf is expected" },
	{ "jeq #1 jt 1 jf 2 ret a", "t:1:16: no instruction is there" },
	{ "y: ld [0] y: ret a", "t:1:11: label 'y' is there twice" },
	{ "ret: ret a", "t:1:4: ':' where an operand is expected" },
	{ "(001) ret a", "t:1:2: this is instruction 0" },
	{ "(x) ret a", "t:1:2: 'x' where a number is expected" },
	{ "ld [0] = 1", "t:1:8: '=' where an instruction is expected" },
};

static void test_bad_texts(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(bad_texts); i++) {
		struct classic filter = { .count = 77 };
		struct lana_error error = {};
		int err = classic_assemble("t", bad_texts[i].text, &filter, &error);

		if (tap_ok(err == -EINVAL && filter.count == 77, "bad text %zu is refused", i))
			tap_is_text(error.text, bad_texts[i].error, "and the place named");
	}
}

/* A filter of so many instructions: jumps over all but the first and the last. */
static int assemble_jump(int count, const char *jump, struct lana_error *error)
{
	char text[16384];
	struct classic filter;
	char *at = text + sprintf(text, "%s\n", jump);

	for (int i = 2; i < count; i++)
		at += sprintf(at, "ld [%d]\n", i);
	sprintf(at, "end: ret a\n");
	return classic_assemble("t", text, &filter, error);
}

static void test_sizes(void)
{
	struct lana_error error = {};

	tap_is(assemble_jump(257, "jeq #1, end", &error), 0, "a jump over 255%s", error.text);
	tap_is(assemble_jump(258, "jeq #1, end", &error), -EINVAL, "a jump over 256");
	tap_is_text(error.text, "t:1:9: is too far: 256 instructions lie between, 255 are the most",
		    "is refused where it stands");
	error.text[0] = 0;
	tap_is(assemble_jump(512, "jmp end", &error), 0, "512 instructions%s", error.text);
	tap_is(assemble_jump(513, "jmp end", &error), -E2BIG, "513 instructions: %s", error.text);
}

/* ---- numbers ------------------------------------------------------------------------------- */

static const struct {
	const char *text;
	int err;
	const char *error;
} numbers[] = {
	{ "1\n6 0 0 5\n", 0, "" },
	{ "1,6 0 0 5,", 0, "" },
	{ "2,22 0 0 0,0x6 1 2 -1", 0, "" },
	{ "", -EINVAL, "t:1:1: ends where a number is expected" },
	{ "0", -EINVAL, "t:1:1: a filter has an instruction at least" },
	{ "513", -E2BIG, "t:1:1: a filter has 512 instructions at most" },
	{ "2\n6 0 0 5\n", -EINVAL, "t:3:1: ends where a number is expected" },
	{ "1\n6 0 0 5\n6", -EINVAL, "t:3:1: '6' where the end is expected" },
	{ "1\n65536 0 0 5", -EINVAL, "t:2:1: 65536 has more than 16 bits" },
	{ "1\n6 256 0 5", -EINVAL, "t:2:3: 256 has more than 8 bits" },
	{ "1\n6 0 -1 5", -EINVAL, "t:2:5: 4294967295 has more than 8 bits" },
	{ "1\n6 0 0 ret", -EINVAL, "t:2:7: 'ret' where a number is expected" },
};

static void test_numbers(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		struct lana_error error = {};
		struct classic filter;

		tap_is(classic_read("t", numbers[i].text, &filter, &error), numbers[i].err,
		       "numbers %zu", i);
		tap_is_text(error.text, numbers[i].error, "and what is said of them");
	}
}

/* ---- there and back ------------------------------------------------------------------------ */

/* Texts do not tell numbers that an instruction does not look at. */
static void drop_idle(struct classic *filter)
{
	for (__u32 i = 0; i < filter->count; i++) {
		struct sock_filter *insn = &filter->insns[i];
		__u8 class = BPF_CLASS(insn->code);
		bool idle =
			class == BPF_MISC || insn->code == (BPF_RET | BPF_A) ||
			(class <= BPF_LDX && BPF_MODE(insn->code) == BPF_LEN) ||
			insn->code == (BPF_ALU | BPF_NEG) ||
			((class == BPF_ALU || class == BPF_JMP) && BPF_SRC(insn->code) == BPF_X);

		if (idle)
			insn->k = 0;
	}
}

static void test_tcpdump(void)
{
	unsigned long faults = 0;

	for (size_t i = 0; i < filter_expressions_count; i++) {
		struct classic compiled, assembled = {};
		_cleanup_free_ char *text = NULL;
		struct lana_error error = {};

		if (classic_compile(filter_expressions[i], &compiled, &error))
			tap_bail("%s", error.text);
		text = filter_libpcap_text(&compiled);
		drop_idle(&compiled);
		if (!classic_assemble("tcpdump", text, &assembled, &error) &&
		    same(&assembled, &compiled))
			continue;
		faults++;
		tap_note("'%s': %s", filter_expressions[i], error.text);
	}
	tap_is(faults, 0, "what `tcpdump -d` prints of %zu expressions is assembled to the same",
	       filter_expressions_count);
}

/* The elements of an array in C. */
static int read_c(const char *text, struct classic *filter)
{
	unsigned int code, jt, jf, k;
	int length;

	filter->count = 0;
	while (sscanf(text, " { 0x%x, %u, %u, 0x%x },%n", &code, &jt, &jf, &k, &length) == 4) {
		filter->insns[filter->count++] = (struct sock_filter){ code, jt, jf, k };
		text += length;
	}
	return strcmp(text, "\n") ? -EINVAL : 0;
}

static bool comes_back(const struct classic *filter, enum classic_form form)
{
	_cleanup_free_ char *text = NULL;
	struct classic back = {};
	struct lana_error error = {};
	int err;

	if (classic_print(filter, form, &text))
		tap_bail("no memory");
	if (form == CLASSIC_ASSEMBLER)
		err = classic_assemble("t", text, &back, &error);
	else if (form == CLASSIC_NUMBERS)
		err = classic_read("t", text, &back, &error);
	else
		err = read_c(text, &back);
	if (!err && same(&back, filter))
		return true;
	tap_note("%s\n%s", error.text, text);
	return false;
}

static void test_random(void)
{
	unsigned long faults[3] = {}, insns = 0;

	for (int i = 0; i < PROGRAMS; i++) {
		struct classic filter;

		filter_program(&filter, LANA_TC);
		drop_idle(&filter);
		insns += filter.count;
		for (int form = CLASSIC_ASSEMBLER; form <= CLASSIC_C; form++)
			if (!faults[form] && !comes_back(&filter, form))
				faults[form]++;
	}
	tap_is(faults[CLASSIC_ASSEMBLER], 0, "%lu instructions come back from assembler", insns);
	tap_is(faults[CLASSIC_NUMBERS], 0, "from numbers");
	tap_is(faults[CLASSIC_C], 0, "and from C");
}

int main(void)
{
	unsigned int seed = getenv("CLASSIC_SEED") ? atoi(getenv("CLASSIC_SEED")) : time(NULL);

	srandom(seed);
	tap_note("CLASSIC_SEED=%u", seed);
	test_texts();
	test_bad_texts();
	test_sizes();
	test_numbers();
	test_tcpdump();
	test_random();
	return tap_done();
}
