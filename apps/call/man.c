// SPDX-License-Identifier: GPL-2.0-only
/* man - help and the manual page lana-call(1), made from the tables of options and commands */
#include <stdio.h>

#include "apps/common/app.h"
#include "cli/roff.h"
#include "control.h"
#include "options.h"

static const char name_and_synopsis[] =
	".SH NAME\n"
	"lana\\-call \\- talk over Ethernet while the stack below is rearranged\n"
	".SH SYNOPSIS\n"
	"\\fBlana\\-call \\-\\-below\\fR \\fIBLOCK\\fR [\\fIOPTION\\fR ...] [\\fIPEER\\fR]\n";

static const char description[] =
	".SH DESCRIPTION\n"
	"A two\\-way voice call with another lana\\-call.\n"
	"Sound is coded by Opus in its CELT mode, and its frames go by Ethernet, through a\n"
	"socket that is a block of a stack and stands on BLOCK; that, as a rule, is the block\n"
	"of a device, which \\fBlanactl vlink hook\\fR makes.\n"
	"Blocks can be put between the two, exchanged and taken out during the call, by\n"
	"commands or by\n.BR lanactl (8),\n"
	"and no frame is lost by it.\n"
	".PP\n"
	"PEER is the Ethernet address of the other end.\n"
	"Without it the call is answered: who calls first is the other end.\n"
	"Each end begins to talk when it knows that it is heard.\n"
	"The call ends when both ends have said all that there was in their files, when one\n"
	"hangs up, or when nothing has come for too long.\n"
	"A program at the other end that ends by accident may be started again meanwhile.\n"
	".PP\n"
	"With a fixed delay, what is heard depends only on which frames came in time.\n";

static const char keys[] =
	".SH KEYS\n"
	"On a terminal,\n.B f\nputs a forward block below the call or takes it out,\n.B e\n"
	"encrypts or ends that (after the command\n.BR key ),\n.B m\nmutes,\n.B s\nprints "
	"statistics,\n.B :\nbegins a command, and\n.B q\nhangs up.\n";

static const char commands[] =
	".SH COMMANDS\n"
	"A line each, from the FIFO or from standard input; words with blanks in them are put\n"
	"in double quotes.\n"
	"A command that is refused has changed nothing.\n";

static const char statistics[] =
	".SH STATISTICS\n"
	".TP\n.B lost\nFrames that never came, though others after them did.\n"
	".TP\n.B late\nFrames that came after the moment at which they had to be played.\n"
	".TP\n.B concealed\nFrames that the decoder had to make up, for either reason.\n"
	".TP\n.B inserted, skipped\n"
	"Frames made up in addition, or left out, to change the delay.\n"
	".TP\n.B jitter\nOf the time that frames are on their way, by RFC 3550.\n"
	".TP\n.B round trip\nThe shortest of the last eight that were measured.\n"
	".TP\n.B mouth to ear\n"
	"From when a sample was recorded to when it was played.\n"
	"It is reckoned from the ends' clocks, whose difference is known to half a round\n"
	"trip.\n"
	".TP\n.B overslept\nBy how much later than due frames of a file were sent.\n";

static const char status[] =
	".SH EXIT STATUS\n"
	".TP\n.B 0\nThe call was over, or a signal or command has ended it.\n"
	".TP\n.B 1\nIt could not begin, or was lost: one line on standard error says why.\n"
	".TP\n.B 2\nThe words make no sense.\n";

static const char examples[] =
	".SH EXAMPLES\n"
	"Call, with sound card, microphone and loudspeaker; the other end leaves PEER out:\n"
	".PP\n.RS 4\n.EX\n"
	"lanactl vlink hook eth1\n"
	"lana\\-call \\-\\-below eth1 02:00:00:00:00:02\n"
	".EE\n.RE\n.PP\n"
	"Play a file to the other end and keep what it says:\n"
	".PP\n.RS 4\n.EX\n"
	"lana\\-call \\-\\-below eth1 \\-\\-in speech.wav \\-\\-out heard.wav \\-\\-jitter 60 "
	"02:00:00:00:00:02\n"
	".EE\n.RE\n";

static const char see_also[] = ".SH SEE ALSO\n"
			       ".BR aplay (1),\n"
			       ".BR lanactl (8)\n"
			       ".PP\n"
			       "Guide:\n"
			       ".IR docs/call.md .\n";

void options_man(FILE *file)
{
	fprintf(file, ".\\\" Made by lana-call --man.\n.TH LANA\\-CALL 1 %s \"lana %s\" lana\n",
		ROFF_DATE, LANA_VERSION);
	fputs(name_and_synopsis, file);
	fputs(description, file);
	fputs(".SH OPTIONS\n", file);
	roff_options(file, call_options);
	fputs(keys, file);
	fputs(commands, file);
	for (size_t i = 0; control_commands[i]; i++)
		roff_command(file, control_commands[i], "");
	fputs(statistics, file);
	fputs(status, file);
	roff_variables(file, app_variables);
	fputs(examples, file);
	fputs(see_also, file);
}

void options_help(FILE *file)
{
	fputs("lana-call --below BLOCK [OPTION ...] [PEER]\n\n", file);
	for (const struct cli_option *option = call_options; option->name; option++) {
		char words[64];

		snprintf(words, sizeof(words), "-%c, --%s %s", option->letter, option->name,
			 option->value ? option->value : "");
		fprintf(file, "  %-22s", words);
		app_put_filled(file, option->summary, 24);
	}
	fputs("\nCommands during the call:\n", file);
	for (size_t i = 0; control_commands[i]; i++)
		fprintf(file, "  %s %s\n", control_commands[i]->name, control_commands[i]->args);
}
