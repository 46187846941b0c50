// SPDX-License-Identifier: GPL-2.0-only
/* lanactl topo - make networks on this machine as files describe them, and change them */
#include <errno.h>
#include <string.h>

#include "topo.h"

void topo_file_free(struct topo_file *file)
{
	free(file->text);
}

static bool read_file(const char *name, struct topo_file *file)
{
	file->text = cli_read_file(name, &file->source.size);
	if (!file->text) {
		cli_error("cannot read %s: %s", cli_file_name(name), strerror(errno));
		return false;
	}
	file->source.name = cli_file_name(name);
	file->source.text = file->text;
	return true;
}

bool topo_read(const struct cli_args *args, struct topo_file *file)
{
	file->source.network = cli_word(args, "NETWORK");
	file->source.types = args->options.stack.types;
	return read_file(cli_word(args, "FILE"), file);
}

struct lana_topo_options topo_options(const struct cli_args *args)
{
	return (struct lana_topo_options){ .folder = getenv("LANA_TOPO"),
					   .stack = &args->options.stack,
					   .halves = getenv("LANA_HALVES") };
}

bool topo_network(const struct cli_args *args, char network[32])
{
	_cleanup_(topo_file_free) struct topo_file file = {};
	const char *word = cli_word(args, "NETWORK");
	struct lana_topo_result result;
	struct lana_error error = {};
	int err;

	if (!strpbrk(word, "./")) {
		if (strlen(word) >= 32) {
			cli_error("'%.60s' is no name for a network", word);
			return false;
		}
		strcpy(network, word);
		return true;
	}
	if (!read_file(word, &file))
		return false;
	err = lana_topo_validate(&file.source, &result, &error);
	if (err)
		cli_refused(err, &error);
	else
		memcpy(network, result.network, sizeof(result.network));
	return !err;
}

void topo_info_free(struct lana_topo_info **info)
{
	lana_topo_info_free(*info);
}

struct lana_topo_info *topo_look(const struct cli_args *args)
{
	struct lana_topo_options options = topo_options(args);
	struct lana_topo_info *info = NULL;
	struct lana_error error = {};
	char network[32];
	int err;

	if (!topo_network(args, network))
		return NULL;
	err = lana_topo_show(&options, network, &info, &error);
	if (err)
		cli_refused(err, &error);
	return info;
}

/* ---- up, apply, plan, validate ------------------------------------------------------------- */

static void show_counts(const struct lana_topo_result *result, const char *what)
{
	out_open("topo", OUT_ASSIGN);
	out_string("network", result->network);
	out_number("nodes", result->nodes);
	out_number("links", result->links);
	out_number("addresses", result->addresses);
	out_number("routes", result->routes);
	out_number("processes", result->processes);
	out_close();
	out_as("network %s %s: %zu nodes, %zu links, %zu addresses, %zu routes, %zu processes",
	       result->network, what, result->nodes, result->links, result->addresses,
	       result->routes, result->processes);
	if (*result->note) {
		out_string("note", result->note);
		out_tone(OUT_DOUBTFUL);
	}
}

static void show_steps(const struct lana_topo_result *result)
{
	out_open_list("steps", OUT_LINES);
	for (size_t i = 0; i < result->steps_count; i++) {
		const struct lana_topo_step *step = &result->steps[i];

		out_open(NULL, OUT_ASSIGN);
		out_string("step", step->text);
		if (step->line) {
			out_number("line", step->line);
			out_number("column", step->column);
		}
		out_close();
		out_as("%s", step->text);
	}
	out_close();
	if (!result->steps_count) {
		out_string("result", "nothing");
		out_as("nothing to do");
	}
}

/* What the library does with a file. */
typedef int topo_work(const struct lana_topo_options *options,
		      const struct lana_topo_source *source, struct lana_topo_result *result,
		      struct lana_error *error);

/* Have it done; result->steps is to be freed then. */
static enum cli_status do_work(const struct cli_args *args, topo_work *work,
			       struct lana_topo_result *result)
{
	_cleanup_(topo_file_free) struct topo_file file = {};
	struct lana_topo_options options = topo_options(args);
	struct lana_error error = {};
	int err;

	if (!topo_read(args, &file))
		return CLI_REFUSED;
	err = work(&options, &file.source, result, &error);
	return err ? cli_refused(err, &error) : CLI_DONE;
}

static enum cli_status run_up(const struct cli_args *args)
{
	struct lana_topo_result result = {};
	enum cli_status status = do_work(args, lana_topo_up, &result);

	if (status != CLI_DONE)
		return status;
	free(result.steps);
	show_counts(&result, "is up");
	return CLI_DONE;
}

static enum cli_status run_validate(const struct cli_args *args)
{
	_cleanup_(topo_file_free) struct topo_file file = {};
	struct lana_topo_result result;
	struct lana_error error = {};
	int err;

	if (!topo_read(args, &file))
		return CLI_REFUSED;
	err = lana_topo_validate(&file.source, &result, &error);
	if (err)
		return cli_refused(err, &error);
	show_counts(&result, "is well described");
	return CLI_DONE;
}

static enum cli_status run_steps(const struct cli_args *args, topo_work *work)
{
	struct lana_topo_result result = {};
	enum cli_status status = do_work(args, work, &result);

	if (status != CLI_DONE)
		return status;
	show_steps(&result);
	free(result.steps);
	return CLI_DONE;
}

static enum cli_status run_apply(const struct cli_args *args)
{
	return run_steps(args, lana_topo_apply);
}

static enum cli_status run_plan(const struct cli_args *args)
{
	return run_steps(args, lana_topo_plan);
}

static enum cli_status run_down(const struct cli_args *args)
{
	struct lana_topo_options options = topo_options(args);
	struct lana_error error = {};
	char network[32];
	int err;

	if (!topo_network(args, network))
		return CLI_REFUSED;
	err = lana_topo_down(&options, network, &error);
	return err ? cli_refused(err, &error) : CLI_DONE;
}

static enum cli_status run_schema(const struct cli_args *args)
{
	_cleanup_free_ char *text = NULL;

	(void)args;
	if (lana_topo_schema(&text))
		return cli_error("out of memory");
	text[strlen(text) - 1] = 0; /* the last newline is the printer's */
	out_string("schema", text);
	return CLI_DONE;
}

static enum cli_status run_link(const struct cli_args *args)
{
	struct lana_topo_options options = topo_options(args);
	struct lana_error error = {};
	char network[32];
	bool up = cli_flag(args, "up");
	int err;

	if (!topo_network(args, network))
		return CLI_REFUSED;
	if (up == cli_flag(args, "down"))
		return cli_usage("say whether the link goes up or down (topo link %s)",
				 args->words.command->args);
	err = lana_topo_link(&options, network, cli_word(args, "LINK"), cli_word(args, "NODE"), up,
			     &error);
	return err ? cli_refused(err, &error) : CLI_DONE;
}

static enum cli_status run_set(const struct cli_args *args)
{
	struct lana_topo_options options = topo_options(args);
	struct lana_error error = {};
	char network[32];
	int err;

	if (!topo_network(args, network))
		return CLI_REFUSED;
	if (cli_word(args, "NODE") && cli_word(args, "END"))
		return cli_usage("say 'from' or 'to' (topo set %s)", args->words.command->args);
	err = lana_topo_set(&options, network, cli_word(args, "LINK"), cli_word(args, "NODE"),
			    cli_word(args, "END"), cli_list(args), &error);
	return err ? cli_refused(err, &error) : CLI_DONE;
}

static const char *const up_examples[] = { "topo up lab.yaml", "topo up lab.yaml as lab2", NULL };
static const char *const down_examples[] = { "topo down lab", "topo down lab.yaml", NULL };
static const char *const apply_examples[] = { "topo plan lab.yaml", "topo apply lab.yaml", NULL };
static const char *const link_examples[] = { "topo link lab a-b down",
					     "topo link lab a-b down from a", NULL };

static const char *const set_examples[] = { "topo set lab a-b delay=20ms loss=1%",
					    "topo set lab a-b rate=2mbit from a", NULL };

const struct cli_command topo_up_command = {
	.name = "topo up",
	.args = "FILE [as NETWORK]",
	.summary = "make a network of namespaces and links",
	.details =
		"Make the network that FILE (YAML; '-': standard input) describes: a network "
		"namespace for each node, a veth or a bridge for each link, with addresses, "
		"routes, "
		"settings and processes; docs/topology.md has the keys. When it returns links are "
		"up "
		"and addresses can be used. Nodes are known to ip-netns(8) as NETWORK.NODE.\n\n"
		"'as' gives the network another name than the file does, so that one file can be "
		"up "
		"several times. What is refused leaves nothing behind; what was killed half way is "
		"taken away by 'topo down'.",
	.examples = up_examples,
	.run = run_up,
};

const struct cli_command topo_down_command = {
	.name = "topo down",
	.args = "NETWORK",
	.summary = "take a network away",
	.details =
		"End all processes in the network's nodes (by SIGTERM, and a second later by "
		"SIGKILL), give real devices back, and remove nodes, links and stacks. NETWORK is "
		"a "
		"name, or, with a dot or a slash in it, the file of the network. It works whatever "
		"state a network is in.",
	.examples = down_examples,
	.run = run_down,
};

const struct cli_command topo_plan_command = {
	.name = "topo plan",
	.args = "FILE [as NETWORK]",
	.summary = "show what topo apply or topo up would do",
	.details = "Print the steps that lead from the running network to FILE, or, if there is no "
		   "such network, those that make it. Nothing is changed.",
	.examples = apply_examples,
	.run = run_plan,
};

const struct cli_command topo_apply_command = {
	.name = "topo apply",
	.args = "FILE [as NETWORK]",
	.summary = "change a running network to what its file says",
	.details =
		"Change the network by what differs from FILE, and print the steps: nodes, links, "
		"addresses, routes, settings and processes come, go or change; everything else "
		"stays as it is, with its traffic. Links keep the addresses that they were "
		"assigned. What is refused is undone.",
	.examples = apply_examples,
	.run = run_apply,
};

const struct cli_command topo_validate_command = {
	.name = "topo validate",
	.args = "FILE [as NETWORK]",
	.summary = "check a topology file",
	.details = "Say what is wrong with FILE, and where, or count what is in it. Nothing is "
		   "made, and no privilege is needed.",
	.run = run_validate,
};

const struct cli_command topo_schema_command = {
	.name = "topo schema",
	.args = "",
	.summary = "print the JSON Schema of topology files",
	.details = "Print the schema for editors and programs. It comes from the same table that "
		   "'topo validate' goes by.",
	.run = run_schema,
};

const struct cli_command topo_link_command = {
	.name = "topo link",
	.args = "NETWORK LINK [up|down] [from NODE]",
	.summary = "take a link down, or up again",
	.details =
		"Take LINK down. The ends of an Ethernet segment lose their carrier, as if the "
		"cables were pulled. A link of two ends is a veth, whose ends have a carrier as "
		"soon as both are switched on: so both are switched off; their addresses stay, and "
		"routes by them are set again when the link comes up.\n\n"
		"With 'from', only what NODE sends is lost, and neither end notices.",
	.examples = link_examples,
	.run = run_link,
};

const struct cli_command topo_set_command = {
	.name = "topo set",
	.args = "NETWORK LINK KEY=VALUE ... [from NODE] [to END]",
	.brief = "NETWORK LINK KEY=VALUE ... [OPTION ...]",
	.summary = "change properties of a link",
	.details =
		"Change properties of LINK while packets are on it; those that are not named stay. "
		"Packets that it holds stay too, and keep their order, and nothing is decided "
		"anew. "
		"Without 'from' it is all that the link's ends send; with it, what NODE sends; "
		"with "
		"'to', what comes from a segment to END, a node. 'topo show' shows them beside "
		"what "
		"was achieved.\n\n"
		"A link without properties is a plain veth: it is made anew with its first one "
		"(rate=0 will do). 'topo apply' goes back to what the file says.",
	.examples = set_examples,
	.run = run_set,
};
