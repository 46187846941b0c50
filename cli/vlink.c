// SPDX-License-Identifier: GPL-2.0-only
/* lanactl vlink - hook devices to a stack and unhook them; make and remove tagged links */
#include <ctype.h>
#include <string.h>

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

/* ---- tagged links ----------------------------------------------------------------------- */

/* "7" or "0x07"; what is larger than an ID is for the library to refuse. */
static bool read_id(const char *word, uint32_t *id)
{
	const char *digits = word;
	int base = 10;
	char *end;

	if (word[0] == '0' && word[1] == 'x') {
		digits += 2;
		base = 16;
	}
	*id = strtoul(digits, &end, base);
	return isxdigit((unsigned char)*digits) && !*end && end - digits <= 8;
}

static enum cli_status run_add(const struct cli_args *args)
{
	_cleanup_stack_ struct lana_stack *stack = NULL;
	struct lana_error error = {};
	uint32_t id;
	int err;

	if (!read_id(cli_word(args, "ID"), &id))
		return cli_usage("'%s' is no ID: a number from 0 to 255, or 0x00 to 0xff",
				 cli_word(args, "ID"));
	if (!cli_stack_create(args, &stack))
		return CLI_REFUSED;

	err = lana_vlink_add(stack, cli_word(args, "NAME"), cli_word(args, "DEV"), id, &error);
	return err ? cli_refused(err, &error) : CLI_DONE;
}

static enum cli_status run_rm(const struct cli_args *args)
{
	_cleanup_stack_ struct lana_stack *stack = NULL;
	struct lana_error error = {};
	int err;

	if (!cli_stack_open(args, &stack))
		return CLI_REFUSED;

	err = lana_vlink_rm(stack, cli_word(args, "VLINK"), &error);
	return err ? cli_refused(err, &error) : CLI_DONE;
}

static void show_link(const struct lana_vlink_info *vlink)
{
	out_open(NULL, OUT_ASSIGN);
	out_string("name", vlink->name);
	if (vlink->gone)
		out_tone(OUT_BAD);
	out_string("device", vlink->device);
	if (!strcmp(vlink->device, vlink->name) && !vlink->moved)
		out_as("%s", "");
	else if (vlink->moved)
		out_as("%s elsewhere", vlink->device);
	out_string("carrier", vlink->carrier);
	out_string("netns", vlink->netns);
	out_number("id", vlink->id);
	out_number("type", LANA_VLINK_TYPE | vlink->id);
	out_as("0x%04x", LANA_VLINK_TYPE | vlink->id);
	out_number("ifindex", vlink->ifindex);
	out_number("mtu", vlink->mtu);
	out_bool("gone", vlink->gone);
	out_hide();
	out_bool("moved", vlink->moved);
	out_hide();
	out_string("state", vlink->gone ? "gone" : vlink->carrier_up ? "up" : "carrier down");
	out_bool("offloads", vlink->whole);
	out_as("%s", vlink->whole ? "on" : "off");
	out_number("lost", vlink->lost);
	out_string("note", vlink->note);
	out_close();
}

static enum cli_status run_show(const struct cli_args *args)
{
	_cleanup_free_ struct lana_vlink_info *vlinks = NULL;
	_cleanup_stack_ struct lana_stack *stack = NULL;
	const char *name = cli_word(args, "VLINK");
	struct lana_error error = {};
	size_t count, shown = 0;
	int err;

	if (!cli_stack_open(args, &stack))
		return CLI_REFUSED;
	err = lana_vlink_list(stack, &vlinks, &count, &error);
	if (err)
		return cli_refused(err, &error);

	out_open_list("vlinks", name ? OUT_RECORDS : OUT_TABLE);
	for (size_t i = 0; i < count; i++)
		if (!name || !strcmp(vlinks[i].name, name)) {
			show_link(&vlinks[i]);
			shown++;
		}
	out_close();
	return name && !shown ? cli_error("no tagged link '%s'", name) : CLI_DONE;
}

static const char *const add_examples[] = { "vlink add v7 eth0 7", "-n lab vlink add up veth0 0xff",
					    NULL };
static const char *const show_examples[] = { "vlink show", "-j vlink show v7", NULL };

const struct cli_command vlink_add_command = {
	.name = "vlink add",
	.args = "NAME DEV ID",
	.summary = "make a tagged virtual link on a device",
	.details =
		"Make an Ethernet device NAME, whose frames cross the carrier DEV with the "
		"Ethernet type 0xAC00 | ID in front of their own, two bytes more. ID is 0 to 255, "
		"or 0x00 to 0xff. A link of the same ID on a device that DEV leads to is the "
		"other end. The stack is made if there is none. A stack has a name but once, in "
		"whatever network namespaces: two ends on one machine want two names, or two "
		"stacks ('-s').\n\n"
		"NAME is a device as any other: it is brought up, given addresses, hooked, "
		"captured from, made a carrier of links itself, renamed and moved to another "
		"network namespace by the usual means. It has the hardware address of DEV, as "
		"VLAN devices do, and an MTU that is smaller by 2. Other traffic of DEV goes on "
		"untouched. The other half of NAME stays beside DEV, as .acID.NUMBER.\n\n"
		"Segments and checksums are left to DEV only if that is a veth which leaves them "
		"on in its turn; a card cannot parse the tag, so for it NAME has them finished. "
		"If what leaves a veth goes on to a card, say ethtool -K NAME tx off. On other "
		"devices than veths, DEV is told to receive all multicast.\n\n"
		"If DEV is hooked in a stack at tc, frames of links do not reach that hook. If it "
		"is "
		"hooked at XDP the stack there has them first, tagged; what it passes to the "
		"kernel goes to NAME.\n\n"
		"NAME does not follow DEV: while that is down or its MTU too small, frames are "
		"lost, and 'vlink show' and 'check' say so. If DEV or NAME are deleted, 'vlink rm' "
		"removes the rest, and 'vlink add' makes the link anew.",
	.examples = add_examples,
	.names_new = true,
	.run = run_add,
};

const struct cli_command vlink_rm_command = {
	.name = "vlink rm",
	.args = "VLINK",
	.summary = "remove a tagged virtual link",
	.details = "Remove the tagged link that was made as VLINK, and its device, wherever and "
		   "however called that is by now. Refused while it is hooked, or is a carrier.",
	.run = run_rm,
};

const struct cli_command vlink_show_command = {
	.name = "vlink show",
	.args = "[VLINK]",
	.summary = "show tagged virtual links",
	.details = "Show each tagged link: its name, that of its device if that is another or has "
		   "been moved to another network namespace, its carrier, ID and Ethernet type, "
		   "the MTU, if the carrier is up, if segments and checksums are left to the "
		   "carrier, and how many frames were lost for want of memory. With VLINK, show "
		   "that one, a line a property.",
	.examples = show_examples,
	.run = run_show,
};
