// SPDX-License-Identifier: GPL-2.0-only
/*
 * arp - answer ARP requests for an IPv4 address, or for a prefix (RFC 826, 1027)
 *
 * in          anything over Ethernet
 * out next    on the other path: the reply, to leave by where the request came from
 * out other   all else, and requests for other addresses
 * config      address=ADDRESS: that is answered for (0.0.0.0: none)
 *             length=0..32: of the prefix that is answered for (0: the address alone)
 *             mac=MAC: that it has (0: that of the hooked device by which the request came)
 * counters    none
 * state       none
 * see also    ndisc, echo, transmit
 */
#include <lana/address.h>
#include <lana/route.h>

struct arp_config {
	struct lana_ip4 address;
	__u8 length LANA_RANGE(0, 32);
	struct lana_mac mac;
};

struct arp_counters {
};

enum arp_port { ARP_NEXT, ARP_OTHER };

/* RFC 826, of Ethernet and IPv4. */
struct arp_packet {
	__be16 hardware, protocol;
	__u8 hardware_length, protocol_length;
	__be16 operation;
	__u8 source_mac[ETH_ALEN];
	__u8 source[4];
	__u8 target_mac[ETH_ALEN];
	__u8 target[4];
} __attribute__((packed));

#define HARDWARE_ETHERNET 1

enum { ARP_REQUEST = 1, ARP_REPLY };

static __always_inline bool is_set(const struct lana_mac *mac)
{
	return mac->bytes[0] | mac->bytes[1] | mac->bytes[2] | mac->bytes[3] | mac->bytes[4] |
	       mac->bytes[5];
}

static __always_inline __u32 load(const __u8 address[4])
{
	return (__u32)address[0] << 24 | address[1] << 16 | address[2] << 8 | address[3];
}

/* Also one that asks who else has the address that it has; not one that says it has ours. */
static __always_inline bool is_wanted(const struct arp_packet *arp, const struct arp_config *config)
{
	__u32 address = bpf_ntohl(config->address.word), target = load(arp->target);
	__u8 length = config->length && config->length < 32 ? config->length : 32;

	return arp->hardware == bpf_htons(HARDWARE_ETHERNET) &&
	       arp->protocol == bpf_htons(ETH_P_IP) && arp->hardware_length == ETH_ALEN &&
	       arp->protocol_length == sizeof(arp->target) &&
	       arp->operation == bpf_htons(ARP_REQUEST) && address &&
	       !((target ^ address) >> (32 - length)) && load(arp->source) != target;
}

static __always_inline int arp_process(struct lana_pkt *pkt, const struct arp_config *config,
				       struct arp_counters *counters)
{
	struct ethhdr *eth = lana_header(pkt, 0, sizeof(*eth) + sizeof(struct arp_packet));
	struct arp_packet *arp;
	__u8 target[4];

	if (!eth)
		return lana_eth(pkt) ? ARP_OTHER : -LANA_DROP_SHORT;
	arp = (void *)(eth + 1);
	if (eth->h_proto != bpf_htons(ETH_P_ARP) || !is_wanted(arp, config))
		return ARP_OTHER;

	__builtin_memcpy(eth->h_source, arp->source_mac, ETH_ALEN);
	lana_turn_round(pkt, eth);
	if (is_set(&config->mac))
		__builtin_memcpy(eth->h_source, &config->mac, ETH_ALEN);
	arp->operation = bpf_htons(ARP_REPLY);
	__builtin_memcpy(target, arp->target, sizeof(target));
	__builtin_memcpy(arp->target_mac, arp->source_mac, ETH_ALEN + sizeof(arp->target));
	__builtin_memcpy(arp->source_mac, eth->h_source, ETH_ALEN);
	__builtin_memcpy(arp->source, target, sizeof(target));
	return LANA_TURN + ARP_NEXT;
}

LANA_TURNING_BLOCK(arp);
