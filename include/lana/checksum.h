/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lana/checksum.h - the Internet checksum: make it, check it, and keep it right
 *
 * A sum (RFC 1071) is kept in 64 bits, words in the order in which they are in memory, so it needs
 * no carries until lana_fold(). A difference is a sum too: of what is new, and of the complement of
 * what was there.
 *
 * At tc a packet of the kernel's own, or one that came over a virtual device, may have a transport
 * checksum that is not finished (CHECKSUM_PARTIAL): in its place is the sum of the pseudo header,
 * and the device, or whoever reads the packet, does the rest. lana_is_unfinished() tells; only
 * lana_amend_transport() is right for both kinds. XDP is not told: there all are taken for
 * finished, so the sender's device must finish them ("ethtool -K DEV tx off"), or block checksum
 * must.
 */
#ifndef LANA_CHECKSUM_H
#define LANA_CHECKSUM_H

#include <lana/ip.h>

/* ---- sums ----------------------------------------------------------------------------------- */

/* A sum in 16 bits. A checksum is the complement of one; of what has a right checksum, 0xffff. */
static __always_inline __u16 lana_fold(__u64 sum)
{
	sum = (sum >> 32) + (__u32)sum;
	sum = (sum >> 32) + (__u32)sum;
	sum = (sum >> 16) + (sum & 0xffff);
	sum = (sum >> 16) + (sum & 0xffff);
	return sum + (sum >> 16);
}

/* The sum of size bytes in memory, or in the packet: a constant, even, and small. */
static __always_inline __u64 lana_sum_of(const void *bytes, __u32 size)
{
	__u64 sum = size % 4 ? *(const __u16 *)(bytes + size - 2) : 0;

#pragma clang loop unroll(full)
	for (__u32 i = 0; i + 4 <= size; i += 4)
		sum += *(const __u32 *)(bytes + i);
	return sum;
}

#define LANA_SUM_CHUNK 256 /* bytes of a packet that are looked at together */
#define LANA_SUM_MAX   0xffff

/* A walk over a packet. */
struct lana_summing {
	__u32 offset, left, sum;
};

/* Add what is left, less than a chunk, in words; the last one is filled up with 0. */
static __always_inline int lana_sum_rest(const struct lana_pkt *pkt, struct lana_summing *summing,
					 void *chunk)
{
	__u32 left = summing->left, words = left & (LANA_SUM_CHUNK - 4);
	__u32 offset = summing->offset + words;
	__u8 last[4] = {};

	asm volatile("" : "+r"(words)); /* the verifier must see what the compiler knows */
	if (words > 3 && words < LANA_SUM_CHUNK) {
		if (lana_load(pkt, summing->offset, chunk, words))
			return -1;
		summing->sum = bpf_csum_diff(NULL, 0, chunk, words, summing->sum);
	}
	if (left & 2 && lana_load(pkt, offset, last, 2))
		return -1;
	if (left & 2 && left & 1 && lana_load(pkt, offset + 2, last + 2, 1))
		return -1;
	if (!(left & 2) && left & 1 && lana_load(pkt, offset, last, 1))
		return -1;
	summing->sum = bpf_csum_diff(NULL, 0, (void *)last, sizeof(last), summing->sum);
	return 0;
}

static __always_inline int lana_sum_all(const struct lana_pkt *pkt, struct lana_summing *summing)
{
	__u64 chunk[LANA_SUM_CHUNK / sizeof(__u64)] = {};

#pragma clang loop unroll(disable)
	for (int i = 0; i < LANA_SUM_MAX / LANA_SUM_CHUNK && summing->left >= sizeof(chunk); i++) {
		if (lana_load(pkt, summing->offset, chunk, sizeof(chunk)))
			return -1;
		summing->sum = bpf_csum_diff(NULL, 0, (void *)chunk, sizeof(chunk), summing->sum);
		summing->offset += sizeof(chunk);
		summing->left -= sizeof(chunk);
	}
	return lana_sum_rest(pkt, summing, chunk);
}

/* Functions of their own: what they have on the stack is not on that of the block. */
static __noinline int lana_sum_xdp(void *context, struct lana_summing *summing)
{
	struct lana_pkt pkt = { context, LANA_XDP };

	return lana_sum_all(&pkt, summing);
}

static __noinline int lana_sum_tc(void *context, struct lana_summing *summing)
{
	struct lana_pkt pkt = { context, LANA_TC };

	return lana_sum_all(&pkt, summing);
}

/*
 * Add the length bytes of the packet at offset to *sum, wherever they are. Negative: the packet
 * ends before, or length exceeds LANA_SUM_MAX.
 */
static __always_inline int lana_sum(const struct lana_pkt *pkt, __u32 offset, __u32 length,
				    __u64 *sum)
{
	struct lana_summing summing = { .offset = offset, .left = length };
	int err;

	if (length > LANA_SUM_MAX)
		return -1;
	err = pkt->flavour == LANA_XDP ? lana_sum_xdp(pkt->ctx, &summing)
				       : lana_sum_tc(pkt->ctx, &summing);
	*sum += summing.sum;
	return err;
}

/* ---- pseudo headers ------------------------------------------------------------------------- */

/* RFC 9293, section 3.1. length: of transport header and data, in bytes. */
static __always_inline __u64 lana_sum_pseudo_ipv4(const struct iphdr *header, __u8 protocol,
						  __u32 length)
{
	return (__u64)header->saddr + header->daddr + bpf_htons(protocol) + bpf_htons(length);
}

/* RFC 8200, section 8.1. The protocol is that behind all extension headers. */
static __always_inline __u64 lana_sum_pseudo_ipv6(const struct ipv6hdr *header, __u8 protocol,
						  __u32 length)
{
	return lana_sum_of(&header->saddr, 2 * sizeof(header->saddr)) + bpf_htonl(protocol) +
	       bpf_htonl(length);
}

/* ---- changes (RFC 1624) --------------------------------------------------------------------- */

/* What a checksum has to take account of if size bytes (as above) are replaced. */
static __always_inline __u64 lana_difference(const void *from, const void *to, __u32 size)
{
	return lana_sum_of(to, size) + (__u16)~lana_fold(lana_sum_of(from, size));
}

/* Amend a checksum by a difference. For that of the IPv4 header, at XDP and at tc. */
static __always_inline void lana_amend(__u16 *check, __u64 difference)
{
	*check = ~lana_fold((__u16) ~*check + difference);
}

#ifndef BPF_F_IPV6
#define BPF_F_IPV6 (1ULL << 7) /* kernel 6.16 */
#endif

/*
 * Amend the transport checksum at offset by a difference. flags, as bpf_l4_csum_replace() has them:
 *
 *	BPF_F_PSEUDO_HDR     what was replaced is an address, or else part of the pseudo header
 *	BPF_F_MARK_MANGLED_0 of UDP: 0 says that there is no checksum, and stays; none becomes 0
 *	BPF_F_IPV6	     with BPF_F_PSEUDO_HDR: it is of IPv6
 *
 * Negative: the packet ends before.
 */
static __always_inline long lana_amend_transport(const struct lana_pkt *pkt, __u32 offset,
						 __u64 difference, __u64 flags)
{
	__u32 folded = lana_fold(difference);
	__u16 *check;

	if (pkt->flavour == LANA_TC) {
		long err = bpf_l4_csum_replace(lana_skb(pkt), offset, 0, folded, flags);

		/* Older kernels know no BPF_F_IPV6, and err where a device summed the packet. */
		if (err && flags & BPF_F_IPV6)
			err = bpf_l4_csum_replace(lana_skb(pkt), offset, 0, folded,
						  flags & ~BPF_F_IPV6);
		return err;
	}

	check = lana_at(pkt, offset, sizeof(*check));
	if (!check)
		return -1;
	if (flags & BPF_F_MARK_MANGLED_0 && !*check)
		return 0;
	lana_amend(check, folded);
	if (flags & BPF_F_MARK_MANGLED_0 && !*check)
		*check = 0xffff;
	return 0;
}

/*
 * At tc: is the packet's transport checksum yet to be finished? (A program cannot see it; but the
 * helper that amends checksums leaves those of such a packet alone where nothing of the pseudo
 * header has changed. So it is asked to amend some two bytes that all packets have, which is taken
 * back.) False at XDP.
 */
static __always_inline bool lana_is_unfinished(const struct lana_pkt *pkt)
{
	__u32 offset = __builtin_offsetof(struct ethhdr, h_proto);
	__u16 was, is;

	if (pkt->flavour == LANA_XDP || lana_load(pkt, offset, &was, sizeof(was)) ||
	    bpf_l4_csum_replace(lana_skb(pkt), offset, 0, bpf_htons(1), sizeof(was)) ||
	    lana_load(pkt, offset, &is, sizeof(is)))
		return false;
	if (is == was)
		return true;
	/* Not by lana_store(): the sum of a device, if there is one, did not follow either. */
	bpf_skb_store_bytes(lana_skb(pkt), offset, &was, sizeof(was), 0);
	return false;
}

/* ---- IPv4 headers --------------------------------------------------------------------------- */

/* The sum of the IPv4 header at offset, of ip: 0xffff when folded, if its checksum is right. */
static __always_inline __u64 lana_sum_ipv4(const struct lana_pkt *pkt, __u32 offset,
					   const struct iphdr *header, const struct lana_ip *ip)
{
	__u64 sum = lana_sum_of(header, sizeof(*header));
	__u32 at = offset + sizeof(*header), word;

#pragma clang loop unroll(disable)
	for (int i = 0; i < 10 && at < ip->transport; i++, at += sizeof(word))
		if (!lana_load(pkt, at, &word, sizeof(word)))
			sum += word;
	return sum;
}

#endif
