/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lana/tunnel.h - what stands in front of a packet in a tunnel over IPv4
 */
#ifndef LANA_TUNNEL_H
#define LANA_TUNNEL_H

#include <linux/in.h>
#include <linux/udp.h>

#include <lana/address.h>
#include <lana/checksum.h>

/*
 * IPv4 in IPv4 (RFC 2003), IPv6 in IPv4 (RFC 4213), GRE (RFC 2784 and 2890), VXLAN (RFC 7348), IP
 * in UDP with nothing in between (the kernel's foo over UDP; variant 1 of GUE)
 */
enum lana_tunnel { ipip, sit, gre, vxlan, udp };

struct lana_gre {
	__be16 flags;
	__be16 type; /* of Ethernet, of what follows */
};

#define LANA_GRE_CHECKSUM 0x8000
#define LANA_GRE_KEY	  0x2000
#define LANA_GRE_SEQUENCE 0x1000

struct lana_vxlan {
	__be32 flags;
	__be32 vni; /* in the upper 24 bits */
};

#define LANA_VXLAN_VNI	0x08000000 /* of flags: there is one */
#define LANA_VXLAN_PORT 4789
#define LANA_UDP_PORT	6080 /* IANA's of GUE */
#define LANA_VNI_MAX	0xffffff

static __always_inline bool lana_mac_given(const struct lana_mac *mac)
{
	return mac->bytes[0] | mac->bytes[1] | mac->bytes[2] | mac->bytes[3] | mac->bytes[4] |
	       mac->bytes[5];
}

/* ---- traffic class ------------------------------------------------------------------------- */

#define LANA_ECN_MASK 3

enum lana_ecn { LANA_ECN_NONE, LANA_ECN_1, LANA_ECN_0, LANA_ECN_MARKED };

/* The traffic class of an IPv6 header: DSCP and ECN. */
static __always_inline __u8 lana_ipv6_class(const struct ipv6hdr *header)
{
	return header->priority << 4 | header->flow_lbl[0] >> 4;
}

#endif
