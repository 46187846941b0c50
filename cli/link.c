// SPDX-License-Identifier: GPL-2.0-only
/* lanactl link - show how true emulated links are */
#include "fidelity.h"

static void show_link(const struct lana_link_info *link)
{
	out_open(NULL, OUT_ASSIGN);
	out_string("name", link->name);
	out_string("path", lana_path_name(link->path));
	fidelity_show(link, false);
	out_close();
}

static enum cli_status run(const struct cli_args *args)
{
	_cleanup_stack_ struct lana_stack *stack = NULL;
	_cleanup_free_ struct lana_link_info *links = NULL;
	const char *name = cli_word(args, "NAME");
	struct lana_error error = {};
	size_t count = 0;
	int err;

	if (!cli_stack_open(args, &stack))
		return CLI_REFUSED;
	err = lana_link_list(stack, name, &links, &count, &error);
	if (err)
		return cli_refused(err, &error);
	out_open_list("links", name ? OUT_RECORDS : OUT_TABLE);
	for (size_t i = 0; i < count; i++)
		show_link(&links[i]);
	out_close();
	return CLI_DONE;
}

static const char *const examples[] = { "link", "link ab", "-j link", NULL };

const struct cli_command link_command = {
	.name = "link",
	.args = "[NAME]",
	.summary = "show how true emulated links are",
	.details =
		"For each link (type link), or one, and each path that it is used on: what was "
		"configured beside what was achieved. The rate is measured while there was always "
		"something to send; delay p50 and p99, from a packet's last bit to its departure; "
		"error, how much later than its time a packet left; loss, of the packets that were "
		"sent. 'late' counts packets that left later than their time and the option 'late' "
		"(1 ms), since the host could not keep up, with the time of the first and the last "
		"one. Beside it: the limit of the queue that is in effect, the seed, how many full "
		"frames the link may have to hold, and how many the worker can ('worker "
		"frames'). A worker that has not come round for seconds, as it was stopped or a "
		"block "
		"of it does not return, is called silent; 'check' tells of it, too.\n\n"
		"Where a link takes no time, neither rate nor delay, the kernel does it, and loss "
		"is "
		"all that there is to be told. It is read from memory that the worker shares, and "
		"stays there when it ends. In JSON times are nanoseconds, chances billionths, "
		"rates "
		"bits a second.",
	.examples = examples,
	.run = run,
};
