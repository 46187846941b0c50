// SPDX-License-Identifier: GPL-2.0-only
/*
 * vlink - the two programs of tagged virtual links
 *
 *	NAME ═══ other end ── vlink_push ──▶ carrier
 *	NAME ═══ other end ◀── vlink_pop ─── carrier
 *
 * A frame on the carrier is destination, source, 0xAC00 | ID, and then the frame that NAME sees
 * from its type on: two bytes more. Both programs stand at tc ingress, push of the other end of
 * the veth pair that NAME is, pop of the carrier. Neither touches what the kernel knows of a frame
 * besides: segments and checksums that are left to a card stay so.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <linux/types.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include <maps/vlinks.h>

#define ADDRESSES   12
#define ETHER_VLAN  0x8100
#define STACKED_MAX 8 /* VLAN tags in a frame */

#define BARE_SIZE   (ADDRESSES + LANA_VLINK_TAG)

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct lana_vlinks);
} lana_vlinks SEC(".maps");

const volatile __u32 vlink_carrier; /* ifindex */
const volatile __u8 vlink_id;

static __always_inline int lose(struct lana_vlinks *vlinks, __u8 id)
{
	__sync_fetch_and_add(&vlinks->lost[id], 1);
	return TC_ACT_SHOT;
}

/* A VLAN tag as it is in a frame. */
struct vlan {
	__be16 type, tci;
};

struct tagged {
	__u8 addresses[ADDRESSES];
	__be16 type;
	struct vlan vlans[STACKED_MAX];
} __attribute__((packed));

/*
 * The kernel has taken the outermost VLAN tag out of the frame, and takes the next one if that is
 * popped: they are put back behind the link's own.
 */
SEC("tc")
int vlink_push(struct __sk_buff *skb)
{
	struct tagged header = { .type = bpf_htons(LANA_VLINK_TYPE | vlink_id) };
	struct lana_vlinks *vlinks;
	__u32 zero = 0, size = BARE_SIZE;

	vlinks = bpf_map_lookup_elem(&lana_vlinks, &zero);
	if (!vlinks)
		return TC_ACT_SHOT;
	if (bpf_skb_load_bytes(skb, 0, header.addresses, ADDRESSES))
		return lose(vlinks, vlink_id);

#pragma unroll
	for (int i = 0; i < STACKED_MAX; i++) {
		if (!skb->vlan_present)
			break;
		header.vlans[i].type = skb->vlan_proto;
		header.vlans[i].tci = bpf_htons(skb->vlan_tci);
		size += sizeof(struct vlan);
		if (bpf_skb_vlan_pop(skb))
			return lose(vlinks, vlink_id);
	}
	if (skb->vlan_present || bpf_skb_change_head(skb, size - ADDRESSES, 0) ||
	    bpf_skb_store_bytes(skb, 0, &header, size, BPF_F_RECOMPUTE_CSUM))
		return lose(vlinks, vlink_id);
	return bpf_redirect(vlink_carrier, 0);
}

/*
 * No helper takes two bytes out of a frame that is not IP. So VLAN tags are put in, one of which
 * goes into the frame, two bytes are added, and these eight bytes and the link's tag become two
 * VLAN tags, which can be popped; that sets the frame's protocol right, too. The last pop takes a
 * VLAN tag of the link's own frame out, as the kernel expects it.
 */
SEC("tc")
int vlink_pop(struct __sk_buff *skb)
{
	struct {
		__u8 addresses[ADDRESSES];
		struct vlan vlans[2];
		__be16 type;
	} __attribute__((packed)) header;
	__u16 tag = bpf_ntohs(skb->protocol);
	__u8 id = tag;
	struct lana_vlinks *vlinks;
	__u32 zero = 0, end;

	if ((tag & 0xff00) != LANA_VLINK_TYPE || skb->vlan_present)
		return TC_ACT_UNSPEC;
	vlinks = bpf_map_lookup_elem(&lana_vlinks, &zero);
	if (!vlinks)
		return TC_ACT_UNSPEC;
	end = vlinks->ends[id];
	if (!end || bpf_skb_load_bytes(skb, 0, header.addresses, ADDRESSES) ||
	    bpf_skb_load_bytes(skb, ADDRESSES + LANA_VLINK_TAG, &header.type, sizeof(header.type)))
		return TC_ACT_UNSPEC;

	for (int i = 0; i < 2; i++)
		header.vlans[i] = (struct vlan){ .type = bpf_htons(ETHER_VLAN) };
	if (bpf_skb_vlan_push(skb, bpf_htons(ETHER_VLAN), 0) ||
	    bpf_skb_vlan_push(skb, bpf_htons(ETHER_VLAN), 0) || bpf_skb_change_head(skb, 2, 0) ||
	    bpf_skb_store_bytes(skb, 0, &header, sizeof(header), BPF_F_RECOMPUTE_CSUM) ||
	    bpf_skb_vlan_pop(skb) || bpf_skb_vlan_pop(skb) || bpf_skb_vlan_pop(skb))
		return lose(vlinks, id);
	return bpf_redirect(end, 0);
}

char _license[] SEC("license") = "GPL";
