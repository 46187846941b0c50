/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lana/hook.h - what roots, and the loader, tell others about a packet at tc
 */
#ifndef LANA_HOOK_H
#define LANA_HOOK_H

/* Words of skb->cb, which lasts until the stack is done. */
#define LANA_CB_HOOK   0 /* the hook that the packet came by: LANA_CB_EGRESS, or 0 */
#define LANA_CB_SIDE   1 /* enum lana_side */
#define LANA_CB_TRACE  2 /* number of a packet that is traced; written by roots that trace */

#define LANA_CB_EGRESS 0x6c616e61

/*
 * skb->tc_index of a packet that a device block sends to a device with a root at tc egress:
 * that root lets it out, and clears the field.
 */
#define LANA_TC_SENT 0x6c61

#endif
