// SPDX-License-Identifier: GPL-2.0-only
/* lanactl worker - have blocks of a stack in user space */
#include <lana/worker.h>

#include "cli.h"

#define LOOK_MS 200 /* a signal that comes while it does not sleep is seen then */

static void print_line(void *cookie, const char *text)
{
	enum cli_status status;

	out_string("text", text);
	out_as("%s", text);
	cli_stream_print(cookie, &status);
}

static enum cli_status run(const struct cli_args *args)
{
	_cleanup_stack_ struct lana_stack *stack = NULL;
	struct lana_worker_options options = {
		.name = cli_word(args, "NAME"),
		.halves = cli_word(args, "FOLDERS") ?: getenv("LANA_HALVES"),
		.blocks = cli_flag(args, "blocks") ? cli_list(args) : NULL,
		.busy = cli_flag(args, "busy"),
		.log = print_line,
		.cookie = (void *)args,
	};
	struct lana_error error = {};
	struct lana_worker *worker;
	uint64_t mtu = 0, ring = 0, frames = 0;
	int err;

	if (!cli_count(args, "BYTES", LANA_WORKER_MTU_MAX, &mtu) ||
	    !cli_count(args, "PACKETS", LANA_SOCKET_RING_MAX, &ring) ||
	    !cli_count(args, "FRAMES", LANA_WORKER_FRAMES_MAX, &frames))
		return CLI_USAGE;
	options.mtu = mtu;
	options.ring = ring;
	options.frames = frames;
	if (!cli_stack_create(args, &stack))
		return CLI_REFUSED;
	cli_stream_begin();
	err = lana_worker_open(stack, &options, &worker, &error);
	if (err)
		return cli_refused(err, &error);
	print_line((void *)args, "ready");
	while (!err && !cli_stream_ended())
		err = lana_worker_run(worker, LOOK_MS, &error);
	lana_worker_close(worker);
	return err ? cli_refused(err, &error) : CLI_DONE;
}

static const char *const examples[] = { "worker", "worker links blocks l1 l2",
					"-s lab worker frames 131072 busy", NULL };

const struct cli_command worker_command = {
	.name = "worker",
	.args = "[NAME] [from FOLDERS] [mtu BYTES] [ring PACKETS] [frames FRAMES] [busy] "
		"[blocks BLOCK ...]",
	.brief = "[NAME] [OPTION ...]",
	.summary = "have blocks of the stack in user space",
	.details =
		"Take up the blocks whose types live in user space (hold, userforward, ...), those "
		"that are there and those that will be added, and let them go when they are "
		"replaced or removed, until a signal ends it. Their packets are received, held, "
		"changed, made and sent here. With 'blocks', only those of these names. Several "
		"workers may share a stack, each under a NAME of its own (worker, if not said), "
		"which is a block of the stack and cannot be bound: 'stats' NAME counts what the "
		"worker had no room for, and what it has sent that was wrong.\n\n"
		"The user-space half of type TYPE is TYPE.so in FOLDERS (several are parted by a "
		"colon). MTU (1500): packets have so many bytes behind their Ethernet header at "
		"most; longer ones are dropped and counted by their block. Ring (2048): packets "
		"that may wait for the worker. Frames (16384): packets that its blocks may hold; "
		"one takes 2048 bytes, or 4096 if the MTU is above 1734. 'busy': never sleep, "
		"which "
		"takes a CPU; otherwise it sleeps until 50 us before a packet is due.\n\n"
		"If the worker ends, in whatever manner, packets pass its blocks by by port next, "
		"or are dropped, as option 'dead' of the block says, from that moment on. Those "
		"that it "
		"held are sent if it was told to end, and lost if it was killed. Started again it "
		"takes the blocks up again.\n\n"
		"It prints a line for each block that it takes up or lets go.",
	.examples = examples,
	.run = run,
};
