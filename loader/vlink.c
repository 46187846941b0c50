// SPDX-License-Identifier: GPL-2.0-only
/*
 * vlink - make and remove tagged virtual links
 */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "cleanup.h"
#include "error.h"
#include "log.h"
#include "netns.h"
#include "vlink.h"

static void set_state(struct lana_vlink_record *record, enum lana_vlink_state state)
{
	__atomic_store_n(&record->state, state, __ATOMIC_RELEASE);
}

/* ---- removing ------------------------------------------------------------------------------- */

static int remove_links(const struct vlink_page *page, const bool going[LANA_VLINK_IDS])
{
	int err;

	for (__u32 id = 0; id < LANA_VLINK_IDS; id++)
		if (going[id])
			__atomic_store_n(&page->vlinks->ends[id], 0, __ATOMIC_RELEASE);
	err = vlink_remove_pairs(page, going);
	for (__u32 id = 0; !err && id < LANA_VLINK_IDS; id++)
		if (going[id])
			set_state(&page->vlinks->records[id], LANA_VLINK_NONE);
	return err;
}

static int remove_unused(struct lana_stack *stack, struct vlink_pages *pages)
{
	for_each_page (page, pages) {
		int err = vlink_page_is_used(page) ? 0 : vlink_page_remove(stack, page);

		if (err)
			return err;
	}
	return 0;
}

/* Has the commit for which the record was written been decided? */
static bool is_decided(const struct lana_stack *stack, const struct lana_vlink_record *record)
{
	return (__s32)(stack->registry->generation - record->generation) >= 0;
}

static int settle_page(struct lana_stack *stack, const struct vlink_page *page)
{
	bool going[LANA_VLINK_IDS] = {}, any = false;

	for_each_vlink (id, page) {
		struct lana_vlink_record *record = &page->vlinks->records[id];

		if (record->state == LANA_VLINK_THERE)
			continue;
		going[id] = is_decided(stack, record) == (record->state == LANA_VLINK_GOING);
		any |= going[id];
		if (!going[id])
			set_state(record, LANA_VLINK_THERE);
	}
	return any ? remove_links(page, going) : 0;
}

int vlinks_settle(struct lana_stack *stack, struct lana_error *error)
{
	_cleanup_(vlink_pages_free) struct vlink_pages pages = {};
	int err = vlink_pages_open(stack, &pages, NULL);

	for_each_page (page, &pages)
		err = err ?: settle_page(stack, page);
	if (!err)
		err = remove_unused(stack, &pages);
	if (!err)
		return 0;
	stack->unfinished = true;
	return refuse(error, -EINPROGRESS,
		      "a change of tagged links was begun and cannot be finished (%s); the next "
		      "command tries again",
		      strerror(-err));
}

int vlinks_flush(struct lana_stack *stack)
{
	_cleanup_(vlink_pages_free) struct vlink_pages pages = {};
	int err = vlink_pages_open(stack, &pages, NULL);

	for_each_page (page, &pages) {
		bool going[LANA_VLINK_IDS] = {};

		for_each_vlink (id, page)
			going[id] = true;
		err = err ?: remove_links(page, going);
	}
	return err ?: remove_unused(stack, &pages);
}

/* ---- making --------------------------------------------------------------------------------- */

static int check_words(const struct op *op, struct lana_error *error)
{
	int err = check_name("device", op->name, error);

	if (err)
		return err;
	if (strlen(op->name) >= IFNAMSIZ || !strcmp(op->name, ".") || !strcmp(op->name, ".."))
		return refuse(error, -EINVAL, "'%s' is no name for a device (%d bytes at most)",
			      op->name, IFNAMSIZ - 1);
	if (op->id >= LANA_VLINK_IDS)
		return refuse(error, -ERANGE, "%u is no ID of a tagged link (0 to %d)", op->id,
			      LANA_VLINK_IDS - 1);
	return 0;
}

static int find_carrier(const struct op *op, struct carrier *carrier, struct lana_error *error)
{
	int err = *op->other && strlen(op->other) < IFNAMSIZ ? vlink_carrier(0, op->other, carrier)
							     : -ENODEV;

	if (err == -ENODEV)
		return refuse(error, err, "no device '%s'", op->other);
	if (err)
		return refuse(error, err, "cannot look at '%s': %s", op->other, strerror(-err));
	if (!carrier->is_ethernet)
		return refuse(error, -EINVAL, "'%s' is no Ethernet device: it cannot carry links",
			      op->other);
	if (vlink_mtu(carrier) < VLINK_MTU_MIN)
		return refuse(error, -EINVAL,
			      "the MTU of '%s' (%u) is too small: links need %d bytes", op->other,
			      carrier->mtu, VLINK_MTU_MIN + LANA_VLINK_TAG);
	return 0;
}

static bool is_dead(struct lana_stack *stack, const struct vlink_page *page, __u32 id)
{
	struct carrier carrier;
	struct ends ends;

	return vlink_ends(page, id, &ends) || !ends.other ||
	       vlink_carrier(page->vlinks->carrier, NULL, &carrier) ||
	       !vlink_is_attached(stack, page);
}

bool vlink_is_dead(struct lana_stack *stack, const struct vlink_page *page, __u32 id)
{
	_cleanup_(netns_leave_p) int before = -1;

	return vlink_enter(page, &before) || is_dead(stack, page, id);
}

/* The name and the ID are free, or of a link that is no more as it was made. */
static int check_free(struct lana_stack *stack, const struct op *op, const struct carrier *carrier,
		      const struct vlink_pages *pages, struct lana_error *error)
{
	struct vlink_page *found;
	__u32 number;

	if (vlink_find(pages, op->name, &found, &number) && !vlink_is_dead(stack, found, number))
		return refuse(error, -EEXIST,
			      "there is a tagged link '%s' in this stack already, %u on '%s'%s%s",
			      op->name, number, found->vlinks->name,
			      *found->vlinks->netns_name ? " in " : "", found->vlinks->netns_name);
	for_each_page (page, pages) {
		const struct lana_vlink_record *record = &page->vlinks->records[op->id];

		if (page->vlinks->netns == carrier->device.netns &&
		    page->vlinks->carrier == carrier->device.ifindex &&
		    record->state != LANA_VLINK_NONE && strcmp(record->name, op->name))
			return refuse(error, -EEXIST, "ID %u of '%s' is that of '%s' already",
				      op->id, op->other, record->name);
	}
	return 0;
}

/* Two devices are in the way perhaps: say which. */
static int refuse_pair(const struct vlink_page *page, const struct op *op, int err,
		       struct lana_error *error)
{
	struct device device;
	char name[16];

	if (err == -EEXIST && !device_query(vlink_end_name(page, op->id, name), &device, NULL))
		return refuse(error, err,
			      "ID %u of '%s' is another stack's: there is a device '%s'", op->id,
			      op->other, name);
	if (err == -EEXIST)
		return refuse(error, err, "there is a device '%s' already", op->name);
	return refuse(error, err, "cannot make device '%s': %s", op->name,
		      err == -EOPNOTSUPP ? "the kernel has no veth" : strerror(-err));
}

/* Devices and programs of a link whose record is written; only then frames get there. */
static int build(const struct vlink_page *page, const struct op *op, const struct carrier *carrier,
		 struct lana_error *error)
{
	struct ends ends = {};
	int err = vlink_make_pair(page, op->id, carrier);

	if (err)
		return refuse_pair(page, op, err, error);
	if (!carrier->keeps_whole)
		err = vlink_finish_frames(op->name);
	if (!err)
		err = vlink_ends(page, op->id, &ends);
	if (!err)
		err = vlink_attach_end(page, op->id, ends.other);
	if (!err)
		err = vlink_up(ends.other);
	if (err)
		return refuse(error, err, "cannot set device '%s' up: %s", op->name,
			      strerror(-err));
	__atomic_store_n(&page->vlinks->ends[op->id], ends.other, __ATOMIC_RELEASE);
	return 0;
}

static int write_record(const struct lana_stack *stack, struct vlink_page *page,
			const struct op *op, const struct carrier *carrier,
			struct lana_error *error)
{
	struct lana_vlink_record *record = &page->vlinks->records[op->id];

	*record = (struct lana_vlink_record){
		.offloads = carrier->keeps_whole,
		.generation = stack->registry->generation + 1,
	};
	strcpy(record->name, op->name);
	if (getrandom(record->address, sizeof(record->address), 0) != sizeof(record->address))
		return refuse(error, -EIO, "no random numbers: %s", strerror(errno));
	record->address[0] = (record->address[0] & 0xfc) | 2; /* one station's, made here */
	page->vlinks->lost[op->id] = 0;
	set_state(record, LANA_VLINK_COMING);
	return 0;
}

/* The first link of a carrier. */
static int prepare_carrier(struct lana_stack *stack, struct vlink_page *page,
			   const struct carrier *carrier, struct lana_error *error)
{
	int err;

	if (vlink_is_attached(stack, page))
		return 0;
	err = vlink_detach_carrier(stack, page); /* of one that somebody has detached */
	if (!err)
		err = vlink_attach_carrier(stack, page);
	if (!err && !carrier->takes_all) {
		page->vlinks->allmulti = true;
		err = vlink_allmulti(carrier->device.ifindex, true);
	}
	return err ? refuse(error, err, "cannot attach to '%s': %s", carrier->device.name,
			    strerror(-err))
		   : 0;
}

/* All checked; in the namespace of the carrier. */
static int make_link(struct lana_stack *stack, const struct op *op, const struct carrier *carrier,
		     const char *netns, struct vlink_pages *pages, struct lana_error *error)
{
	struct vlink_page *page;
	__u32 id;
	int err = 0;

	if (vlink_find(pages, op->name, &page, &id)) { /* it is dead: this one takes its place */
		bool going[LANA_VLINK_IDS] = {};

		going[id] = true;
		err = remove_links(page, going);
	}
	if (err)
		return refuse(error, err, "cannot remove what was left of '%s': %s", op->name,
			      strerror(-err));
	err = vlink_page_get(stack, pages, &carrier->device, netns, &page, error);
	if (!err)
		err = write_record(stack, page, op, carrier, error);
	if (!err)
		err = prepare_carrier(stack, page, carrier, error);
	return err ?: build(page, op, carrier, error);
}

bool vlink_is_planned(const struct commit *commit, const char *device, const char *netns)
{
	for (size_t i = 0; i < commit->steps_count; i++) {
		const struct op *op = &commit->steps[i];

		if (op->run == vlink_try && !strcmp(op->name, device) &&
		    !strcmp(op->netns ?: commit->stack->netns, netns))
			return true;
	}
	return false;
}

/* Check all that can be, and, unless it is for a dry run, make it. */
static int try_or_make(struct lana_stack *stack, const struct op *op, const struct commit *dry_run,
		       struct lana_error *error)
{
	_cleanup_(vlink_pages_free) struct vlink_pages pages = {};
	_cleanup_(netns_leave_p) int before = -1;
	const char *netns = op->netns ?: stack->netns;
	struct carrier carrier = {};
	struct device device;
	int err = check_words(op, error);

	if (!err && strlen(netns) >= sizeof(stack->netns))
		err = refuse(error, -ENAMETOOLONG, "name of the network namespace is too long");
	if (!err)
		err = netns_enter(netns, &before, error);
	if (!err && !(dry_run && vlink_is_planned(dry_run, op->other, netns)))
		err = find_carrier(op, &carrier, error);
	if (!err)
		err = vlink_pages_open(stack, &pages, error);
	if (!err)
		err = check_free(stack, op, &carrier, &pages, error);
	if (err || !dry_run)
		return err ?: make_link(stack, op, &carrier, netns, &pages, error);
	if (!device_query(op->name, &device, NULL))
		return refuse(error, -EEXIST, "there is a device '%s' already", op->name);
	return 0;
}

int vlink_try(struct commit *commit, const struct op *op, struct lana_error *error)
{
	return try_or_make(commit->stack, op, commit, error);
}

int vlinks_make(const struct lana_commit *steps, size_t *failed, struct lana_error *error)
{
	for (size_t i = 0; i < steps->count; i++) {
		int err = steps->ops[i].run == vlink_try
				  ? try_or_make(steps->stack, &steps->ops[i], NULL, error)
				  : 0;

		if (err) {
			*failed = i;
			return err;
		}
	}
	return 0;
}

/* ---- steps of removal ----------------------------------------------------------------------- */

static bool is_leaving(const struct commit *commit, const char *name)
{
	for (size_t i = 0; i < commit->steps_count; i++)
		if (commit->steps[i].run == op_vlink_rm && !strcmp(commit->steps[i].name, name))
			return true;
	return false;
}

/* Links may carry links. */
static int check_carries(const struct commit *commit, const struct vlink_pages *pages,
			 const struct device *device, const char *name, struct lana_error *error)
{
	for_each_page (page, pages) {
		if (page->vlinks->netns != device->netns ||
		    page->vlinks->carrier != device->ifindex)
			continue;
		for_each_vlink (id, page)
			if (!is_leaving(commit, page->vlinks->records[id].name))
				return refuse(error, -EBUSY,
					      "'%s' carries '%s': "
					      "remove that first",
					      name, page->vlinks->records[id].name);
	}
	return 0;
}

static int check_hooked(const struct commit *commit, const struct device *device, const char *name,
			struct lana_error *error)
{
	for (__u32 idp = 1; idp < commit_limit(commit); idp++) {
		const struct record *record = commit_record(commit, idp);

		if (record->name[0] && record->device.hook != LANA_HOOK_NONE &&
		    !record->device.changing && record->device.netns == device->netns &&
		    record->device.ifindex == device->ifindex)
			return refuse(error, -EBUSY, "'%s' is hooked, as '%s': unhook it first",
				      name, record->name);
	}
	return 0;
}

int op_vlink_rm(struct commit *commit, const struct op *op, struct lana_error *error)
{
	_cleanup_(vlink_pages_free) struct vlink_pages pages = {};
	_cleanup_(netns_leave_p) int before = -1;
	struct vlink_page *page;
	struct ends ends = {};
	__u32 id;
	int err = vlink_pages_open(commit->stack, &pages, error);

	if (err)
		return err;
	if (!vlink_find(&pages, op->name, &page, &id))
		return refuse(error, -ENOENT, "no tagged link '%s'", op->name);
	if (!vlink_enter(page, &before))
		err = vlink_ends(page, id, &ends);
	if (err)
		return refuse(error, err, "cannot look for '%s': %s", op->name, strerror(-err));
	if (!ends.is_known)
		return 0;
	err = check_hooked(commit, &ends.device, op->name, error);
	return err ?: check_carries(commit, &pages, &ends.device, op->name, error);
}

int vlinks_leave(const struct lana_commit *steps, struct lana_error *error)
{
	struct lana_stack *stack = steps->stack;

	for (size_t i = 0; i < steps->count; i++) {
		_cleanup_(vlink_pages_free) struct vlink_pages pages = {};
		struct vlink_page *page;
		int err;
		__u32 id;

		if (steps->ops[i].run != op_vlink_rm)
			continue;
		err = vlink_pages_open(stack, &pages, error);
		if (err)
			return err;
		if (!vlink_find(&pages, steps->ops[i].name, &page, &id))
			continue;
		page->vlinks->records[id].generation = stack->registry->generation + 1;
		set_state(&page->vlinks->records[id], LANA_VLINK_GOING);
	}
	return 0;
}

/* ---- alone ---------------------------------------------------------------------------------- */

static int run_alone(struct lana_stack *stack, struct op op, struct lana_error *error)
{
	_cleanup_(commit_end) struct commit commit = { .stack = stack };
	const struct lana_commit steps = { .stack = stack, .ops = &op, .count = 1 };
	struct lana_commit_result result = {};
	int err = stack_lock(stack, error);

	if (err)
		return err;
	LOCKED(stack);

	return steps_run(&steps, &commit, false, &result, error);
}

int lana_vlink_add(struct lana_stack *stack, const char *name, const char *carrier, uint32_t id,
		   struct lana_error *error)
{
	return run_alone(stack,
			 (struct op){ .run = vlink_try,
				      .name = name,
				      .other = carrier,
				      .netns = *stack->netns ? stack->netns : NULL,
				      .id = id },
			 error);
}

int lana_vlink_rm(struct lana_stack *stack, const char *name, struct lana_error *error)
{
	return run_alone(stack, (struct op){ .run = op_vlink_rm, .name = name }, error);
}
