// SPDX-License-Identifier: GPL-2.0-only
/* lanactl show - show the blocks of a stack and how they are bound */
#include <stdio.h>
#include <string.h>

#include "cli.h"

static void show_device(const struct lana_block_info *block, bool details)
{
	const struct lana_device_info *device = &block->device;
	char silent[40] = "";

	out_open("device", OUT_ASSIGN);
	out_string("name", device->name);
	out_number("ifindex", device->ifindex);
	out_string("netns", device->netns);
	out_string("hook", lana_hook_name(device->hook));
	out_bool("gone", device->gone);
	out_string("note", device->note);
	if (block->silent_ms) {
		out_number("silent_ms", block->silent_ms);
		snprintf(silent, sizeof(silent), ", silent for %u s", block->silent_ms / 1000);
	}
	out_close();
	out_as("%s %s%s%s%s%s%s%s", device->name, lana_hook_name(device->hook),
	       *device->netns ? " in " : "", device->netns, device->gone ? ", gone" : "", silent,
	       details && *device->note ? "; " : "", details ? device->note : "");
	if (device->gone || *silent)
		out_tone(OUT_BAD);
}

static void show_edges(const struct lana_block_info *block, enum lana_path path)
{
	char number[16];

	out_open(lana_path_name(path), OUT_ARROW);
	for (size_t i = 0; i < block->edges_count; i++) {
		const struct lana_edge *edge = &block->edges[i];

		if (edge->path != path)
			continue;
		snprintf(number, sizeof(number), "%u", edge->port);
		out_string(*edge->port_name ? edge->port_name : number, edge->to_name);
	}
	out_close();
}

/* Does the block share a program with another one? */
static bool is_fused(const struct lana_block_info *block)
{
	for (size_t i = 0; i < block->edges_count; i++)
		if (block->edges[i].fused)
			return true;
	for (int path = 0; path < LANA_PATHS; path++)
		for (uint32_t i = 0; i < block->programs[path].count; i++)
			if (strcmp(block->programs[path].first[i], block->name))
				return true;
	return false;
}

/* Names of programs, each once. */
static void join_programs(const struct lana_block_info *block, char *text, size_t size)
{
	const char *names[LANA_PATHS * LANA_COPIES_MAX];
	size_t count = 0, length = 0, i;

	*text = 0;
	for (int path = 0; path < LANA_PATHS; path++)
		for (uint32_t j = 0; j < block->programs[path].count; j++) {
			const char *name = block->programs[path].first[j];

			for (i = 0; i < count && strcmp(names[i], name); i++)
				;
			if (i < count)
				continue;
			names[count++] = name;
			length +=
				snprintf(text + length, size - length, "%s%s", i ? " " : "", name);
		}
}

static void show_programs(const struct lana_block_info *block)
{
	char text[LANA_PATHS * LANA_COPIES_MAX * LANA_NAME_MAX] = "";

	if (is_fused(block))
		join_programs(block, text, sizeof(text));
	out_open("programs", OUT_ASSIGN);
	for (int path = 0; path < LANA_PATHS; path++) {
		const struct lana_programs *programs = &block->programs[path];

		out_open_list(lana_path_name(path), OUT_WORDS);
		for (uint32_t i = 0; i < programs->count; i++)
			out_string(NULL, programs->first[i]);
		out_close();
	}
	out_close();
	out_as("%s", text);
}

/* A program is long: its length has to do where a person reads. */
static void show_filter(const struct lana_block_info *block)
{
	uint32_t length = block->filter.instructions;

	if (block->filter.kind == LANA_FILTER_NONE)
		return;
	out_string(lana_filter_kind_name(block->filter.kind), block->filter.text);
	if (block->filter.kind == LANA_FILTER_EXPR)
		out_as("'%s'", block->filter.text);
	else
		out_as("(%u instruction%s)", length, length == 1 ? "" : "s");
}

/* "ingress 1 in line, 2 cloned" */
static void show_copies(const struct lana_block_info *block)
{
	static const char *const words[] = { "in line", "cloned", "broadcast" };
	char text[LANA_PATHS * 80] = "";
	size_t length = 0;

	out_open("copies", OUT_ASSIGN);
	for (int path = 0; path < LANA_PATHS; path++) {
		const struct lana_copies *copies = &block->copies[path];
		const uint32_t counts[] = { copies->inlined, copies->cloned, copies->broadcast };
		bool first = true;

		out_open(lana_path_name(path), OUT_ASSIGN);
		out_number("inlined", copies->inlined);
		out_number("cloned", copies->cloned);
		out_number("broadcast", copies->broadcast);
		out_close();
		for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
			if (!counts[i])
				continue;
			length += snprintf(text + length, sizeof(text) - length, "%s%s%s%u %s",
					   first && length ? "; " : "",
					   first ? lana_path_name(path) : ",", " ", counts[i],
					   words[i]);
			first = false;
		}
	}
	out_close();
	out_as("%s", text);
}

static void show_worker(const struct lana_block_info *block)
{
	if (!block->user)
		return;
	out_string("worker", block->worker);
	if (!*block->worker) {
		out_as("none");
		out_tone(OUT_DOUBTFUL);
	}
	if (block->silent_ms) {
		out_as("%s, silent for %u s", block->worker, block->silent_ms / 1000);
		out_tone(OUT_BAD);
	}
	out_number("silent_ms", block->silent_ms);
	out_hide();
}

static void show_block(const struct lana_block_info *block, bool details)
{
	const bool is_device = block->device.hook != LANA_HOOK_NONE;

	out_open(NULL, OUT_ASSIGN);
	out_number("idp", block->idp);
	out_string("name", block->name);
	out_string("type", block->type);
	if (!block->type_current)
		out_as("%s v%u (old)", block->type, block->type_version);
	else if (details)
		out_as("%s v%u", block->type, block->type_version);
	out_number("version", block->type_version);
	out_hide();
	out_bool("current", block->type_current);
	out_hide();
	out_number("refs", block->references);
	out_open("config", OUT_ASSIGN);
	for (size_t i = 0; i < block->config_count; i++)
		out_value(block->config[i].name, &block->config[i]);
	show_filter(block);
	out_close();
	if (is_device)
		out_hide();
	cli_show_in_effect(block, NULL);
	show_edges(block, LANA_INGRESS);
	show_edges(block, LANA_EGRESS);
	show_programs(block);
	out_open_list("subscribers", OUT_WORDS);
	for (size_t i = 0; i < block->subscribers_count; i++)
		out_string(NULL, block->subscribers[i]);
	out_close();
	show_copies(block);
	show_worker(block);
	if (is_device)
		show_device(block, details);
	out_close();
}

static enum cli_status run_show(const struct cli_args *args)
{
	_cleanup_stack_ struct lana_stack *stack = NULL;
	_cleanup_free_ struct lana_block_info *blocks = NULL;
	const char *name = cli_word(args, "NAME");
	struct lana_error error = {};
	size_t count;
	int err;

	if (!cli_stack_open(args, &stack))
		return CLI_REFUSED;

	err = lana_block_list(stack, name, &blocks, &count, &error);
	if (err)
		return cli_refused(err, &error);

	out_open_list("blocks", name ? OUT_RECORDS : OUT_TABLE);
	for (size_t i = 0; i < count; i++)
		show_block(&blocks[i], name);
	out_close();
	return CLI_DONE;
}

static const char *const examples[] = { "show", "-j show", "show eth0", NULL };

const struct cli_command show_command = {
	.name = "show",
	.args = "[NAME]",
	.summary = "show blocks and how they are bound",
	.details =
		"Show every block of the stack: its IDP, name and type, how many edges lead "
		"to it, its config, where its ports lead on ingress and on egress, and of a "
		"device the hook and the name it had when it was hooked. Of blocks that share a "
		"program, 'programs' names the block that it begins with. Of a block that sends a "
		"packet on by several ports at once, 'copies' says how: in line are branches that "
		"only read the packet, which needs no copy; cloned (at tc) or broadcast (at XDP) "
		"are copies. 'subscribers' are told of a block's events. 'worker' has the block, "
		"if its "
		"type lives in user space. A column that is "
		"empty throughout is left out. A type marked (old) has a newer version loaded, "
		"which 'replace' would use. With NAME, show that block, a line a property.",
	.examples = examples,
	.run = run_show,
};

const struct cli_command show_block_command = {
	.name = "show block",
	.args = "NAME",
	.summary = "show a block of any name",
	.details = "As 'show' NAME, also for a block that is called 'dot' or 'block'.",
	.run = run_show,
};
