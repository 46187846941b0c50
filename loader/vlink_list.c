// SPDX-License-Identifier: GPL-2.0-only
/*
 * vlink_list - describe tagged links, and find what is wrong with them
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"
#include "netns.h"
#include "vlink.h"

/* A link as it is. */
struct seen {
	struct ends ends;
	struct carrier carrier;
	bool has_carrier, is_attached;
};

static void look(struct lana_stack *stack, const struct vlink_page *page, __u32 id,
		 struct seen *seen)
{
	_cleanup_(netns_leave_p) int before = -1;

	*seen = (struct seen){};
	if (vlink_enter(page, &before))
		return;
	vlink_ends(page, id, &seen->ends);
	seen->has_carrier = !vlink_carrier(page->vlinks->carrier, NULL, &seen->carrier);
	seen->is_attached = vlink_is_attached(stack, page);
}

/* What is wrong, and what to do about it; empty: nothing is. False: it does not work at all. */
static bool judge(const struct seen *seen, char text[128])
{
	*text = 0;
	if (!seen->ends.other)
		snprintf(text, 128, "its device has gone: remove it, or make it again");
	else if (!seen->has_carrier)
		snprintf(text, 128, "its carrier has gone: remove it, or make it again");
	else if (!seen->is_attached)
		snprintf(text, 128, "its carrier was detached: make it again");
	if (*text)
		return false;
	if (!seen->carrier.is_up)
		snprintf(text, 128, "its carrier is down, and frames are lost");
	else if (seen->ends.mtu > vlink_mtu(&seen->carrier))
		snprintf(text, 128,
			 "its MTU is %u, and frames of more than %u are lost: lower it, or raise "
			 "the carrier's",
			 seen->ends.mtu, vlink_mtu(&seen->carrier));
	return true;
}

static void describe(struct lana_stack *stack, const struct vlink_page *page, __u32 id,
		     struct lana_vlink_info *info)
{
	const struct lana_vlinks *vlinks = page->vlinks;
	const struct lana_vlink_record *record = &vlinks->records[id];
	struct seen seen;

	look(stack, page, id, &seen);
	*info = (struct lana_vlink_info){
		.id = id,
		.ifindex = seen.ends.is_known ? seen.ends.device.ifindex : 0,
		.mtu = seen.ends.mtu,
		.moved = seen.ends.is_elsewhere,
		.carrier_up = seen.has_carrier && seen.carrier.is_up,
		.whole = record->offloads,
		.lost = __atomic_load_n(&vlinks->lost[id], __ATOMIC_RELAXED),
	};
	strcpy(info->name, record->name);
	strcpy(info->device, seen.ends.is_known ? seen.ends.device.name : "");
	strcpy(info->carrier, seen.has_carrier ? seen.carrier.device.name : vlinks->name);
	strcpy(info->netns, vlinks->netns_name);
	info->gone = !judge(&seen, info->note);
	if (*info->note)
		return;
	snprintf(info->note, sizeof(info->note), "%s%s%s",
		 record->offloads ? "" : "tx off: a card cannot finish tagged frames",
		 !record->offloads && vlinks->allmulti ? "; " : "",
		 vlinks->allmulti ? "its carrier receives all multicast" : "");
}

static int by_carrier(const void *a, const void *b)
{
	const struct lana_vlink_info *left = a, *right = b;
	int order = strcmp(left->netns, right->netns) ?: strcmp(left->carrier, right->carrier);

	return order ?: (left->id > right->id) - (left->id < right->id);
}

int lana_vlink_list(struct lana_stack *stack, struct lana_vlink_info **list, size_t *count,
		    struct lana_error *error)
{
	_cleanup_(vlink_pages_free) struct vlink_pages pages = {};
	struct lana_vlink_info *infos;
	size_t number = 0;
	int err = stack_lock(stack, error);

	if (err)
		return err;
	LOCKED(stack);

	err = vlink_pages_open(stack, &pages, error);
	if (err)
		return err;
	infos = calloc(pages.count * LANA_VLINK_IDS + 1, sizeof(*infos));
	if (!infos)
		return refuse(error, -ENOMEM, "out of memory");
	for_each_page (page, &pages)
		for_each_vlink (id, page)
			describe(stack, page, id, &infos[number++]);
	qsort(infos, number, sizeof(*infos), by_carrier);
	*list = infos;
	*count = number;
	return 0;
}

static void check_link(struct lana_stack *stack, const struct vlink_page *page, __u32 id,
		       struct findings *findings)
{
	const struct lana_vlink_record *record = &page->vlinks->records[id];
	struct seen seen;
	char text[128];

	look(stack, page, id, &seen);
	judge(&seen, text);
	if (*text)
		findings_add(findings, LANA_WARN, record->name, "%s", text);
	if (record->state != LANA_VLINK_THERE)
		findings_add(findings, LANA_FAIL, record->name,
			     "it was being made or removed, and is not settled");
	else if (seen.ends.other && page->vlinks->ends[id] != seen.ends.other)
		findings_add(findings, LANA_FAIL, record->name,
			     "what comes by its carrier is led to device %u instead of %u",
			     page->vlinks->ends[id], seen.ends.other);
}

void vlinks_check(struct lana_stack *stack, struct findings *findings)
{
	_cleanup_(vlink_pages_free) struct vlink_pages pages = {};
	struct lana_error error = {};

	if (vlink_pages_open(stack, &pages, &error))
		findings_add(findings, LANA_FAIL, "tagged links", "%s", error.text);
	for_each_page (page, &pages)
		for_each_vlink (id, page)
			check_link(stack, page, id, findings);
}
