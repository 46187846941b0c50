// SPDX-License-Identifier: GPL-2.0-only
/*
 * run_late - real devices and stacks: what comes when a node and its links are there
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "devices.h"
#include "run.h"
#include "stacks.h"

static int lend(struct run *run, const struct step *step, struct lana_error *error)
{
	const struct net_node *node = step_node(step);
	const struct net_interface *interface = &node->interfaces[step->item];
	struct space *space = space_find(&run->spaces, node->name);
	struct device_loan loan = {};

	snprintf(loan.node, sizeof(loan.node), "%s", node->name);
	snprintf(loan.interface, sizeof(loan.interface), "%s", interface->name);
	snprintf(loan.device, sizeof(loan.device), "%s", interface->device);
	snprintf(loan.netns, sizeof(loan.netns), "%s", interface->netns);
	return device_lend(run->home, &loan, space->netns, space_new_index(space, interface->name),
			   error);
}

static int give_back(struct run *run, const struct step *step, struct lana_error *error)
{
	const struct net_node *node = step_node(step);
	const char *interface = node->interfaces[step->item].name;
	struct space *space = space_find(&run->spaces, node->name);
	struct device_loan loan;

	if (space)
		space_forget(space, interface);
	return device_loan_find(run->home, node->name, interface, &loan)
		       ? device_return(run->home, &loan, error)
		       : 0;
}

/* By the caller's thread, which comes back. */
void run_device(struct run *run, size_t number)
{
	struct step *step = &run->steps->list[number];
	struct lana_error error = {};
	int err = step->remove ? give_back(run, step, &error) : lend(run, step, &error);

	step->done = true;
	if (err)
		run_fail(run, number, err, error.text);
}

void run_stack(struct run *run, size_t number)
{
	struct step *step = &run->steps->list[number];
	struct lana_error error = {};
	int err = step->remove
			  ? stack_remove(run->options, run->home, step_node(step)->name, &error)
			  : stack_make(run->options, run->home, step_node(step), &error);

	step->done = true;
	if (err)
		run_fail(run, number, err, error.text);
}
