/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * maps/endpoints.h - where the far ends of tunnels are that are learnt from what comes
 *
 * owner       decap writes what it learns, encap reads it
 * key         number of the tunnel, the option peer of both; 0 is none
 * lifetime    the stack's: what was learnt stays when blocks are set, replaced or removed
 *
 * No hash, as numbers are small: nothing is forgotten to make room, and a look-up is no call.
 */
#ifndef LANA_MAPS_ENDPOINTS_H
#define LANA_MAPS_ENDPOINTS_H

_Static_assert(LANA_PEERS_MAX == 1024, "blocks say the range of their option peer in digits");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, LANA_PEERS_MAX);
	__type(key, __u32);
	__type(value, struct lana_endpoint);
	__uint(pinning, LIBBPF_PIN_BY_NAME); /* one for the whole stack */
} lana_endpoints SEC(".maps");

#endif
