// SPDX-License-Identifier: GPL-2.0-only
/* lanactl filter - compile a packet filter and print it, without a stack */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"

/* The words that choose a form. */
static const char *const forms[] = {
	[LANA_FILTER_ASSEMBLER] = "asm",
	[LANA_FILTER_NUMBERS] = "numbers",
	[LANA_FILTER_C] = "c",
};

static enum lana_filter_form form_of(const struct cli_args *args)
{
	for (int form = 0; form <= LANA_FILTER_C; form++)
		if (cli_flag(args, forms[form]))
			return form;
	return LANA_FILTER_ASSEMBLER;
}

/* Of an instruction a line: without the tabs that a program in assembler has. */
static void show_insn(const struct lana_filter_insn *insn, const char *line, size_t length)
{
	char text[128], *tab;

	snprintf(text, sizeof(text), "%.*s", (int)length, line);
	while ((tab = strchr(text, '\t')))
		*tab = ' ';
	out_open(NULL, OUT_ASSIGN);
	out_number("code", insn->code);
	out_number("jt", insn->jt);
	out_number("jf", insn->jf);
	out_number("k", insn->k);
	out_string("text", text + strspn(text, " "));
	out_close();
}

static void show_program(const struct lana_filter_program *program, const char *text)
{
	const char *const hooks[LANA_FLAVOURS] = { [LANA_XDP] = "xdp", [LANA_TC] = "tc" };

	out_open("filter", OUT_ASSIGN);
	for (int flavour = 0; flavour < LANA_FLAVOURS; flavour++)
		out_bool(hooks[flavour], !*program->unknown[flavour].text);
	out_open_list("instructions", OUT_LINES);
	for (size_t i = 0; i < program->count; i++) {
		size_t length = strcspn(text, "\n");

		show_insn(&program->insns[i], text, length);
		text += length + (text[length] == '\n');
	}
	out_close();
	out_close();
}

static enum cli_status print(const struct cli_args *args, enum lana_filter_kind kind,
			     const char *text)
{
	enum lana_filter_form form = form_of(args);
	struct lana_filter_program program;
	_cleanup_free_ char *printed = NULL;
	struct lana_error error = {};
	int err = lana_filter_compile(kind, text, &program, &error);

	if (!err)
		err = lana_filter_print(&program, args->options.json ? LANA_FILTER_ASSEMBLER : form,
					&printed, &error);
	if (err)
		return cli_refused(err, &error);
	if (args->options.json) {
		show_program(&program, printed);
		return CLI_DONE;
	}
	for (int flavour = 0; flavour < LANA_FLAVOURS && form == LANA_FILTER_ASSEMBLER; flavour++)
		if (*program.unknown[flavour].text)
			printf("; %s\n", program.unknown[flavour].text);
	fputs(printed, stdout);
	return CLI_DONE;
}

static enum cli_status run_filter(const struct cli_args *args)
{
	return print(args, LANA_FILTER_EXPR, cli_word(args, "EXPR"));
}

/* A text in assembler has a newline in it, or it would be taken for a file's name. */
static enum cli_status print_file(const struct cli_args *args, enum lana_filter_kind kind)
{
	const char *name = cli_word(args, "FILE");
	_cleanup_free_ char *read = NULL, *text = NULL;
	size_t size;

	if (kind == LANA_FILTER_ASM && strcmp(name, "-"))
		return print(args, kind, name);
	read = cli_read_file(name, &size);
	if (!read)
		return cli_error("cannot read %s: %s", cli_file_name(name), strerror(errno));
	if (strlen(read) != size)
		return cli_error("%s is not a text", cli_file_name(name));
	if (asprintf(&text, "%s\n", read) < 0) {
		text = NULL;
		return cli_error("out of memory");
	}
	return print(args, kind, text);
}

static enum cli_status run_filter_asm(const struct cli_args *args)
{
	return print_file(args, LANA_FILTER_ASM);
}

static enum cli_status run_filter_code(const struct cli_args *args)
{
	return print_file(args, LANA_FILTER_CODE);
}

static const char *const examples[] = { "filter 'tcp port 80'", "filter 'ip6 and udp' c", NULL };
static const char *const asm_examples[] = { "filter asm http.bpf numbers", NULL };
static const char *const code_examples[] = { "filter code http.ddd", NULL };

const struct cli_command filter_command = {
	.name = "filter",
	.args = "EXPR [asm|numbers|c]",
	.summary = "compile a packet filter and print it",
	.details =
		"Compile EXPR, in the words of pcap-filter(7), for Ethernet, and print the program "
		"of the classic BPF machine that it is: in assembler ('asm', which 'filter asm' "
		"and bpf_asm(1) take), as decimal numbers ('numbers', as tcpdump -ddd does), or as "
		"the elements of an array of struct sock_filter ('c'). Of a program that asks for "
		"what packets do not have at every hook a comment says so; in JSON, 'xdp' and 'tc' "
		"do. Neither a stack nor any privilege is needed.\n\n"
		"A block of type filter takes it by the option 'expr'.",
	.examples = examples,
	.run = run_filter,
};

const struct cli_command filter_asm_command = {
	.name = "filter asm",
	.args = "FILE [asm|numbers|c]",
	.summary = "assemble a packet filter and print it",
	.details = "As 'filter', of the program in assembler that is in FILE ('-': standard "
		   "input). A block takes it by the option 'asm'=FILE. docs/filter.md has the "
		   "language.",
	.examples = asm_examples,
	.run = run_filter_asm,
};

const struct cli_command filter_code_command = {
	.name = "filter code",
	.args = "FILE [asm|numbers|c]",
	.summary = "check a packet filter in numbers and print it",
	.details = "As 'filter', of the program in numbers that is in FILE ('-': standard input): "
		   "how many instructions, then code, jt, jf and k of each. A block takes them by "
		   "the option 'code'='4,40 0 0 12,...'.",
	.examples = code_examples,
	.run = run_filter_code,
};
