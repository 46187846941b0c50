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

/*
 * A note of a loan stays until the network goes: returning what is back already does nothing. The
 * thread is the caller's own, and comes back.
 */
void run_device(struct run *run, size_t number)
{
	struct step *step = &run->steps->list[number];
	const struct net_node *node = step_node(step);
	const struct net_interface *interface = &node->interfaces[step->item];
	struct space *space = space_find(&run->spaces, node->name);
	struct device_loan loan = { .up = 1 };
	struct lana_error error = {};
	int err;

	snprintf(loan.node, sizeof(loan.node), "%s", node->name);
	snprintf(loan.interface, sizeof(loan.interface), "%s", interface->name);
	snprintf(loan.device, sizeof(loan.device), "%s", interface->device);
	snprintf(loan.netns, sizeof(loan.netns), "%s", interface->netns);
	step->done = true;
	if (step->remove) {
		err = device_return(run->home, &loan, &error);
		if (space)
			space_forget(space, interface->name);
	} else {
		err = device_lend(run->home, &loan, space->netns,
				  space_new_index(space, interface->name), &error);
	}
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
