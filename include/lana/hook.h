/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lana/hook.h - what roots tell the device block about a packet at tc
 */
#ifndef LANA_HOOK_H
#define LANA_HOOK_H

/* Word of skb->cb that names the hook the packet came by; cb lasts until the stack is done. */
#define LANA_CB_HOOK   0
#define LANA_CB_EGRESS 0x6c616e61

/*
 * skb->tc_index of a packet that a device block sends to a device with a root at tc egress:
 * that root lets it out, and clears the field.
 */
#define LANA_TC_SENT 0x6c61

#endif
