/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vlink - tagged virtual links: Ethernet devices whose frames cross a carrier under a tag
 *
 * A link is a veth pair. One end is the device that the user named; the other stays beside the
 * carrier and is called after ID and carrier, both in hexadecimal: ".ac07.1f". bpf/vlink.bpf.c is
 * what stands at the other end and at the carrier, maps/vlinks.h what they read.
 *
 * Links are made before the commit that asks for them is decided, and removed after it. Their
 * records tell from which generation of the stack on they are there or gone, so whoever finds them
 * knows what was decided, and vlinks_settle() makes it so.
 */
#ifndef LOADER_VLINK_H
#define LOADER_VLINK_H

#include <maps/vlinks.h>

#include "device.h"
#include "findings.h"
#include "op.h"
#include "stack.h"

#define VLINK_MTU_MIN	   68	 /* of IPv4, RFC 791 */
#define VLINK_MTU_MAX	   15872 /* the kernel gives a program room in a frame up to some 16,000 */
#define VLINK_CARRIERS_MAX 256	 /* a stack */

/* ---- vlink_page.c: what there is of each carrier -------------------------------------------- */

/*
 *	vlinks/N@page		struct lana_vlinks
 *	vlinks/N@link		what keeps vlink_pop attached to the carrier (tcx)
 */
struct vlink_page {
	__u32 number;
	struct page page;
	struct lana_vlinks *vlinks; /* in it */
};

struct vlink_pages {
	struct vlink_page *list;
	size_t count;
};

void vlink_pages_free(struct vlink_pages *pages);

/* Open those of all carriers. -EUCLEAN: one is damaged. */
int vlink_pages_open(struct lana_stack *stack, struct vlink_pages *pages, struct lana_error *error);

/* Open, or make, that of a carrier; it is in the list then. */
int vlink_page_get(struct lana_stack *stack, struct vlink_pages *pages,
		   const struct device *carrier, const char *netns, struct vlink_page **page,
		   struct lana_error *error);

/* Detach from the carrier and remove what is pinned: there is no link any more. */
int vlink_page_remove(struct lana_stack *stack, struct vlink_page *page);

/* Is there a link? */
bool vlink_page_is_used(const struct vlink_page *page);

#define for_each_page(page, pages) \
	for (struct vlink_page *page = (pages)->list; page < (pages)->list + (pages)->count; page++)

#define for_each_vlink(id, page)                      \
	for (__u32 id = 0; id < LANA_VLINK_IDS; id++) \
		if ((page)->vlinks->records[id].state != LANA_VLINK_NONE)

/* The link of that name. False: there is none. */
bool vlink_find(const struct vlink_pages *pages, const char *name, struct vlink_page **page,
		__u32 *id);

/* ---- vlink_device.c: devices ------------------------------------------------------------- */

/* A carrier, as far as links depend on it. */
struct carrier {
	struct device device;
	__u8 address[6];
	__u32 mtu;
	bool is_ethernet, is_up;
	bool takes_all;	  /* multicast need not be asked for: it does not filter, or was told so */
	bool keeps_whole; /* segments and checksums may be left to it */
};

/* Look a device of the current namespace up by its index, or (0) by name. -ENODEV */
int vlink_carrier(__u32 ifindex, const char *name, struct carrier *carrier);

/* MTU of its links. */
__u32 vlink_mtu(const struct carrier *carrier);

/* The two ends of a link, as they are. */
struct ends {
	__u32 other;	      /* ifindex of the other end; 0: it has gone, and the link with it */
	struct device device; /* what the user named, which may have been moved or renamed */
	__u32 mtu;
	bool is_known;	   /* device and mtu are */
	bool is_elsewhere; /* it is in another namespace than its carrier */
};

/* Look them up; the carrier's namespace is the current one. */
int vlink_ends(const struct vlink_page *page, __u32 id, struct ends *ends);

/* Make the pair, both ends down, in the current namespace. -EEXIST */
int vlink_make_pair(const struct vlink_page *page, __u32 id, const struct carrier *carrier);

/* Bring the other end up, in a manner that it never talks of its own accord. */
int vlink_up(__u32 other);

/* A negative errno of what libnl returns. */
int vlink_errno(int nlerr);

/* Have what is sent by a device of the current namespace be finished before it leaves. */
int vlink_finish_frames(const char *name);

/* Let the carrier, of the current namespace, receive all multicast, or not any more. */
int vlink_allmulti(__u32 ifindex, bool on);

/* Remove the pairs, as far as they are there. */
int vlink_remove_pairs(const struct vlink_page *page, const bool going[LANA_VLINK_IDS]);

/* Does a device of the current namespace look like a link, of whichever stack? */
bool vlink_is_link(const struct device *device);

/* Enter the carrier's namespace, for netns_leave(). -ENOENT: it has gone, with all in it. */
int vlink_enter(const struct vlink_page *page, int *before);

/* The name of the other end. */
const char *vlink_end_name(const struct vlink_page *page, __u32 id, char name[16]);

/* ---- vlink_program.c: programs ------------------------------------------------------------- */

/* Attach vlink_push to the other end of a link, for as long as that is there. */
int vlink_attach_end(const struct vlink_page *page, __u32 id, __u32 other);

/* Attach vlink_pop to the carrier, in front of others. */
int vlink_attach_carrier(struct lana_stack *stack, struct vlink_page *page);
int vlink_detach_carrier(struct lana_stack *stack, struct vlink_page *page);
bool vlink_is_attached(struct lana_stack *stack, const struct vlink_page *page);

const char *vlink_pin(const struct lana_stack *stack, char path[320], __u32 number,
		      const char *what);

/* ---- vlink.c ------------------------------------------------------------------------------ */

/* Steps of commits. vlink_try() only says if it could be: vlinks_make() has made it. */
int vlink_try(struct commit *commit, const struct op *op, struct lana_error *error);
int op_vlink_rm(struct commit *commit, const struct op *op, struct lana_error *error);

/* Make the links that steps ask for. *failed: the step that was refused. */
int vlinks_make(const struct lana_commit *steps, size_t *failed, struct lana_error *error);

/* Note which links go, if the commit is decided. */
int vlinks_leave(const struct lana_commit *steps, struct lana_error *error);

/* Keep or remove each link as was decided. If that fails, the stack is left unfinished. */
int vlinks_settle(struct lana_stack *stack, struct lana_error *error);

/* Remove all links. */
int vlinks_flush(struct lana_stack *stack);

/* Is the device that a link is going to make, and is not there in a dry run, meant? */
bool vlink_is_planned(const struct commit *commit, const char *device, const char *netns);

/* Is a link, or its carrier, no more as it was made? */
bool vlink_is_dead(struct lana_stack *stack, const struct vlink_page *page, __u32 id);

/* ---- vlink_list.c -------------------------------------------------------------------------- */

void vlinks_check(struct lana_stack *stack, struct findings *findings);

#endif
