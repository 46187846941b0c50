// SPDX-License-Identifier: GPL-2.0-only
/*
 * hook - device blocks: made when a device is hooked, removed when it is unhooked
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "attach.h"
#include "cleanup.h"
#include "commit.h"
#include "device.h"
#include "error.h"
#include "facts.h"
#include "hook.h"
#include "log.h"
#include "netns.h"
#include "op.h"
#include "peer.h"
#include "socket_block.h"
#include "state.h"
#include "types.h"
#include "vlink.h"

#define DEVICE_TYPE "device"
#define SOCKET_TYPE "socket"
#define WORKER_TYPE "worker"

static const char *const hook_names[] = {
	[LANA_HOOK_NONE] = "none",
	[LANA_HOOK_XDP] = "xdp",
	[LANA_HOOK_SKB] = "skb",
	[LANA_HOOK_TC] = "tc",
};

const char *lana_hook_name(enum lana_hook hook)
{
	return hook < ARRAY_SIZE(hook_names) ? hook_names[hook] : "?";
}

static enum lana_flavour flavour_of(enum lana_hook hook)
{
	return hook == LANA_HOOK_TC ? LANA_TC : LANA_XDP;
}

/*
 * At tc a redirect finds the device by its number in the packet's own network namespace, so
 * with tc a stack cannot span several. And a device is hooked once.
 */
static int check_devices(struct lana_stack *stack, const struct device *device, enum lana_hook hook,
			 __u32 except, struct lana_error *error)
{
	registry_for_each (stack->registry, idp) {
		const struct record *record = &stack->registry->records[idp];
		const struct device_record *other = &record->device;

		if (other->hook == LANA_HOOK_NONE || idp == except)
			continue;
		if (other->netns == device->netns && other->ifindex == device->ifindex &&
		    is_attached(stack, idp, other))
			return refuse(error, -EEXIST, "device '%s' is hooked already, as '%s'",
				      device->name, record->name);
		if (other->netns != device->netns && other->is_worker)
			return refuse(error, -EXDEV,
				      "'%s' is in another network namespace than worker '%s': its "
				      "packets would not find back",
				      device->name, record->name);
		if (other->netns != device->netns &&
		    (hook == LANA_HOOK_TC || other->hook == LANA_HOOK_TC))
			return refuse(error, -EXDEV,
				      "'%s' is in another network namespace than "
				      "'%s': with tc a stack cannot span both",
				      device->name, record->name);
	}
	return 0;
}

/* Find the record of a device that had gone; 0: there is none. */
static int choose_idp(struct lana_stack *stack, const char *name, const char *device, __u32 ifindex,
		      __u32 *idp, struct lana_error *error)
{
	__u32 found = registry_find(stack->registry, name);
	const struct device_record *old = &stack->registry->records[found].device;

	if (found && (old->hook == LANA_HOOK_NONE || strcmp(old->name, device)))
		return refuse(error, -EEXIST, "there is a block '%s' already", name);
	if (found && is_attached(stack, found, old) && old->ifindex != ifindex)
		return refuse(error, -EEXIST,
			      "block '%s' is of a device that has got another name since: hook "
			      "this one 'as' another",
			      name);
	if (found && is_attached(stack, found, old))
		return refuse(error, -EEXIST, "device '%s' is hooked already (%s)", name,
			      lana_hook_name(old->hook));
	*idp = found;
	return 0;
}

/* A device to be hooked, all checked. */
struct hooking {
	const char *name;  /* of the block */
	const char *netns; /* as the user gave it */
	struct device device;
	enum lana_hook hook;
	bool passing;			   /* as a part of a commit */
	const struct socket_block *socket; /* NULL: it is a device */
	const struct op *op;
	const struct type *type;
};

/* Add "key=value" to a list of options that ends in NULL. */
static void add_option(char texts[][32], const char **options, const char *key, int number,
		       __u32 value)
{
	size_t count = 0;

	while (options[count])
		count++;
	if (number < 0)
		snprintf(texts[count], sizeof(texts[count]), "%s=%u", key, value);
	else
		snprintf(texts[count], sizeof(texts[count]), "%s%d=%u", key, number, value);
	options[count] = texts[count];
}

static int set_options(struct record *record, __u32 idp, const struct hooking *h,
		       struct lana_error *error)
{
	char texts[2 + 3 * SOCKET_DIRECT_MAX][32];
	const char *options[2 + 3 * SOCKET_DIRECT_MAX + 1] = {};
	const struct type *type = h->type;

	add_option(texts, options, "slot", -1, idp);
	if (!h->socket)
		add_option(texts, options, "egress_hook", -1, h->hook == LANA_HOOK_TC);
	else
		add_option(texts, options, "frame_max", -1, h->socket->frame_max);
	for (int i = 0; h->socket && !h->socket->is_worker && i < SOCKET_DIRECT_MAX; i++) {
		add_option(texts, options, "device", i, h->socket->direct[i].ifindex);
		add_option(texts, options, "first", i, h->socket->direct[i].first);
		add_option(texts, options, "queues", i, h->socket->direct[i].queues);
	}
	return layout_apply(type->btf, &type->config, type->name, options, record->config, error);
}

/* Fill the record of the device's block in, which is a new one if idp is 0. */
static int edit_record(struct commit *commit, __u32 *idp, const struct hooking *h,
		       struct lana_error *error)
{
	const struct type *type = h->type;
	const struct device *device = &h->device;
	enum lana_hook hook = h->hook;
	struct record *record;
	bool has_tcx = true, is_worker = h->socket && h->socket->is_worker;
	int err = 0;

	if (hook == LANA_HOOK_TC)
		err = attach_has_tcx(&has_tcx);
	if (err)
		return refuse(error, err, "cannot find out if the kernel has tcx: %s",
			      strerror(-err));
	if (*idp) {
		record = commit_edit(commit, *idp);
	} else {
		err = commit_new(commit, h->name, &record, idp, error);
		if (!err)
			err = commit_new_cell(commit, record, type, error);
	}
	if (err)
		return err;
	record_set_type(record, type);
	record->device = (struct device_record){
		.netns = device->netns,
		.ifindex = device->ifindex,
		.hook = hook,
		.clsact = has_tcx || is_worker ? CLSACT_NONE : CLSACT_USED,
		.changing = CHANGING,
		.passing = h->passing,
		.is_socket = h->socket != NULL,
		.is_worker = is_worker,
		.process = h->socket ? getpid() : 0,
	};
	strcpy(record->device.name, device->name);
	strcpy(record->device.netns_name, h->netns);

	/* What the kernel wants to send leaves as if nothing were hooked, until bound elsewhere. */
	if (hook == LANA_HOOK_TC && !h->socket && !record->edges[LANA_EGRESS][0])
		commit_edge(commit, *idp, LANA_EGRESS, 0, *idp);
	return set_options(record, *idp, h, error);
}

/* Take the record of a hook that failed back; what it replaced (a device gone) returns. */
static void undo_record(struct lana_stack *stack, __u32 idp, const struct record *before)
{
	_cleanup_(commit_end) struct commit commit = { .stack = stack, .unseen = true };

	*commit_edit(&commit, idp) = *before;
	if (commit_run(&commit, NULL))
		stack->unfinished = true;
}

static void set_changing(struct lana_stack *stack, __u32 idp, enum changing changing)
{
	__atomic_store_n(&stack->registry->records[idp].device.changing, changing,
			 __ATOMIC_RELEASE);
}

/* From here on it is hooked, whoever is killed. */
static int decide_hook(struct lana_stack *stack, __u32 idp, const struct op *op,
		       struct lana_error *error)
{
	_cleanup_(commit_end) struct commit commit = { .stack = stack,
						       .steps = op,
						       .steps_count = 1 };

	commit_edit(&commit, idp)->device.changing = CHANGING_NOT;
	return commit_run(&commit, error);
}

/*
 * Record the device's block and attach the roots. As a part of a commit (passing) the device goes
 * on as if it were not hooked until that is through, and it is for the commit to tell.
 */
static int hook_device(struct lana_stack *stack, __u32 *number, const struct hooking *h,
		       struct lana_error *error)
{
	_cleanup_(commit_end) struct commit commit = { .stack = stack, .unseen = true };
	struct record *record, before;
	struct peers switched = {};
	bool is_back = *number && !h->passing;
	__u32 idp;
	int err;

	err = edit_record(&commit, number, h, error);
	if (err)
		return err;
	idp = *number;
	record = &stack->registry->records[idp];
	before = *record;
	detach(stack, idp, &before.device); /* pins of a device that has gone */
	err = facts_write(stack, h->type, idp, h->name, &h->device, h->hook);
	if (err)
		refuse(error, err, "cannot transmit by '%s': %s", h->device.name, strerror(-err));
	else
		err = commit_run(&commit, error);
	if (err && stack->registry->pending)
		refuse(error, err,
		       "hooking '%s' was begun and cannot be finished; the next command takes it "
		       "back",
		       h->device.name);
	if (err)
		goto unmap;
	err = peers_ready(stack, &switched, error);
	if (!err)
		err = attach(stack, idp, record, &record->device.clsact, error);
	if (!err && !h->passing) {
		err = decide_hook(stack, idp, h->op, error);
		if (err && !stack->registry->pending)
			detach(stack, idp, &record->device);
	}
	if (!err && is_back)
		log_note(stack, LANA_EVENT_DEVICE, "device %s is back", h->device.name);
	if (!err || stack->registry->pending)
		return err;

	peers_release(stack, &switched);
	undo_record(stack, idp, &before);
unmap:
	facts_clear(stack, h->type, idp);
	return err;
}

/* Take the tables of a hook into use, for as long as there is such a hook. */
static int enable_tables(struct lana_stack *stack, const struct hooking *h,
			 struct lana_error *error)
{
	enum lana_flavour flavour = flavour_of(h->hook);
	int err = commit_enable(stack, flavour, LANA_INGRESS, error);

	if (!err && (h->hook == LANA_HOOK_TC || h->socket || stack->registry->turns))
		err = commit_enable(stack, flavour, LANA_EGRESS, error);
	return err;
}

static int enable_and_hook(struct lana_stack *stack, __u32 *idp, const struct hooking *h,
			   struct lana_error *error)
{
	__u32 tables = stack->registry->tables;
	int err;

	err = hook_end_direct(stack, &h->device, error);
	if (!err)
		err = enable_tables(stack, h, error);
	if (!err)
		err = hook_device(stack, idp, h, error);
	if (err && !stack->registry->pending)
		commit_disable(stack, stack->registry->tables & ~tables);
	return err;
}

/* Of a dry run, in which tagged links are not made, the commit. */
static int query_device(const struct commit *dry_run, const char *name, const char *netns,
			struct device *device, struct lana_error *error)
{
	if (!dry_run || !vlink_is_planned(dry_run, name, netns))
		return device_query(name, device, error);
	*device = (struct device){ .netns = netns_inode() };
	snprintf(device->name, sizeof(device->name), "%s", name);
	return 0;
}

/* Generic XDP leaves out what was redirected, and that is all that a tagged link receives. */
static int check_generic(const struct device *device, const struct op *op, struct lana_error *error)
{
	if (op->hook != LANA_HOOK_SKB || !vlink_is_link(device))
		return 0;
	return refuse(
		error, -EOPNOTSUPP,
		"'%s' is a tagged link, and generic XDP would see nothing of it: hook it with "
		"xdp or tc",
		device->name);
}

/* Find the device that a step names, and its record, and enter its namespace. */
static int find_device(struct lana_stack *stack, const struct commit *dry_run, const struct op *op,
		       int *before, struct hooking *h, __u32 *idp, struct lana_error *error)
{
	int err = check_name("block", op->name, error);

	*h = (struct hooking){ .op = op,
			       .name = op->name,
			       .netns = op->netns ?: stack->netns,
			       .hook = op->hook ?: LANA_HOOK_XDP };
	if (!err && strlen(h->netns) >= sizeof(stack->netns))
		err = refuse(error, -ENAMETOOLONG, "name of the network namespace is too long");
	if (!err)
		err = netns_enter(h->netns, before, error);
	if (!err)
		err = query_device(dry_run, op->other, h->netns, &h->device, error);
	if (!err)
		err = check_generic(&h->device, op, error);
	if (!err)
		err = choose_idp(stack, op->name, op->other, h->device.ifindex, idp, error);
	if (!err)
		err = check_devices(stack, &h->device, h->hook, *idp, error);
	return err;
}

int hook_now(struct lana_stack *stack, const struct op *op, bool passing, __u32 *idp,
	     struct lana_error *error)
{
	_cleanup_(netns_leave_p) int before = -1;
	struct hooking h;
	bool was_loaded;
	__u32 found = 0;
	int err;

	err = find_device(stack, NULL, op, &before, &h, &found, error);
	*idp = found;
	was_loaded = types_version(stack, DEVICE_TYPE);
	if (!err)
		err = types_current(stack, DEVICE_TYPE, &h.type, error);
	if (err)
		return err;

	h.passing = passing;
	err = enable_and_hook(stack, idp, &h, error);
	if (err == -EOPNOTSUPP && op->hook == LANA_HOOK_NONE) {
		h.hook = LANA_HOOK_TC;
		*idp = found; /* the first attempt has made a record, and removed it */
		err = check_devices(stack, &h.device, h.hook, *idp, error);
		if (!err)
			err = enable_and_hook(stack, idp, &h, error);
	}
	if (err && !was_loaded && !stack->registry->pending)
		types_undo(stack, DEVICE_TYPE);
	return err;
}

int hook_try(struct commit *commit, const struct op *op, struct lana_error *error)
{
	_cleanup_(netns_leave_p) int before = -1;
	struct hooking h;
	__u32 idp = 0;
	int err;

	err = find_device(commit->stack, commit, op, &before, &h, &idp, error);
	if (!err)
		err = commit_type(commit, DEVICE_TYPE, &h.type, error);
	return err ?: edit_record(commit, &idp, &h, error);
}

int lana_hook(struct lana_stack *stack, const char *name, const struct lana_hook_options *options,
	      struct lana_error *error)
{
	const struct op op = { .name = options && options->as ? options->as : name,
			       .other = name,
			       .hook = options ? options->hook : LANA_HOOK_NONE,
			       .netns = *stack->netns ? stack->netns : NULL };
	__u32 idp = 0;
	int err = stack_lock(stack, error);

	if (err)
		return err;
	LOCKED(stack);

	return hook_now(stack, &op, false, &idp, error);
}

int hook_socket(struct lana_stack *stack, const struct socket_block *wanted, __u32 *idp,
		struct lana_error *error)
{
	const char *type = wanted->is_worker ? WORKER_TYPE : SOCKET_TYPE;
	const struct op op = { .run = op_add, .name = wanted->name, .other = type };
	struct hooking h = {
		.op = &op, .name = wanted->name, .netns = "", .hook = wanted->hook, .socket = wanted
	};
	bool was_loaded = types_version(stack, type);
	int err = device_query(wanted->device, &h.device, error);

	if (!err)
		err = check_devices(stack, &h.device, h.hook, 0, error);
	if (!err)
		err = types_current(stack, type, &h.type, error);
	if (err)
		return err;
	*idp = 0;
	err = enable_and_hook(stack, idp, &h, error);
	if (err && !was_loaded && !stack->registry->pending)
		types_undo(stack, type);
	return err;
}

void hook_detach(struct lana_stack *stack, __u32 idp)
{
	const struct device_record *record = &stack->registry->records[idp].device;

	if (record->peer_gro)
		peer_release(record);
	detach(stack, idp, record);
	if (record->is_socket && socket_device_remove(record))
		stack->unfinished = true;
}

int unhook_now(struct lana_stack *stack, __u32 idp, bool unseen, struct lana_error *error)
{
	const struct record *record = &stack->registry->records[idp];
	const struct op op = { .run = record->device.is_socket ? op_rm : op_unhook,
			       .name = record->name };
	_cleanup_(commit_end) struct commit commit = {
		.stack = stack, .unseen = unseen, .steps = &op, .steps_count = 1
	};
	const struct device_record device = record->device;
	struct lana_error why = {};
	const struct type *type;
	int err;

	err = types_get(stack, record->type, record->version, &type, error);
	if (err)
		return err;
	set_changing(stack, idp, unseen ? CHANGING : CHANGING_UNHOOK);
	hook_detach(stack, idp);
	commit_remove(&commit, idp);
	err = commit_run(&commit, &why);
	if (!err) {
		facts_clear(stack, type, idp);
		if (device.is_socket)
			socket_folder_remove(stack, device.name);
		return 0;
	}
	stack->unfinished = true;
	return refuse(
		error, -EINPROGRESS,
		"unhooking '%s' was begun and cannot be finished (%s); the next command tries "
		"again",
		record->name, why.text);
}

int unhook_leaving(struct lana_stack *stack, struct lana_error *error)
{
	registry_for_each (stack->registry, idp) {
		int err = 0;

		if (stack->registry->records[idp].device.changing)
			err = unhook_now(stack, idp, true, error);
		if (err) {
			stack->unfinished = true;
			return err;
		}
	}
	return 0;
}

/* Find the device that a step names, which must not be bound. */
static int find_hooked(const struct commit *commit, const struct op *op, __u32 *idp,
		       struct lana_error *error)
{
	int err = commit_find(commit, op->name, idp, error);

	if (err)
		return err;
	if (commit_record(commit, *idp)->device.hook == LANA_HOOK_NONE)
		return refuse(error, -EINVAL, "'%s' is no device: use rm", op->name);
	if (commit_record(commit, *idp)->device.is_socket)
		return refuse(error, -EINVAL, "'%s' is a %s: use rm", op->name,
			      commit_record(commit, *idp)->device.is_worker ? "worker" : "socket");
	return check_unbound(commit, *idp, error);
}

void hook_leave(struct commit *commit, __u32 idp)
{
	struct record *record = commit_edit(commit, idp);

	record->device.passing = !record->device.is_socket;
	record->device.changing = CHANGING;
}

int op_unhook(struct commit *commit, const struct op *op, struct lana_error *error)
{
	__u32 idp;
	int err = find_hooked(commit, op, &idp, error);

	if (!err)
		hook_leave(commit, idp);
	return err;
}

int lana_unhook(struct lana_stack *stack, const char *name, struct lana_error *error)
{
	const struct commit as_it_is = { .stack = stack };
	const struct op op = { .name = name };
	__u32 idp;
	int err = stack_lock(stack, error);

	if (err)
		return err;
	LOCKED(stack);

	err = find_hooked(&as_it_is, &op, &idp, error);
	return err ?: unhook_now(stack, idp, false, error);
}

int hook_recover(struct lana_stack *stack, struct lana_error *error)
{
	const struct commit as_it_is = { .stack = stack };

	registry_for_each (stack->registry, idp) {
		struct device_record *record = &stack->registry->records[idp].device;
		const struct type *type;
		int err;

		if (!record->changing)
			continue;
		if (!check_unbound(&as_it_is, idp, NULL)) {
			err = unhook_now(stack, idp, record->changing != CHANGING_UNHOOK, error);
			if (err)
				return err;
			continue;
		}
		err = types_get(stack, stack->registry->records[idp].type,
				stack->registry->records[idp].version, &type, error);
		if (err)
			return err;
		/* Others are bound to it: it had gone, and goes again. */
		hook_detach(stack, idp);
		facts_clear(stack, type, idp);
		record->peer_gro = record->clsact = 0;
		set_changing(stack, idp, CHANGING_NOT);
	}
	return 0;
}
