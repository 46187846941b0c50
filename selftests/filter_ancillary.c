// SPDX-License-Identifier: GPL-2.0-only
#include <sched.h>
#include <string.h>

#include <linux/if_ether.h>
#include <linux/if_packet.h>

#include "filter_ancillary.h"

static __u32 protocol_of(const unsigned char *bytes)
{
	__u16 type = bytes[12] << 8 | bytes[13];

	if (type >= ETH_P_802_3_MIN)
		return type;
	return bytes[14] == 0xff && bytes[15] == 0xff ? ETH_P_802_3 : ETH_P_802_2;
}

/* The loopback device has no broadcast address. */
static __u32 packet_type_of(const unsigned char *bytes)
{
	return bytes[0] & 1 ? PACKET_MULTICAST : PACKET_OTHERHOST;
}

void filter_ancillary(enum lana_flavour flavour, const unsigned char *bytes,
		      uint32_t ancillary[SKF_AD_MAX / 4])
{
	memset(ancillary, 0, SKF_AD_MAX / 4 * sizeof(*ancillary));
	ancillary[SKF_AD_MARK / 4] = FILTER_MARK;
	ancillary[SKF_AD_CPU / 4] = sched_getcpu();
	ancillary[SKF_AD_IFINDEX / 4] = 1; /* test runs are on the loopback device */
	if (flavour == LANA_XDP)
		return;
	ancillary[SKF_AD_PROTOCOL / 4] = protocol_of(bytes);
	ancillary[SKF_AD_PKTTYPE / 4] = packet_type_of(bytes);
	ancillary[SKF_AD_QUEUE / 4] = FILTER_QUEUE;
	ancillary[SKF_AD_RXHASH / 4] = FILTER_HASH;
	ancillary[SKF_AD_VLAN_TAG / 4] = FILTER_VLAN_TCI;
	ancillary[SKF_AD_VLAN_TAG_PRESENT / 4] = 1;
	ancillary[SKF_AD_VLAN_TPID / 4] = FILTER_VLAN_TPID;
}
