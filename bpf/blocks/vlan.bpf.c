// SPDX-License-Identifier: GPL-2.0-only
/*
 * vlan - put a VLAN tag on, take it off, or divide packets by it
 *
 * It is about the outermost tag. At XDP that is in the packet: a tag that the device has taken out
 * is not seen ("ethtool -K DEV rxvlan off" leaves it in; on a veth "txvlan off" at the other end,
 * and "tx-vlan-stag-hw-insert off" for a provider's tags). At tc the kernel holds it beside the
 * packet, where other blocks do not see it.
 *
 * in          Ethernet
 * out next    push: tagged; pop: the tag is off; match: it has such a tag
 * out other   pop, match: it has no such tag; unchanged
 * config      mode=match|push|pop
 *             id=0..4095: number of the VLAN (0: match and pop any, push a tag of priority alone)
 *             pcp=0..7: priority in the tag that is pushed
 *             service=on|off: the tag is a provider's (802.1ad, 0x88a8), not a customer's (802.1Q)
 * counters    none
 * state       none
 * see also    ethertype
 */
#include <lana/packet.h>

enum vlan_mode { match, push, pop };

struct vlan_config {
	enum vlan_mode mode;
	__u16 id LANA_RANGE(0, 4095);
	__u8 pcp LANA_RANGE(0, 7);
	_Bool service;
};

struct vlan_counters {
};

enum vlan_port { VLAN_NEXT, VLAN_OTHER };

static __always_inline bool has_tag(struct lana_pkt *pkt, const struct vlan_config *config,
				    __be16 protocol)
{
	__u16 id = config->id & LANA_TAG_NUMBER;
	struct lana_tag tag;

	if (!lana_find_tag(pkt, &tag) || tag.protocol != protocol)
		return false;
	return !id || (tag.control & bpf_htons(LANA_TAG_NUMBER)) == bpf_htons(id);
}

static __always_inline int vlan_process(struct lana_pkt *pkt, const struct vlan_config *config,
					struct vlan_counters *counters)
{
	__be16 protocol = config->service ? bpf_htons(ETH_P_8021AD) : bpf_htons(ETH_P_8021Q);

	if (config->mode == push) {
		__u16 control = config->pcp << LANA_TAG_PRIORITY | (config->id & LANA_TAG_NUMBER);
		struct lana_tag tag = { protocol, bpf_htons(control) };

		return lana_push_tag(pkt, tag) ? -LANA_DROP_NO_MEMORY : VLAN_NEXT;
	}
	if (!has_tag(pkt, config, protocol))
		return VLAN_OTHER;
	if (config->mode == pop && lana_pop_tag(pkt))
		return -LANA_DROP_NO_MEMORY;
	return VLAN_NEXT;
}

LANA_BLOCK(vlan);
