/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lana/vlink.h - tagged virtual links
 *
 * A tagged virtual link is an Ethernet device whose frames cross another device, its carrier, with
 * the Ethernet type 0xAC00 | ID in front of their own: two bytes more. Whoever makes a link of the
 * same ID on a device that is reached by the carrier is at its other end. A carrier has up to 256
 * of them, and its other traffic goes on untouched.
 */
#ifndef LANA_VLINK_H
#define LANA_VLINK_H

#include <lana/stack.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Make the device name, in the stack's netns, on a carrier there; it is down, as new devices are.
 * -EEXIST: name or ID is taken. A link of that name that no longer works, as a device of it has
 * gone, is removed first.
 */
int lana_vlink_add(struct lana_stack *stack, const char *name, const char *carrier, uint32_t id,
		   struct lana_error *error);

/* Remove a link and its device, wherever that is by now. -EBUSY: it is hooked, or a carrier. */
int lana_vlink_rm(struct lana_stack *stack, const char *name, struct lana_error *error);

struct lana_vlink_info {
	char name[16];	  /* as it was called when it was made */
	char device[16];  /* as it is called now; empty: it has gone, or cannot be found */
	char carrier[16]; /* as it is called now; if it has gone, as it was called */
	char netns[64];	  /* of the carrier, as given when the link was made */
	uint32_t id;	  /* 0 to 255 */
	uint32_t ifindex; /* of the device; 0: unknown */
	uint32_t mtu;	  /* of the device; 0: unknown */
	bool gone;	  /* device or carrier no longer exist, or the carrier was detached */
	bool moved;	  /* the device is in another network namespace than the carrier */
	bool carrier_up;  /* it is up and running */
	bool whole;	  /* segments and checksums are left to the carrier */
	uint64_t lost;	  /* frames for which the kernel had no memory, both ways */
	char note[128];	  /* what lana changed, or what is wrong; empty: nothing */
};

/* All links, by carrier and ID; the caller frees *vlinks. */
int lana_vlink_list(struct lana_stack *stack, struct lana_vlink_info **vlinks, size_t *count,
		    struct lana_error *error);

#ifdef __cplusplus
}
#endif

#endif
