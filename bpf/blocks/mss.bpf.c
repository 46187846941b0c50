// SPDX-License-Identifier: GPL-2.0-only
/*
 * mss - lower the greatest segment that the ends of a TCP connection announce to each other
 *
 * So their packets fit a way that is narrower than both ends know, such as a tunnel, even where the
 * ICMP messages that would tell them get lost. What SYNs announce in their MSS option (RFC 9293,
 * section 3.7.1; RFC 6691) is never raised, and no option is put in where there is none: that means
 * 536 (IPv6: 1220). Both directions of a connection have to pass, or the ends of one only are told.
 *
 * in          Ethernet
 * out next    everything; SYNs that announced more are changed, their checksum amended
 * config      mtu=0..65535: the greatest IP packet that the way takes; less the headers of IP and
 *             TCP, 40 bytes (IPv6: 60), that is the segment (0: the MTU that route has noted; if
 *             none has, nothing is changed)
 *             mss=0..65535: the segment itself, if that is less (0: no matter)
 * counters    syns: TCP segments that may announce
 *             clamped: of these, those that were changed
 * state       none
 * see also    encap, route, fragment
 */
#include <linux/tcp.h>

#include <lana/checksum.h>
#include <lana/route.h>

#define OPTIONS_MAX 40 /* bytes: the header's length is in 4 bits, in words */

/* Kinds of options, RFC 9293, section 3.2. */
#define KIND_END     0
#define KIND_NOTHING 1
#define KIND_MSS     2

struct mss_config {
	__u16 mtu;
	__u16 mss;
};

struct mss_counters {
	__u64 syns;
	__u64 clamped;
};

enum mss_port { MSS_NEXT };

/* The segment that the way takes; 0: nobody has said. */
static __always_inline __u32 most(const struct lana_pkt *pkt, const struct mss_config *config,
				  int version)
{
	__u32 headers = (version == 4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr)) +
			sizeof(struct tcphdr);
	__u32 mtu = config->mtu ?: LANA_ROUTE_MTU(lana_route(pkt));
	__u32 segment = mtu > headers ? mtu - headers : 0;

	if (config->mss && (!segment || config->mss < segment))
		segment = config->mss;
	return segment;
}

/* Where the option is, from the Ethernet header on; 0: nowhere. */
static __always_inline __u32 find_option(const struct lana_pkt *pkt, __u32 at, __u32 end)
{
	struct {
		__u8 kind, size;
	} option;

#pragma clang loop unroll(disable)
	for (int i = 0; i < OPTIONS_MAX; i++) {
		if (at + 4 > end || lana_load(pkt, at, &option, sizeof(option)))
			return 0;
		if (option.kind == KIND_MSS)
			return option.size == 4 ? at : 0;
		if (option.kind == KIND_END)
			return 0;
		if (option.kind != KIND_NOTHING && option.size < 2)
			return 0;
		at = lana_forget(at + (option.kind == KIND_NOTHING ? 1 : option.size));
	}
	return 0;
}

/* A checksum is of words, in which the two bytes may stand crosswise. */
static __always_inline void announce(const struct lana_pkt *pkt, __u32 transport, __u32 at,
				     __u32 segment, struct mss_counters *counters)
{
	__u16 *place = lana_at(pkt, at, sizeof(*place)), was, is = bpf_htons(segment);
	__u64 difference;

	if (!place)
		return;
	was = *place;
	if (bpf_ntohs(was) <= segment)
		return;
	*place = is;
	if ((at - transport) & 1) {
		was = __builtin_bswap16(was);
		is = __builtin_bswap16(is);
	}
	difference = lana_difference(&was, &is, sizeof(is));
	lana_amend_transport(pkt, transport + offsetof(struct tcphdr, check), difference, 0);
	counters->clamped++;
}

static __always_inline int mss_process(struct lana_pkt *pkt, const struct mss_config *config,
				       struct mss_counters *counters)
{
	struct lana_ip ip = {};
	__u8 bytes[2]; /* the header's length in words, and flags: behind the 12th byte */
	int version = 0;
	__u32 segment, at, end;

	if (lana_find_ip(pkt, &ip, &version) || ip.protocol != IPPROTO_TCP || ip.headless)
		return MSS_NEXT;
	if (lana_load(pkt, ip.transport + 12, bytes, sizeof(bytes)) || !(bytes[1] & 2))
		return MSS_NEXT;
	counters->syns++;
	segment = most(pkt, config, version);
	end = ip.transport + (bytes[0] >> 4) * 4;
	if (!segment || end > ip.end)
		return MSS_NEXT;
	at = find_option(pkt, ip.transport + sizeof(struct tcphdr), end);
	if (at)
		announce(pkt, ip.transport, at + 2, segment, counters);
	return MSS_NEXT;
}

LANA_BLOCK(mss);
