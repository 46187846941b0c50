// SPDX-License-Identifier: GPL-2.0-only
/* lanactl vlink - hook devices to a stack and unhook them */
#include "cli.h"

static const struct {
	const char *keyword;
	enum lana_hook hook;
} hooks[] = {
	{ "xdp", LANA_HOOK_XDP },
	{ "skb", LANA_HOOK_SKB },
	{ "tc", LANA_HOOK_TC },
};

static enum cli_status run_hook(const struct cli_args *args)
{
	struct lana_hook_options options = { .as = cli_word(args, "NAME") };
	_cleanup_stack_ struct lana_stack *stack = NULL;
	struct lana_error error = {};
	int err;

	if (!cli_stack_create(args, &stack))
		return CLI_REFUSED;

	for (size_t i = 0; i < sizeof(hooks) / sizeof(hooks[0]); i++)
		if (cli_flag(args, hooks[i].keyword))
			options.hook = hooks[i].hook;
	err = lana_hook(stack, cli_word(args, "DEV"), &options, &error);
	return err ? cli_refused(err, &error) : CLI_DONE;
}

static enum cli_status run_unhook(const struct cli_args *args)
{
	_cleanup_stack_ struct lana_stack *stack = NULL;
	struct lana_error error = {};
	int err;

	if (!cli_stack_open(args, &stack))
		return CLI_REFUSED;

	err = lana_unhook(stack, cli_word(args, "DEV"), &error);
	return err ? cli_refused(err, &error) : CLI_DONE;
}

static const char *const examples[] = { "vlink hook eth0", "-n left vlink hook veth0 skb as uplink",
					NULL };

const struct cli_command vlink_hook_command = {
	.name = "vlink hook",
	.args = "DEV [xdp|skb|tc] [as NAME]",
	.summary = "hook a device to the stack",
	.details = "Make a block of the device DEV. Every packet that the device receives leaves "
		   "the block by port 'next' on ingress; every packet that reaches the block is "
		   "transmitted. The stack is made if there is none.\n\n"
		   "From the moment of the hook, the stack has all that DEV receives. Until "
		   "'bind' leads its ingress port somewhere, every packet is dropped and counted "
		   "as unbound: a machine that is reached through DEV is lost then. So build the "
		   "stack first, hook DEV, and let the last 'bind' lead traffic into it.\n\n"
		   "The hook is XDP in the driver ('xdp'), generic XDP ('skb') or tc ('tc'); if "
		   "none is named, XDP where the driver has it and else tc. The block is called "
		   "like the device, or NAME. The hook stays when lanactl exits, and goes with "
		   "'vlink unhook' or with the device; a device that is back and hooked again "
		   "takes up its old block. 'show' calls a device as it was called when it was "
		   "hooked.\n\n"
		   "What the kernel itself sends by DEV leaves as if nothing were hooked. At tc, "
		   "'bind' DEV BLOCK 'egress' leads it into a block, and 'bind' BLOCK DEV leads "
		   "that block's egress back to DEV.\n\n"
		   "A kernel that sends by a veth leaves checksums and segments for a card to "
		   "finish, and XDP hands packets on unfinished: between two kernels that a "
		   "stack at 'xdp' or 'skb' joins, pings pass and TCP does not, or crawls. Switch "
		   "that off at both ends (ethtool -K eth0 tx off), or hook at 'tc'.",
	.examples = examples,
	.names_new = true,
	.run = run_hook,
};

const struct cli_command vlink_unhook_command = {
	.name = "vlink unhook",
	.args = "DEV",
	.summary = "unhook a device",
	.details = "Detach a device from the stack and remove its block. DEV is the name of the "
		   "block, which is the device's unless 'vlink hook' was told another. Refused "
		   "while the block is bound.",
	.run = run_unhook,
};
