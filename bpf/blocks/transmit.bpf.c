// SPDX-License-Identifier: GPL-2.0-only
/*
 * transmit - send a packet by the device that a route, or an answer, has chosen for it
 *
 * The source MAC address becomes that of the device. Where the device's own block is all that is
 * wanted, bind that instead.
 *
 * in          Ethernet, the device chosen by route, arp, ndisc, echo or icmp_error, or by the
 *             kernel, if it is what sends it (tc egress)
 * out         none: it is sent. Dropped: "no_device", nobody has chosen or the device has gone
 * config      neighbours=known|kernel: the target MAC address is the neighbour's already; or the
 *             kernel finds it by the device, and asks for it if it has to, as for its own packets.
 *             That is for what leaves a route by up on its way out, where no kernel would take it
 *             over; of IPv4 and IPv6, and at tc alone (XDP: dropped, "protocol").
 *             What belongs to a TCP connection of this host does not wait there: it is dropped
 *             ("policy"), as TCP sends it again, but not before it has gone
 * counters    none
 * state       none
 * see also    route, device
 */
#include <linux/in.h>
#include <linux/pkt_cls.h>

#include <lana/block.h>
#include <lana/route.h>

enum transmit_neighbours { known, kernel };

struct transmit_config {
	enum transmit_neighbours neighbours;
};

struct transmit_counters {
};

/* On its way out of a device, and nobody but the kernel has said which. */
static __always_inline bool is_the_kernels(const struct lana_pkt *pkt)
{
	return pkt->flavour == LANA_TC && lana_skb(pkt)->cb[LANA_CB_HOOK] == LANA_CB_EGRESS &&
	       !lana_route(pkt);
}

static __always_inline int send_skb(struct __sk_buff *skb, const struct lana_device_facts *facts)
{
	/* Already on its way out of this very device: sending it again would come back here. */
	if (skb->cb[LANA_CB_HOOK] == LANA_CB_EGRESS && skb->ifindex == facts->ifindex)
		return LANA_PASS;
	if (facts->tc)
		skb->tc_index = LANA_TC_SENT;
	bpf_redirect(facts->ifindex, 0);
	return LANA_SENT;
}

/*
 * Of a connection of this host. TCP would not send it again, by another path say, as long as it
 * waits for the neighbour, which may be for seconds.
 */
static __always_inline bool is_resent(const struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;

	sk = sk ? bpf_sk_fullsock(sk) : NULL;
	return sk && sk->protocol == IPPROTO_TCP && sk->state == BPF_TCP_ESTABLISHED;
}

static __always_inline int send_to_neighbour(struct __sk_buff *skb,
					     const struct lana_device_facts *facts)
{
	if (is_resent(skb))
		return -LANA_DROP_POLICY;
	if (facts->tc)
		skb->tc_index = LANA_TC_SENT;
	if (bpf_redirect_neigh(facts->ifindex, NULL, 0, 0) != TC_ACT_REDIRECT)
		return -LANA_DROP_NO_DEVICE;
	return LANA_SENT;
}

static __always_inline int transmit_process(struct lana_pkt *pkt,
					    const struct transmit_config *config,
					    struct transmit_counters *counters)
{
	__u32 slot = LANA_ROUTE_SLOT(lana_route(pkt));
	struct lana_device_facts *facts = bpf_map_lookup_elem(&lana_facts, &slot);
	struct ethhdr *eth = lana_eth(pkt);

	if (is_the_kernels(pkt))
		return LANA_PASS;
	if (!facts || !facts->ifindex)
		return -LANA_DROP_NO_DEVICE;
	if (config->neighbours == kernel)
		return pkt->flavour == LANA_TC ? send_to_neighbour(lana_skb(pkt), facts)
					       : -LANA_DROP_PROTOCOL;
	if (!eth)
		return -LANA_DROP_SHORT;
	__builtin_memcpy(eth->h_source, facts->mac, ETH_ALEN);

	if (pkt->flavour == LANA_TC)
		return send_skb(lana_skb(pkt), facts);
	if (bpf_redirect_map(&lana_devices_xdp, slot, 0) != XDP_REDIRECT)
		return -LANA_DROP_NO_DEVICE;
	return LANA_SENT;
}

LANA_BLOCK(transmit);
