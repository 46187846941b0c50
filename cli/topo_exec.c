// SPDX-License-Identifier: GPL-2.0-only
/* lanactl topo exec - run programs in the nodes of a network */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "topo.h"

static bool enter(const struct cli_args *args, char network[32])
{
	struct lana_topo_options options = topo_options(args);
	struct lana_error error = {};
	int err;

	if (!topo_network(args, network))
		return false;
	err = lana_topo_enter(&options, network, cli_word(args, "NODE"), &error);
	if (err)
		cli_refused(err, &error);
	return !err;
}

static enum cli_status run_exec(const struct cli_args *args)
{
	const char *const *words = cli_list(args);
	char network[32];

	if (!enter(args, network))
		return CLI_REFUSED;
	execvp(words[0], (char *const *)words);
	return cli_error("cannot run %s: %s", words[0], strerror(errno));
}

static enum cli_status run_shell(const struct cli_args *args)
{
	const char *shell = getenv("SHELL");
	char network[32], prompt[100];

	if (!enter(args, network))
		return CLI_REFUSED;
	snprintf(prompt, sizeof(prompt), "%s.%s# ", network, cli_word(args, "NODE"));
	setenv("PS1", prompt, 1);
	setenv("LANA_NODE", cli_word(args, "NODE"), 1);
	execlp(shell && *shell ? shell : "/bin/sh", shell && *shell ? shell : "/bin/sh", NULL);
	return cli_error("cannot run %s: %s", shell && *shell ? shell : "/bin/sh", strerror(errno));
}

static const char *const exec_examples[] = { "topo exec lab a ping -c 1 10.0.0.2",
					     "topo exec lab r1 ip route", NULL };
static const char *const shell_examples[] = { "topo shell lab a", NULL };

const struct cli_command topo_exec_command = {
	.name = "topo exec",
	.args = "NETWORK NODE WORD ...",
	.summary = "run a program in a node",
	.details = "Run a program in the network namespace of NODE, with the node's mounts and "
		   "limits. Nodes have names there, by /etc/hosts. "
		   "All words behind 'exec' are the program's, options too: lanactl's own stand "
		   "before "
		   "'topo'. It ends with the program's status.",
	.examples = exec_examples,
	.foreign = true,
	.run = run_exec,
};

const struct cli_command topo_shell_command = {
	.name = "topo shell",
	.args = "NETWORK NODE",
	.summary = "open a shell in a node",
	.details = "Run the shell that the environment variable SHELL names in NODE. The variable "
		   "LANA_NODE names the node there.",
	.examples = shell_examples,
	.run = run_shell,
};
