// SPDX-License-Identifier: GPL-2.0-only
/* man - what lana-call says of itself */
#include "control.h"
#include "options.h"

static const char description[] =
	"A two\\-way voice call with another lana\\-call.\n"
	"Sound is coded by Opus in its CELT mode, and its frames go by Ethernet, through a\n"
	"socket that is a block of a stack and stands on another one; that, as a rule, is the\n"
	"block of a device, which \\fBlanactl vlink hook\\fR makes.\n"
	"Blocks can be put between the two, exchanged and taken out during the call, by\n"
	"commands or by\n.BR lanactl (8),\n"
	"and no frame is lost by it.\n"
	".PP\n"
	"PEER is the Ethernet address of the other end.\n"
	"Without it the call is answered: who calls first is the other end.\n"
	"Each end begins to talk when it knows that it is heard.\n"
	"The call ends when both ends have said all that there was in their files, when one\n"
	"hangs up, or when nothing has come for too long.\n"
	"What it has put below itself goes with it.\n"
	"A program at the other end that ends by accident may be started again meanwhile.\n"
	".PP\n"
	"With a fixed delay, what is heard depends only on which frames came in time.\n";

static const char keys[] =
	"On a terminal,\n.B f\nputs a forward block below the call or takes it out,\n.B e\n"
	"encrypts or ends that (after the command\n.BR key ),\n.B m\nmutes,\n.B s\nprints "
	"statistics,\n.B :\nbegins a command, and\n.B q\nhangs up.\n"
	"While a command is typed no statistics are printed; Enter carries it out, and Esc cancels "
	"it.\n";

static const char commands[] =
	"A line each, from the FIFO or from standard input; words with blanks in them are put\n"
	"in double quotes.\n"
	"A command that is refused has changed nothing.\n"
	".PP\n"
	"Blocks that are inserted are the call's own: \\fBinsert f1 forward\\fR makes one that is\n"
	"called as the call is, with a + and the name behind it, \\fBcall+f1\\fR.\n"
	"Such names are reserved for it: at its end all blocks go that are called so, whoever has\n"
	"made them, and no others.\n"
	"After\n.B kill \\-9\nthey stay, and carry what others send, until a call of the same name "
	"begins.\n"
	"Where a command takes NAME, it is one of these; or, if there is none, any block of\n"
	"the stack.\n"
	".PP\n"
	"With a socket from a server (\\fB\\-\\-from\\fR) the stack cannot be changed:\n"
	".BR mute ,\n.B stats\nand\n.B quit\nare left.\n";

static const char statistics[] =
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
	".TP\n.B sent late\nBy how much later than due frames of a file were sent.\n";

static const char status[] =
	".TP\n.B 0\nThe call was over, or a signal or command has ended it.\n"
	".TP\n.B 1\nIt could not begin, or was lost: one line on standard error says why.\n"
	".TP\n.B 2\nThe words make no sense.\n";

static const struct app_section sections[] = {
	{ "KEYS", keys },
	{ "STATISTICS", statistics },
	{ "EXIT STATUS", status },
	{ 0 },
};

static const char *const examples[] = {
	"lanactl vlink hook eth1",
	"lana-call --below eth1 02:00:00:00:00:02",
	"lana-call --below eth1",
	"lana-call --below eth1 --in speech.wav --out heard.wav --jitter 60 02:00:00:00:00:02",
	NULL,
};

const struct app_program call_program = {
	.name = "lana-call",
	.summary = "talk over Ethernet while the stack below is rearranged",
	.args = "[PEER]",
	.block = "call",
	.options = call_options,
	.take = options_take,
	.description = description,
	.way = "With \\fB\\-\\-below\\fR its block is put on top of BLOCK, on both paths.\n"
	       "Without it the call begins when its block has been bound.\n",
	.commands_text = commands,
	.commands = control_commands,
	.sections = sections,
	.examples = examples,
	.see_also = ".BR aplay (1),\n.BR lana\\-ping (1),\n",
	.guide = "docs/call.md",
};
