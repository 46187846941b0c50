// SPDX-License-Identifier: GPL-2.0-only
/*
 * crypt_hand - what block crypt asks the kernel's cipher for, and no more, in a program of its own
 *
 * Three calls a packet: the initialization vector, what is encrypted, the tag. The packet is taken
 * out and put back, longer; nothing is looked at, numbered or counted.
 */
#include <linux/bpf.h>

#include <lana/crypt.h>

#define BLOCK  LANA_CRYPT_BLOCK
#define ROOM   2048
#define HEADER 16

struct scratch {
	__u8 ethernet[BLOCK], header[HEADER], body[ROOM], sums[ROOM], iv[BLOCK], zero[BLOCK];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct scratch);
} scratch SEC(".maps");

static __always_inline int cbc(struct bpf_crypto_ctx *ctx, void *from, void *to, __u32 size,
			       void *iv)
{
	struct bpf_dynptr source, target, start;

	if (!ctx || bpf_dynptr_from_mem(from, size, 0, &source) ||
	    bpf_dynptr_from_mem(to, size, 0, &target) || bpf_dynptr_from_mem(iv, BLOCK, 0, &start))
		return -1;
	return bpf_crypto_encrypt(ctx, &source, &target, &start);
}

SEC("xdp.frags")
int crypt_hand(struct xdp_md *xdp)
{
	__u32 zero = 0, length = xdp->data_end - xdp->data, size;
	struct scratch *s = bpf_map_lookup_elem(&scratch, &zero);
	struct lana_key *key = bpf_map_lookup_elem(&lana_keys, &zero);

	if (!s || !key || length <= BLOCK || length > ROOM - 4 * BLOCK ||
	    bpf_xdp_load_bytes(xdp, 0, s->body, length))
		return XDP_PASS;
	size = (length + BLOCK - 1) & ~(BLOCK - 1);
	if (!size || size > ROOM - 3 * BLOCK || cbc(key->iv, s->header, s->iv, BLOCK, s->zero) ||
	    cbc(key->encrypt, s->body, s->body, size, s->iv) ||
	    cbc(key->mac, s->header, s->sums, HEADER + size, s->zero))
		return XDP_PASS;
	if (bpf_xdp_adjust_head(xdp, (int)(length - size - 3 * BLOCK)) ||
	    bpf_xdp_store_bytes(xdp, 0, s->ethernet, size + 3 * BLOCK))
		return XDP_PASS;
	return XDP_DROP;
}

char _license[] SEC("license") = "GPL";
