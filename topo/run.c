// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader/cleanup.h"
#include "loader/error.h"
#include "kill.h"
#include "limits.h"
#include "parallel.h"
#include "private.h"
#include "run.h"
#include "wires.h"

/* ---- failures ------------------------------------------------------------------------------ */

void run_fail(struct run *run, size_t number, int err, const char *why)
{
	pthread_mutex_lock(&run->lock);
	if (!run->err || number < run->failed) {
		run->err = err;
		run->failed = number;
		snprintf(run->why, sizeof(run->why), "%s%s%s", strerror(-err), why ? ": " : "",
			 why ?: "");
	}
	run->steps->list[number].done = false;
	pthread_mutex_unlock(&run->lock);
}

/* What is to go and is not there has gone. */
static bool is_gone(int err)
{
	return err == -ENODEV || err == -ESRCH || err == -ENOENT || err == -EADDRNOTAVAIL ||
	       err == -ENXIO;
}

void run_refused(void *cookie, __u32 tag, int err, const char *why)
{
	struct run *run = cookie;

	if (!run->steps->list[tag].remove || !is_gone(err))
		run_fail(run, tag, err, why);
}

int run_judge(const struct run *run, struct lana_error *error)
{
	const struct step *step = &run->steps->list[run->failed];
	char text[256];

	if (!run->err)
		return 0;
	step_text(step, text, sizeof(text));
	return file_refuse(&step->net->file, step_place(step), error, run->err, "cannot %s: %s",
			   text, run->why);
}

/* ---- the namespaces that steps want -------------------------------------------------------- */

static int want(struct run *run, const char *name)
{
	return space_find(&run->spaces, name) || space_add(&run->spaces, name) ? 0 : -ENOMEM;
}

static int want_ends(struct run *run, const struct step *step)
{
	const struct net_link *link = &step->net->links[step->item];
	int err = 0;

	for (size_t i = 0; !err && i < link->ends_count; i++)
		if (step->kind == STEP_LINK || i == step->part)
			err = want(run, step->net->nodes[link->ends[i].node].name);
	return err;
}

/* All namespaces that steps [first, last) work in. */
static int want_all(struct run *run, size_t first, size_t last)
{
	int err = 0;

	for (size_t i = first; !err && i < last; i++) {
		const struct step *step = &run->steps->list[i];

		if (step->implied)
			continue;
		switch (step->kind) {
		case STEP_NODE:
		case STEP_LIMITS:
		case STEP_STACK:
		case STEP_PROCESS:
			break;
		case STEP_PROPERTIES:
			break;
		case STEP_BRIDGE:
			err = want(run, HOME_SEGMENTS);
			break;
		case STEP_PORT:
		case STEP_LINK:
			err = want_ends(run, step);
			if (!err && step->kind == STEP_PORT)
				err = want(run, HOME_SEGMENTS);
			if (!err && step_is_wired(step))
				err = want(run, HOME_WIRES);
			break;
		default:
			err = want(run, step_node(step)->name);
		}
	}
	return err;
}

static int open_spaces(struct run *run, size_t first, size_t last, struct lana_error *error)
{
	size_t known = run->spaces.count;

	if (want_all(run, first, last))
		return refuse(error, -ENOMEM, "out of memory");
	return spaces_open(&run->spaces, known, error);
}

/* ---- nodes --------------------------------------------------------------------------------- */

/* A namespace of the network's own, made when it is needed first. */
static int make_own(struct run *run, const char *name)
{
	char path[HOME_PATH_MAX];

	if (!access(home_path(run->home, path, "ns/%s", name), F_OK) ||
	    space_find(&run->spaces, name))
		return 0;
	if (!strcmp(name, HOME_WIRES) && home_note(run->home, "stacks", name))
		return -EIO;
	return space_add(&run->spaces, name) ? 0 : -ENOMEM;
}

static int make_nodes(struct run *run, struct lana_error *error)
{
	const struct steps *steps = run->steps;
	size_t known = run->spaces.count;
	bool segments = false, wires = false;
	int err;

	for (size_t i = steps->first_add; i < steps->count; i++) {
		struct step *step = &steps->list[i];
		struct space *space;

		segments |= step->kind == STEP_BRIDGE && !step->remove;
		wires |= !step->remove && step_is_wired(step);
		if (step->kind != STEP_NODE || step->remove)
			continue;
		space = space_add(&run->spaces, step_node(step)->name);
		if (!space)
			return refuse(error, -ENOMEM, "out of memory");
		space->forwarding = step_node(step)->forwarding;
		step->done = true;
	}
	if ((segments && make_own(run, HOME_SEGMENTS)) || (wires && make_own(run, HOME_WIRES)))
		return refuse(error, -ENOMEM, "out of memory");
	err = spaces_make(&run->spaces, known, error);
	return err ?: open_spaces(run, steps->first_add, steps->count, error);
}

static void remove_node(struct run *run, size_t number)
{
	struct step *step = &run->steps->list[number];
	const char *name = step_node(step)->name;
	struct space *space = space_find(&run->spaces, name);
	int err = kill_node(run->home, name);

	if (space) {
		close(TAKE_FD(space->socket));
		close(TAKE_FD(space->netns));
	}
	if (!err)
		err = space_remove(run->home, name);
	if (!err)
		limits_remove(run->home, name);
	if (!err)
		err = private_remove(run->home, name);
	step->done = true;
	if (err)
		run_fail(run, number, err, NULL);
}

/* ---- the order ----------------------------------------------------------------------------- */

/* Numbers of steps, sorted by the node that they are settings of. */
struct share {
	struct run *run;
	size_t *numbers;
	size_t *ends; /* by space: of its part of the numbers */
};

static void run_share(void *cookie, size_t number)
{
	const struct share *share = cookie;
	size_t first = number ? share->ends[number - 1] : 0;

	if (share->ends[number] > first)
		run_settings(share->run, &share->run->spaces.list[number], share->numbers + first,
			     share->ends[number] - first);
}

static size_t space_number(const struct run *run, const struct step *step)
{
	return space_find(&run->spaces, step_node(step)->name) - run->spaces.list;
}

static bool is_to_be_set(const struct step *step)
{
	return step_is_setting(step) && !step->implied;
}

static int run_nodes(struct run *run, size_t first, size_t last)
{
	_cleanup_free_ size_t *numbers = calloc(last - first + 1, sizeof(*numbers));
	_cleanup_free_ size_t *ends = calloc(run->spaces.count + 1, sizeof(*ends));
	struct share share = { run, numbers, ends };
	size_t sum = 0;

	if (!numbers || !ends)
		return -ENOMEM;
	for (size_t i = first; i < last; i++)
		if (is_to_be_set(&run->steps->list[i]))
			ends[space_number(run, &run->steps->list[i]) + 1]++;
	/* Where part i begins; filling it moves that to its end. */
	for (size_t i = 0; i < run->spaces.count; i++)
		ends[i] = sum += ends[i];
	for (size_t i = first; i < last; i++)
		if (is_to_be_set(&run->steps->list[i]))
			numbers[ends[space_number(run, &run->steps->list[i])]++] = i;
	return parallel(run->spaces.count, run_share, &share);
}

static void raise(struct rt *rt, __u32 index, size_t number)
{
	struct ifinfomsg info = { .ifi_index = index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP };

	rt_begin(rt, RTM_NEWLINK, 0, number);
	rt_put(rt, &info, sizeof(info));
	rt_end(rt);
}

/*
 * Switch on lo of a new node, and second ends of veths: the kernel refuses that while it makes
 * them.
 */
static void raise_devices(void *cookie, size_t number)
{
	struct run *run = cookie;
	struct space *space = &run->spaces.list[number];
	struct rt rt;

	if (space->socket < 0 || rt_use(&rt, space->socket, run_refused, run))
		return;
	if (space->fresh)
		raise(&rt, 1, run->steps->first_add);
	for (size_t i = 0; i < space->devices_count; i++)
		if (space->devices[i].raise)
			raise(&rt, space->devices[i].index, space->devices[i].raise - 1);
	rt_flush(&rt);
	rt_release(&rt);
}

static void run_limits(struct run *run, size_t number)
{
	struct step *step = &run->steps->list[number];
	struct lana_error error = {};
	int err = limits_set(run->home, step_node(step), &error);

	step->done = true;
	if (err)
		run_fail(run, number, err, error.text);
}

static int run_removals(struct run *run, struct lana_error *error)
{
	struct steps *steps = run->steps;
	size_t end = steps->first_add;
	int err = open_spaces(run, 0, end, error);

	for (size_t i = 0; !err && i < end; i++)
		if (steps->list[i].kind == STEP_STACK)
			run_stack(run, i);
	if (!err)
		err = run_nodes(run, 0, end);
	for (size_t i = 0; !err && i < end; i++)
		if (steps->list[i].kind == STEP_DEVICE)
			run_device(run, i);
	if (!err)
		err = wires_run(run, 0, end, error);
	if (!err && !run->err)
		err = run_links(run, 0, end);
	for (size_t i = 0; !err && i < end; i++)
		if (steps->list[i].kind == STEP_NODE)
			remove_node(run, i);
	for (size_t i = 0; i < end; i++)
		steps->list[i].done |= steps->list[i].implied;
	return err ? err : run_judge(run, error);
}

static int run_additions(struct run *run, struct lana_error *error)
{
	struct steps *steps = run->steps;
	int err = make_nodes(run, error);

	if (err)
		return err;
	err = run_links(run, steps->first_add, steps->count);
	for (size_t i = steps->first_add; !err && i < steps->count; i++)
		if (steps->list[i].kind == STEP_DEVICE)
			run_device(run, i);
	if (!err && !run->err)
		err = parallel(run->spaces.count, raise_devices, run);
	if (!err && !run->err) {
		err = wires_run(run, steps->first_add, steps->count, error);
		if (err)
			return err;
	}
	if (!err && !run->err)
		err = run_nodes(run, steps->first_add, steps->count);
	if (!err && !run->err)
		err = run_await(run);
	for (size_t i = steps->first_add; !err && !run->err && i < steps->count; i++)
		if (steps->list[i].kind == STEP_LIMITS)
			run_limits(run, i);
		else if (steps->list[i].kind == STEP_STACK)
			run_stack(run, i);
	if (err)
		return refuse(error, err, "cannot make network '%s': %s", run->home->name,
			      strerror(-err));
	return run_judge(run, error);
}

static int open_properties(struct run *run, struct lana_error *error)
{
	for (size_t i = 0; i < run->steps->count; i++) {
		const struct step *step = &run->steps->list[i];

		if (step_is_wired(step) || step->kind == STEP_PROPERTIES)
			return properties_open(run->options, &run->properties, error);
	}
	return 0;
}

int run_steps(const struct lana_topo_options *options, const struct home *home, struct steps *steps,
	      struct lana_error *error)
{
	struct run run = { .options = options,
			   .home = home,
			   .spaces.home = home,
			   .steps = steps,
			   .lock = PTHREAD_MUTEX_INITIALIZER };
	int err = open_properties(&run, error);

	if (!err)
		err = run_removals(&run, error);
	if (!err)
		err = run_additions(&run, error);
	spaces_free(&run.spaces);
	properties_close(run.properties);
	return err;
}
