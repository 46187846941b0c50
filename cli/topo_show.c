// SPDX-License-Identifier: GPL-2.0-only
/* lanactl topo show - show networks, their nodes, links and processes */
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "fidelity.h"
#include "topo.h"

/* ---- all networks -------------------------------------------------------------------------- */

static enum cli_status list_networks(const struct lana_topo_options *options)
{
	_cleanup_free_ char(*names)[32] = NULL;
	struct lana_error error = {};
	size_t count;
	int err = lana_topo_list(options, &names, &count, &error);

	if (err)
		return cli_refused(err, &error);
	out_open_list("networks", OUT_LINES);
	for (size_t i = 0; i < count; i++)
		out_string(NULL, names[i]);
	out_close();
	return CLI_DONE;
}

/* ---- one ----------------------------------------------------------------------------------- */

void topo_show_direction(const struct lana_topo_direction *direction)
{
	out_open(NULL, OUT_ASSIGN);
	out_string("link", direction->link);
	out_string("from", *direction->from ? direction->from : "all");
	out_string("to", *direction->to ? direction->to : "all");
	if (*direction->info.name) {
		fidelity_show(&direction->info, true);
	} else {
		out_string("where", "missing");
		out_tone(OUT_BAD);
	}
	out_close();
}

static const char *state_of(const struct lana_topo_interface *interface)
{
	return !interface->up	     ? "off"
	       : !interface->carrier ? "no-carrier"
	       : interface->cut	     ? "cut"
				     : "up";
}

static void show_interfaces(const struct lana_topo_info *info)
{
	out_open_list("interfaces", OUT_TABLE);
	for (size_t i = 0; i < info->nodes_count; i++)
		for (size_t j = 0; j < info->nodes[i].interfaces_count; j++) {
			const struct lana_topo_interface *interface = &info->nodes[i].interfaces[j];

			out_open(NULL, OUT_ASSIGN);
			out_string("node", info->nodes[i].name);
			out_string("interface", interface->name);
			out_string("state", state_of(interface));
			if (*interface->link)
				out_string("link", interface->link);
			else
				out_unknown("link");
			out_string("mac", interface->mac);
			out_number("mtu", interface->mtu);
			if (interface->gso_off)
				out_string("gso", "off");
			else
				out_unknown("gso");
			out_open_list("addresses", OUT_WORDS);
			for (size_t k = 0; k < interface->addresses_count; k++)
				out_string(NULL, interface->addresses[k].text);
			out_close();
			if (*interface->device) {
				out_string("device", interface->device);
				out_hide();
			}
			out_close();
		}
	out_close();
}

static void show_nodes(const struct lana_topo_info *info)
{
	out_open_list("nodes", OUT_TABLE);
	for (size_t i = 0; i < info->nodes_count; i++) {
		const struct lana_topo_node *node = &info->nodes[i];

		out_open(NULL, OUT_ASSIGN);
		out_string("node", node->name);
		out_string("netns", node->netns);
		out_bool("forwarding", node->forwarding);
		out_number("interfaces", node->interfaces_count);
		out_number("processes", node->processes_count);
		out_close();
	}
	out_close();
}

static void show_links(const struct lana_topo_info *info)
{
	out_open_list("links", OUT_TABLE);
	for (size_t i = 0; i < info->links_count; i++) {
		const struct lana_topo_link *link = &info->links[i];

		out_open(NULL, OUT_ASSIGN);
		out_string("link", link->name);
		out_string("kind", link->segment      ? "segment"
				   : link->properties ? "emulated"
						      : "veth");
		out_bool("up", link->up);
		out_open_list("ends", OUT_WORDS);
		for (size_t j = 0; j < link->ends_count; j++) {
			char end[64];

			snprintf(end, sizeof(end), "%s:%s", link->ends[j].node,
				 link->ends[j].interface);
			out_string(NULL, end);
		}
		out_close();
		out_close();
	}
	out_close();
}

static void show_directions(const struct lana_topo_info *info)
{
	out_open_list("directions", OUT_TABLE);
	for (size_t i = 0; i < info->directions_count; i++)
		topo_show_direction(&info->directions[i]);
	out_close();
}

/* How something ended last, as a shell has it. */
static int exit_status(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void show_process(const char *node, const struct lana_topo_process *process)
{
	static const char *const states[] = { [LANA_TOPO_RUNNING] = "runs",
					      [LANA_TOPO_ENDED] = "ended",
					      [LANA_TOPO_WAITING] = "waits" };

	out_open(NULL, OUT_ASSIGN);
	out_string("node", node);
	out_string("process", process->name);
	out_string("state", states[process->state]);
	if (process->pid)
		out_number("pid", process->pid);
	else
		out_unknown("pid");
	out_number("starts", process->starts);
	if (process->starts > 1 || process->state == LANA_TOPO_ENDED)
		out_number("status", exit_status(process->status));
	else
		out_unknown("status");
	out_string("log", process->log);
	out_close();
}

static void show_processes(const struct lana_topo_info *info)
{
	out_open_list("processes", OUT_TABLE);
	for (size_t i = 0; i < info->nodes_count; i++)
		for (size_t j = 0; j < info->nodes[i].processes_count; j++)
			show_process(info->nodes[i].name, &info->nodes[i].processes[j]);
	if (*info->worker.name)
		show_process("@wires", &info->worker);
	out_close();
}

static enum cli_status show_network(const struct lana_topo_info *info)
{
	out_string("network", info->name);
	out_as("network %s%s%s", info->name, *info->file ? ", of " : "", info->file);
	out_bool("broken", info->broken);
	out_hide();
	if (info->broken) {
		out_string("note",
			   "a command was killed half way; lanactl topo down takes it away");
		out_tone(OUT_BAD);
		return CLI_DONE;
	}
	if (info->unkept) {
		out_string("note", "the keeper has gone, and with it processes and the worker of "
				   "links; lanactl topo apply starts them again");
		out_tone(OUT_BAD);
	}
	show_nodes(info);
	show_interfaces(info);
	show_links(info);
	show_directions(info);
	show_processes(info);
	return CLI_DONE;
}

static enum cli_status run_show(const struct cli_args *args)
{
	_cleanup_(topo_info_free) struct lana_topo_info *info = NULL;
	struct lana_topo_options options = topo_options(args);

	if (!cli_word(args, "NETWORK"))
		return list_networks(&options);
	info = topo_look(args);
	return info ? show_network(info) : CLI_REFUSED;
}

/* ---- completion ----------------------------------------------------------------------------- */

static void offer_networks(const struct lana_topo_options *options,
			   void (*offer)(const void *cookie, const char *name), const void *cookie)
{
	_cleanup_free_ char(*names)[32] = NULL;
	size_t count = 0;

	if (!lana_topo_list(options, &names, &count, NULL))
		for (size_t i = 0; i < count; i++)
			offer(cookie, names[i]);
}

/* A place is a link, or an interface of a node. */
void topo_complete(const struct cli_args *args, const char *value,
		   void (*offer)(const void *cookie, const char *name), const void *cookie)
{
	_cleanup_(topo_info_free) struct lana_topo_info *info = NULL;
	struct lana_topo_options options = topo_options(args);
	const char *network = cli_word(args, "NETWORK");
	bool place = !strcmp(value, "PLACE");
	bool node = !strcmp(value, "NODE") || !strcmp(value, "END") || !strcmp(value, "FROM") ||
		    !strcmp(value, "TO");

	if (!strcmp(value, "NETWORK"))
		offer_networks(&options, offer, cookie);
	else if (!network || strpbrk(network, "./") ||
		 lana_topo_show(&options, network, &info, NULL))
		return;
	for (size_t i = 0; info && i < info->nodes_count; i++) {
		if (node)
			offer(cookie, info->nodes[i].name);
		for (size_t j = 0; place && j < info->nodes[i].interfaces_count; j++) {
			char name[64];

			snprintf(name, sizeof(name), "%s:%s", info->nodes[i].name,
				 info->nodes[i].interfaces[j].name);
			offer(cookie, name);
		}
	}
	for (size_t i = 0; info && (place || !strcmp(value, "LINK")) && i < info->links_count; i++)
		offer(cookie, info->links[i].name);
}

static const char *const examples[] = { "topo show", "topo show lab", "-j topo show lab", NULL };

const struct cli_command topo_show_command = {
	.name = "topo show",
	.args = "[NETWORK]",
	.summary = "show networks, their nodes, links and processes",
	.details =
		"List the networks; or show one: its nodes, their interfaces with addresses as the "
		"kernel has them, its links and its processes. The state of an interface is up, "
		"cut "
		"(what it sends is dropped: 'topo link' 'from'), no-carrier, or off. Of a process "
		"there are the times that it was started, and the status that it ended with last.",
	.examples = examples,
	.run = run_show,
};
