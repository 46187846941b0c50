// SPDX-License-Identifier: GPL-2.0-only
/* lanactl help man - the manual page lanactl(8), made from the table of commands */
#include <stdio.h>

#include "cli.h"
#include "roff.h"

static const char head[] =
	".SH NAME\n"
	"lanactl \\- assemble a network stack from BPF blocks and rearrange it under load\n";

static const char description[] =
	".SH DESCRIPTION\n"
	"A lana stack consists of\n"
	".IR blocks :\n"
	"small BPF programs that receive a packet and choose the port by which it leaves.\n"
	"Blocks never name each other.\n"
	"Each is reached through an\n"
	".I information dispatch point\n"
	"(IDP), a number that stays when the code behind it is replaced, so that a stack\n"
	"can be rewired while traffic flows, and no packet is lost, duplicated or\n"
	"reordered by it.\n"
	".PP\n"
	"A block is an instance of a\n"
	".IR type ,\n"
	"with its own config and counters.\n"
	"A type is a BPF object file.\n"
	"Packets travel on one of two\n"
	".IR paths :\n"
	"ingress, from a device towards an application, and egress, the other way.\n"
	"A block has ports in each direction; port 0 is called\n"
	".BR next ,\n"
	"others are named by the type.\n"
	"A packet that leaves by a port that is bound to nothing is dropped and counted.\n"
	"A device that is hooked to the stack is a block, too: what it receives leaves it\n"
	"on ingress, and whatever reaches it is transmitted.\n"
	"From the moment of the hook the stack has all that the device receives, and drops\n"
	"it until a\n.B bind\nleads it somewhere: build the stack first, hook the device last.\n"
	".PP\n"
	"A stack lives in the kernel and is pinned in bpffs; it outlives\n"
	".BR lanactl .\n"
	"Commands that run at the same time wait for each other.\n"
	"A command that is refused has changed nothing.\n"
	"Words are never abbreviated.\n"
	"Commands need root, or the capabilities CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON\n"
	"and access to bpffs.\n";

static const char status[] =
	".SH EXIT STATUS\n"
	".TP\n.B 0\nDone.\n"
	".TP\n.B 1\n"
	"Refused: one line on standard error says what and why, and nothing has changed.\n"
	"Also if\n.B check\nor\n.B doctor\nfound a fault.\n"
	".TP\n.B 2\nThe words make no sense: one line on standard error says which.\n"
	".PP\n"
	"With\n.B \\-j\nthe line is the member\n.B error\nof a JSON object on standard output "
	"instead.\n";

static const char files[] =
	".SH FILES\n"
	".TP\n.I /sys/fs/bpf/lana/STACK\nA stack, pinned.\nNot to be changed by hand.\n"
	".TP\n.I " LANA_TYPES_DIR "\nTypes that are loaded by name.\n"
	".TP\n.I " LANA_MANUALS_DIR "\n"
	"The source of each type.\n"
	"Its first lines are the type's manual: what it does, its ports, its config, its\n"
	"counters.\n";

static const char examples[] =
	".SH EXAMPLES\n"
	"Bridge two devices one way and count IPv4 packets and all others apart:\n"
	".PP\n.RS 4\n.EX\n"
	"lanactl add split ethertype type=0x0800\n"
	"lanactl add ip counter\n"
	"lanactl add rest counter\n"
	"lanactl bind ip split port match\n"
	"lanactl bind rest split port other\n"
	"lanactl vlink hook eth1\n"
	"lanactl bind eth1 ip ingress\n"
	"lanactl bind eth1 rest ingress\n"
	"lanactl vlink hook eth0\n"
	"lanactl bind split eth0 ingress\n"
	"lanactl stats\n"
	".EE\n.RE\n.PP\n"
	"From one packet to the next, discard what is not IPv4:\n"
	".PP\n.RS 4\n.EX\n"
	"lanactl add gone drop\n"
	"lanactl bind gone split port other\n"
	".EE\n.RE\n.PP\n"
	"Find the blocks that dropped something, with\n.BR jq (1):\n"
	".PP\n.RS 4\n.EX\n"
	"lanactl \\-j stats | jq \\(aq.stats[] | select(.drops != {}) | .name\\(aq\n"
	".EE\n.RE\n";

static const char see_also[] = ".SH SEE ALSO\n"
			       ".BR bpftool (8),\n"
			       ".BR dot (1),\n"
			       ".BR ethtool (8),\n"
			       ".BR ip\\-netns (8),\n"
			       ".BR tc (8)\n"
			       ".PP\n"
			       "Guides:\n"
			       ".IR README.md ,\n"
			       ".I docs/first\\-block.md\n"
			       "and\n"
			       ".IR docs/design.md ,\n"
			       "installed beside the sources of the types.\n";

static void put_page(FILE *file)
{
	fprintf(file, ".\\\" Made by lanactl help man.\n.TH LANACTL 8 %s \"lana %s\" lana\n",
		ROFF_DATE, LANA_VERSION);
	fputs(head, file);
	fputs(".SH SYNOPSIS\n\\fBlanactl\\fR [\\fIOPTION\\fR ...] \\fICOMMAND\\fR ...\n", file);
	for (size_t i = 0; cli_commands[i]; i++) {
		if (cli_commands[i]->hidden)
			continue;
		fprintf(file, "%s\\fBlanactl\\fR ", i ? ".br\n" : ".PP\n");
		roff_command_synopsis(file, cli_commands[i]);
	}
	fputs(description, file);
	fputs(".SH OPTIONS\nOptions may stand before the command or behind it.\n", file);
	roff_options(file, cli_options);
	fputs(".SH COMMANDS\n", file);
	for (size_t i = 0; cli_commands[i]; i++)
		if (!cli_commands[i]->hidden)
			roff_command(file, cli_commands[i], "lanactl ");
	fputs(status, file);
	roff_variables(file, cli_variables);
	fputs(files, file);
	fputs(examples, file);
	fputs(see_also, file);
}

static enum cli_status run_help_man(const struct cli_args *args)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	FILE *file;

	(void)args;
	file = open_memstream(&text, &size);
	if (!file)
		return cli_error("out of memory");
	put_page(file);
	if (fclose(file))
		return cli_error("out of memory");
	out_string("man", text);
	return CLI_DONE;
}

const struct cli_command help_man_command = {
	.name = "help man",
	.args = "",
	.summary = "print the manual page",
	.details = "Print lanactl(8) as man(7) reads it.",
	.hidden = true,
	.run = run_help_man,
};
