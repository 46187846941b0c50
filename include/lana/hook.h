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
#define LANA_CB_COPY   3 /* of a copy: the slot where it goes on; the upper bit: of egress */
#define LANA_CB_ROUTE  4 /* where the packet is to be sent, see lana/route.h */

#define LANA_CB_EGRESS 0x6c616e61
#define LANA_CB_COPIED 0x6c616e63 /* a copy of what came by the ingress hook */

/*
 * skb->tc_index of a packet that a device block sends to a device with a root at tc egress:
 * that root lets it out, and clears the field.
 */
#define LANA_TC_SENT 0x6c61

/*
 * The same of a copy that begins: bpf_clone_redirect() sends it to the egress of the device that
 * the packet came by, where it is at once led to where it goes on. And of a copy that the kernel
 * shall get, which comes in by that device once more.
 */
#define LANA_TC_COPY   0x6c63
#define LANA_TC_PASSED 0x6c70

#define LANA_ROOT_COPY (LANA_ALL + 1) /* verdict of a root: go on by LANA_CB_COPY */

#endif
