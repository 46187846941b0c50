/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lana/icmp.h - ICMP and ICMPv6: their header, and the types and codes that blocks use
 *
 * linux/icmp.h includes too much for a BPF program.
 */
#ifndef LANA_ICMP_H
#define LANA_ICMP_H

#include <lana/checksum.h>

/* RFC 792, RFC 4443, section 2.1. */
struct lana_icmp {
	__u8 type, code;
	__u16 checksum;
	__be32 rest; /* by type: identifier and sequence number, MTU, flags */
};

enum lana_icmp4 {
	LANA_ICMP4_ECHO_REPLY = 0,
	LANA_ICMP4_UNREACHABLE = 3,
	LANA_ICMP4_ECHO = 8,
	LANA_ICMP4_EXPIRED = 11,
	LANA_ICMP4_TIMESTAMP = 13, /* and what has to do with it, up to */
	LANA_ICMP4_ADDRESS_REPLY = 18,
};

/* Codes of LANA_ICMP4_UNREACHABLE. RFC 1191: the rest is the MTU; RFC 1812, section 5.2.7.1. */
enum lana_icmp4_code {
	LANA_ICMP4_NET = 0,
	LANA_ICMP4_HOST = 1,
	LANA_ICMP4_PORT = 3,
	LANA_ICMP4_BIG = 4,
	LANA_ICMP4_PROHIBITED = 13,
};

enum lana_icmp6 {
	LANA_ICMP6_UNREACHABLE = 1,
	LANA_ICMP6_BIG = 2, /* the rest is the MTU */
	LANA_ICMP6_EXPIRED = 3,
	LANA_ICMP6_ECHO = 128, /* the first that is no error */
	LANA_ICMP6_ECHO_REPLY = 129,
	LANA_ICMP6_SOLICIT = 135, /* RFC 4861, sections 4.3 to 4.5 */
	LANA_ICMP6_ADVERTISE = 136,
	LANA_ICMP6_REDIRECT = 137,
};

/* Codes of LANA_ICMP6_UNREACHABLE: RFC 4443, section 3.1. */
enum lana_icmp6_code {
	LANA_ICMP6_NET = 0,
	LANA_ICMP6_PROHIBITED = 1,
	LANA_ICMP6_HOST = 3,
	LANA_ICMP6_PORT = 4,
};

#define LANA_ICMP_CHUNK 64   /* bytes that are summed together */
#define LANA_ICMP_MAX	1280 /* of a message: what any way takes */

/*
 * Add the length bytes of the packet at offset to *sum, wherever they are. -1: the packet ends
 * before, or length exceeds LANA_ICMP_MAX. Takes less of the stack than lana_sum().
 */
static __always_inline int lana_sum_icmp(const struct lana_pkt *pkt, __u32 offset, __u32 length,
					 __u64 *sum)
{
	__u32 chunk[LANA_ICMP_CHUNK / sizeof(__u32)], part = 0;

#pragma clang loop unroll(disable)
	for (int i = 0; i < LANA_ICMP_MAX / LANA_ICMP_CHUNK && length >= sizeof(chunk); i++) {
		if (lana_load(pkt, offset, chunk, sizeof(chunk)))
			return -1;
		part = bpf_csum_diff(NULL, 0, chunk, sizeof(chunk), part);
		offset += sizeof(chunk);
		length -= sizeof(chunk);
	}
	asm volatile("" : "+r"(length)); /* the verifier must see its bounds here */
	if (length >= sizeof(chunk))
		return -1;
	__builtin_memset(chunk, 0, sizeof(chunk));
	if (length && lana_load(pkt, offset, chunk, length))
		return -1;
	*sum += (__u32)bpf_csum_diff(NULL, 0, chunk, sizeof(chunk), part);
	return 0;
}

#endif
