// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/if_link.h>

#include <lana/commit.h>

#include "loader/cleanup.h"
#include "loader/error.h"
#include "loader/op.h"
#include "loader/stack.h"
#include "loader/types.h"
#include "stacks.h"
#include "wires.h"

/* ---- names --------------------------------------------------------------------------------- */

/* Names of links and nodes begin with neither + nor @, so that no two come to be the same. */
void wires_name(const struct net *net, const struct net_link *link, size_t end,
		enum wires_part part, char name[LANA_NAME_MAX])
{
	static const char *const signs[] = {
		[WIRES_DEVICE] = "+", [WIRES_FAR] = "++", [WIRES_FROM] = "@", [WIRES_TO] = "@+"
	};
	const struct net_node *node = &net->nodes[link->ends[end].node];
	char whole[3 * NET_NAME_MAX];

	snprintf(whole, sizeof(whole), "%s%s%s.%s", link->name, signs[part], node->name,
		 node->interfaces[link->ends[end].interface].name);
	if (strlen(whole) < LANA_NAME_MAX)
		strcpy(name, whole);
	else
		snprintf(name, LANA_NAME_MAX, "%.20s@@%08x", whole, registry_hash(whole));
}

/* One direction: packets that come in go through a block and out. */
struct way {
	char in[LANA_NAME_MAX], block[LANA_NAME_MAX], out[LANA_NAME_MAX];
	size_t end;
	bool to;
};

/* The direction that begins at an end, or (to) ends there. */
static struct way way_of(const struct net *net, const struct net_link *link, size_t end, bool to)
{
	struct way way = { .end = end, .to = to };

	wires_name(net, link, end, to ? WIRES_TO : WIRES_FROM, way.block);
	wires_name(net, link, end, WIRES_DEVICE, to ? way.out : way.in);
	if (link->segment)
		wires_name(net, link, end, WIRES_FAR, to ? way.in : way.out);
	else
		wires_name(net, link, 1 - end, WIRES_DEVICE, way.out);
	return way;
}

/* Both directions of what a step makes or removes. */
static void ways_of(const struct step *step, struct way ways[2])
{
	const struct net_link *link = &step->net->links[step->item];

	for (int i = 0; i < 2; i++)
		ways[i] = link->segment ? way_of(step->net, link, step->part, i)
					: way_of(step->net, link, i, false);
}

/* ---- what is to be done -------------------------------------------------------------------- */

/* A step after which what a device sends is cut to frames, or is not any more. */
struct recut {
	size_t step;
	bool cut;
};

struct plan {
	struct run *run;
	struct lana_stack *stack;
	struct lana_commit *commit;
	size_t *steps; /* that the operations of the commit are for */
	size_t steps_count;
	struct recut *recuts;
	size_t recuts_count;
	struct lana_error *error;
};

static void plan_free(struct plan *plan)
{
	if (plan->commit)
		lana_commit_free(plan->commit);
	if (plan->stack != plan->run->wires)
		lana_stack_close(plan->stack);
	free(plan->steps);
	free(plan->recuts);
}

/* A step of the network is so many operations of the commit. */
static int note(struct plan *plan, size_t number)
{
	while (plan->steps_count < plan->commit->count) {
		size_t *step = NET_ADD(plan->steps, plan->steps_count);

		if (!step)
			return -ENOMEM;
		*step = number;
	}
	return 0;
}

static const struct record *record_of(const struct plan *plan, const char *name)
{
	__u32 idp = registry_find(plan->stack->registry, name);

	return idp ? &plan->stack->registry->records[idp] : NULL;
}

#define OPTION_MAX 200

/* The options by which two configs differ; all of them at most. */
struct options {
	char texts[LANA_FIELDS_MAX][OPTION_MAX];
	const char *list[LANA_FIELDS_MAX + 1];
	size_t count;
};

static void find_options(const struct properties *properties, const struct link_config *from,
			 const struct link_config *to, struct options *options)
{
	char before[OPTION_MAX];

	options->count = 0;
	for (size_t i = 0; properties_text(properties, from, i, before, sizeof(before)); i++) {
		char *text = options->texts[options->count];

		properties_text(properties, to, i, text, OPTION_MAX);
		if (strcmp(text, before))
			options->list[options->count++] = text;
	}
	options->list[options->count] = NULL;
}

static int add_way(struct plan *plan, const struct step *step, const struct way *way)
{
	static const struct link_config nothing;
	static const struct lana_bind_options ingress = { .ingress = true };
	const struct net_link *link = &step->net->links[step->item];
	struct link_config config;
	struct options options;
	int err = properties_config(plan->run->properties, step->net, link, way->end, way->to,
				    &config, plan->error);

	if (err)
		return err;
	find_options(plan->run->properties, &nothing, &config, &options);
	return lana_commit_add(plan->commit, way->block, PROPERTIES_TYPE, options.list)
		       ?: lana_commit_bind(plan->commit, way->block, way->in, &ingress)
		       ?: lana_commit_bind(plan->commit, way->out, way->block, &ingress);
}

static int add_link(struct plan *plan, const struct step *step)
{
	struct way ways[2];
	int err = 0;

	ways_of(step, ways);
	for (int i = 0; !err && i < 2; i++) {
		const struct lana_hook_options hook = { .hook = LANA_HOOK_TC, .as = ways[i].in };
		char device[IFNAMSIZ];

		err = lana_commit_hook(plan->commit, run_wire(step->wires[i], device), &hook);
	}
	for (int i = 0; !err && i < 2; i++)
		err = add_way(plan, step, &ways[i]);
	return err;
}

/* Undo the edge that leads on from a block. */
static int leave(struct plan *plan, const char *name)
{
	static const struct lana_bind_options ingress = { .ingress = true };
	const struct record *record = record_of(plan, name);
	__u32 next = record ? record->edges[LANA_INGRESS][0] : 0;

	return next ? lana_commit_unbind(plan->commit, plan->stack->registry->records[next].name,
					 name, &ingress)
		    : 0;
}

/* What a refused command has left undone is not there. */
static int remove_link(struct plan *plan, struct step *step)
{
	struct way ways[2];
	int err = 0;

	ways_of(step, ways);
	for (int i = 0; !err && i < 2; i++)
		err = leave(plan, ways[i].in) ?: leave(plan, ways[i].block);
	for (int i = 0; !err && i < 2; i++) {
		const struct record *device = record_of(plan, ways[i].in);

		if (record_of(plan, ways[i].block))
			err = lana_commit_rm(plan->commit, ways[i].block);
		if (!err && device)
			err = lana_commit_unhook(plan->commit, ways[i].in);
		if (device)
			step->wires[i] = device->device.ifindex;
	}
	return err;
}

static int note_recut(struct plan *plan, size_t number, bool cut)
{
	struct recut *recut = NET_ADD(plan->recuts, plan->recuts_count);

	if (recut)
		*recut = (struct recut){ number, cut };
	return recut ? 0 : -ENOMEM;
}

/* Options change in place: what a link holds it keeps. */
static int change_link(struct plan *plan, size_t number)
{
	struct step *step = &plan->run->steps->list[number];
	const struct net_link *link = &step->net->links[step->item];
	struct way way = way_of(step->net, link, step->part, step->to);
	const struct record *record = record_of(plan, way.block);
	struct link_config config, before;
	struct options options;
	int err = properties_config(plan->run->properties, step->net, link, step->part, step->to,
				    &config, plan->error);

	if (err)
		return err;
	if (!record)
		return refuse(plan->error, -ENOENT, "block '%s' of stack '%s' is missing",
			      way.block, plan->stack->name);
	memcpy(&before, record->config, sizeof(before));
	step->done = true;
	if (properties_cut(&before) != properties_cut(&config) &&
	    note_recut(plan, number, properties_cut(&config)))
		return -ENOMEM;
	find_options(plan->run->properties, &before, &config, &options);
	return options.count ? lana_commit_set(plan->commit, way.block, options.list) : 0;
}

static bool is_wires(const struct step *step)
{
	return step->kind == STEP_PROPERTIES || step_is_wired(step);
}

static int plan_step(struct plan *plan, size_t number)
{
	struct step *step = &plan->run->steps->list[number];
	int err = step->kind == STEP_PROPERTIES ? change_link(plan, number)
		  : step->remove		? remove_link(plan, step)
						: add_link(plan, step);

	return err ?: note(plan, number);
}

static int plan_all(struct plan *plan, size_t first, size_t last)
{
	int err = stack_lock(plan->stack, plan->error);

	if (err)
		return err;
	LOCKED(plan->stack);

	for (size_t i = first; !err && i < last; i++)
		if (is_wires(&plan->run->steps->list[i]))
			err = plan_step(plan, i);
	return err;
}

/* ---- what is switched off ------------------------------------------------------------------ */

static struct space *open_space(struct run *run, const char *name, struct lana_error *error)
{
	size_t known = run->spaces.count;
	struct space *space = space_find(&run->spaces, name);

	if (space)
		return space;
	if (!space_add(&run->spaces, name)) {
		refuse(error, -ENOMEM, "out of memory");
		return NULL;
	}
	return spaces_open(&run->spaces, known, error) ? NULL : space_find(&run->spaces, name);
}

/* Who sends what the direction takes: a node, or, to an end of a segment, the bridge. */
static __u32 find_sender(struct plan *plan, const struct step *step, struct space **space)
{
	const struct net_link *link = &step->net->links[step->item];
	const struct net_end *end = &link->ends[step->part];
	const struct net_node *node = &step->net->nodes[end->node];
	struct way way = way_of(step->net, link, step->part, step->to);
	const struct record *far = record_of(plan, way.in);
	const struct space_device *device;
	char wire[IFNAMSIZ];

	if (!step->to) {
		*space = open_space(plan->run, node->name, plan->error);
		return *space ? space_index(*space, node->interfaces[end->interface].name) : 0;
	}
	*space = far ? open_space(plan->run, HOME_WIRES, plan->error) : NULL;
	device = *space ? space_device(*space, run_wire(far->device.ifindex, wire)) : NULL;
	*space = device ? open_space(plan->run, HOME_SEGMENTS, plan->error) : NULL;
	return *space ? device->peer : 0;
}

/* Set a number of a device for a step. */
static int set_device(struct plan *plan, size_t number, const struct space *space, __u32 index,
		      __u16 attribute, __u32 value)
{
	struct ifinfomsg info = { .ifi_index = index };
	struct rt rt;
	int err = rt_use(&rt, space->socket, run_refused, plan->run);

	if (err)
		return refuse(plan->error, err, "out of memory");
	rt_begin(&rt, RTM_NEWLINK, 0, number);
	rt_put(&rt, &info, sizeof(info));
	rt_attr_u32(&rt, attribute, value);
	rt_end(&rt);
	err = rt_flush(&rt);
	rt_release(&rt);
	return err ? refuse(plan->error, err, "cannot set a device: %s", strerror(-err)) : 0;
}

static int recut(struct plan *plan, const struct recut *recut)
{
	struct space *space;
	__u32 index = find_sender(plan, &plan->run->steps->list[recut->step], &space);

	if (!index)
		return 0; /* it has gone, whose packets nobody will miss */
	return set_device(plan, recut->step, space, index, IFLA_GSO_MAX_SEGS,
			  recut->cut ? 1 : RUN_GSO_SEGS);
}

/* ---- MTUs ---------------------------------------------------------------------------------- */

/* The end of a link that a step sets the MTU of; -1: none, or there is nothing of lana's behind. */
static long resized_end(const struct step *step)
{
	const struct net *net = step->net;
	const struct net_link *link;
	__u32 number;

	if (step->kind != STEP_INTERFACE)
		return -1;
	number = step_node(step)->interfaces[step->item].link;
	link = number == NET_NONE ? NULL : &net->links[number];
	for (size_t i = 0; link && i < link->ends_count; i++)
		if (link->ends[i].node == step->node && link->ends[i].interface == step->item)
			return link->segment || properties_wired(link, i) ? (long)i : -1;
	return -1;
}

/* A device, and what is at its other end if that is a port of a bridge. */
static int resize_far(struct plan *plan, size_t number, const struct space *wires, __u32 index,
		      __u32 mtu)
{
	char wire[IFNAMSIZ];
	const struct space_device *device = space_device(wires, run_wire(index, wire));
	__u32 peer = device ? device->peer : 0;
	struct space *segments;
	int err = set_device(plan, number, wires, index, IFLA_MTU, mtu);

	if (err || !peer)
		return err;
	segments = open_space(plan->run, HOME_SEGMENTS, plan->error);
	return segments ? set_device(plan, number, segments, peer, IFLA_MTU, mtu) : -ENOMEM;
}

/* What is lana's own between an end and the other ones goes along. */
static int resize(struct plan *plan, size_t number)
{
	const struct step *step = &plan->run->steps->list[number];
	const struct net_interface *interface = &step_node(step)->interfaces[step->item];
	const struct net_link *link = &step->net->links[interface->link];
	long end = resized_end(step);
	bool wired = properties_wired(link, end);
	struct space *space = open_space(plan->run, step_node(step)->name, plan->error);
	const struct space_device *device = space ? space_device(space, interface->name) : NULL;
	__u32 mtu = net_mtu(step->net, interface) ?: 1500, peer = device ? device->peer : 0;
	char name[LANA_NAME_MAX];
	const struct record *far;
	int err;

	if (!peer)
		return space ? 0 : -ENOMEM;
	space = open_space(plan->run, wired ? HOME_WIRES : HOME_SEGMENTS, plan->error);
	if (!space)
		return -ENOMEM;
	err = set_device(plan, number, space, peer, IFLA_MTU, mtu);
	if (err || !wired || !link->segment)
		return err;
	wires_name(step->net, link, end, WIRES_FAR, name);
	far = record_of(plan, name);
	return far ? resize_far(plan, number, space, far->device.ifindex, mtu) : 0;
}

/* ---- doing it ------------------------------------------------------------------------------ */

/* That it is refused is noted. */
static void commit(struct plan *plan, size_t fallback)
{
	struct lana_commit_result result = {};
	struct lana_error why = {};
	int err = lana_commit_commit(plan->commit, NULL, &result, &why);
	size_t step = result.failed < plan->steps_count ? plan->steps[result.failed] : fallback;

	free(result.finals);
	free(result.conversions);
	if (err)
		run_fail(plan->run, step, err, why.text);
}

static bool is_wanted(const struct step *step)
{
	return !step->implied && (is_wires(step) || resized_end(step) >= 0);
}

/* Ends of segments without properties have nothing to do with the stack. */
static bool wants_stack(const struct step *step)
{
	return is_wires(step) ||
	       properties_wired(&step->net->links[step_node(step)->interfaces[step->item].link],
				resized_end(step));
}

static int open_plan(struct plan *plan, size_t first, size_t last)
{
	const struct run *run = plan->run;

	for (size_t i = first; !plan->stack && i < last; i++)
		if (is_wanted(&run->steps->list[i]) && wants_stack(&run->steps->list[i]))
			return stacks_open(run->options, run->home, HOME_WIRES, true, &plan->stack,
					   plan->error);
	return 0;
}

static int carry_out(struct plan *plan, size_t first, size_t last)
{
	struct run *run = plan->run;
	int err = plan->stack ? lana_commit_begin(plan->stack, &plan->commit) : 0;

	if (!err && plan->stack)
		err = plan_all(plan, first, last);
	if (!err && plan->stack && plan->commit->count)
		commit(plan, first);
	for (size_t i = 0; !err && !run->err && i < plan->recuts_count; i++)
		err = recut(plan, &plan->recuts[i]);
	for (size_t i = first; !err && !run->err && i < last; i++)
		if (is_wanted(&run->steps->list[i]) && resized_end(&run->steps->list[i]) >= 0)
			err = resize(plan, i);
	return err;
}

int wires_run(struct run *run, size_t first, size_t last, struct lana_error *error)
{
	_cleanup_(plan_free) struct plan plan = { .run = run, .stack = run->wires, .error = error };
	int err;

	while (first < last && !is_wanted(&run->steps->list[first]))
		first++;
	if (first == last)
		return 0;
	err = open_plan(&plan, first, last) ?: carry_out(&plan, first, last);
	return err == -ENOMEM ? refuse(error, err, "out of memory") : err;
}

int wires_warm(struct lana_stack *stack, struct lana_error *error)
{
	const struct type *type;
	int err = stack_lock(stack, error);

	if (err)
		return err;
	LOCKED(stack);

	return types_current(stack, PROPERTIES_TYPE, &type, error);
}
