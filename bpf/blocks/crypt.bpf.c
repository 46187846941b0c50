// SPDX-License-Identifier: GPL-2.0-only
/*
 * crypt - encrypt frames and authenticate them, and take in what the other end has encrypted
 *
 * Everything behind the addresses is encrypted by AES-CBC; a tag (CBC-MAC) covers that and a header
 * with a sequence number, so that packets that were changed, made up or recorded are told from
 * those of the other end (docs/crypt.md has the format, and what it does not protect from). A frame
 * becomes 32 to 47 bytes longer, in steps of 16: the most that fits into 1500 bytes is an IP packet
 * of 1454. Needs the kernel's crypto for BPF (6.10, CONFIG_CRYPTO, AES).
 *
 * in          Ethernet; one with a VLAN tag is dropped ("protocol"), as is a packet that is too
 *             long or not in a state to be encrypted ("policy", see counters), or any while there
 *             is no key ("policy")
 * out next    encrypted, of Ethernet type 0x88b5; or decrypted, the frame as it was
 * out clear   arrived unencrypted; unchanged
 * out bad     unchanged: changed on its way, made up, cut, or encrypted by another key
 * out replayed  unchanged: it has arrived before, or is too old to tell
 * config      mode=link|encrypt|decrypt (link: what is sent, on egress, is encrypted, and what is
 *             received decrypted)
 *             key=FILE: 32 random bytes that only root may read; the same file at the other end
 *             also=FILE: another key that packets which arrive may be encrypted by
 *             side=a|b: which end of the link this is; the other one is the other
 * counters    encrypted, decrypted: packets
 *             unfinished: dropped, the kernel has left a checksum to the device (tc)
 *             oversized: dropped, super-segments (tc) and frames of more than 9,216 bytes
 *             keyless: dropped, there is no key
 *             forged: of bad, those whose tag is wrong
 *             unknown: of bad, those of a key or a version that this end does not have
 *             own: of bad, those sent by this end, or one of the same side
 *             malformed: of bad, those whose length is wrong
 *             replayed: of replayed, all
 * state       the next sequence number; those received, the last 1,984; both survive replace and
 *             set, also of keys
 * see also    encap, checksum, docs/crypt.md
 *
 * The kernel's own TCP leaves checksums to the device behind tc egress, and super-segments: let it
 * send by a veth with "tx off", whose other end this block stands behind (examples/link.sh).
 */
#include <lana/crypt.h>
#include <lana/checksum.h>
#include <lana/packet.h>

#define ADDRESSES (2 * ETH_ALEN)
#define BLOCK	  LANA_CRYPT_BLOCK
#define OVERHEAD  (sizeof(struct lana_crypt_header) + BLOCK)

enum crypt_mode { link, encrypt, decrypt };

struct crypt_config {
	enum crypt_mode mode;
	enum lana_crypt_side side;
	struct lana_key_file key;
	struct lana_key_file also;
};

struct crypt_counters {
	__u64 encrypted;
	__u64 decrypted;
	__u64 unfinished;
	__u64 oversized;
	__u64 keyless;
	__u64 forged;
	__u64 unknown;
	__u64 own;
	__u64 malformed;
	__u64 replayed;
};

enum crypt_port { CRYPT_NEXT, CRYPT_CLEAR, CRYPT_BAD, CRYPT_REPLAYED };

/* Where a packet is worked on: in one piece, whatever pieces it comes in. */
struct crypt_scratch {
	__u8 space[2];
	__u8 addresses[ADDRESSES]; /* from here on it is put into the packet */
	__be16 type;
	struct lana_crypt_header header;
	__u8 body[LANA_CRYPT_MAX + 2 * BLOCK]; /* and the tag behind it */
	__u8 sums[sizeof(struct lana_crypt_header) + LANA_CRYPT_MAX + BLOCK];
	__u8 iv[BLOCK], zero[BLOCK];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct crypt_scratch);
} scratch SEC(".maps");

_Static_assert(__builtin_offsetof(struct crypt_scratch, header) ==
		       __builtin_offsetof(struct crypt_scratch, addresses) + ETH_HLEN,
	       "all headers are put into the packet together");

/* A number that the compiler knows the bounds of, and the verifier shall. */
#define BOUND(number, most)                          \
	({                                           \
		asm volatile("" : "+r"(number));     \
		if (number > (most))                 \
			return -LANA_DROP_NO_MEMORY; \
	})

/* Bytes of whole blocks. */
static __always_inline __u64 round_up(__u64 length)
{
	return (length + BLOCK - 1) & ~(__u64)(BLOCK - 1);
}

/* ---- the cipher ---------------------------------------------------------------------------- */

/* The verifier keeps helpers from writing where it is, until something else has been there. */
static __always_inline void forget(struct bpf_dynptr *dynptr)
{
	__builtin_memset(dynptr, 0, sizeof(*dynptr));
	asm volatile("" : : "r"(dynptr) : "memory");
}

/* CBC of size bytes from one place to another, or in place; iv is overwritten. */
static __always_inline int cbc(struct bpf_crypto_ctx *ctx, void *from, void *to, __u32 size,
			       void *iv, bool back)
{
	struct bpf_dynptr source, target, start;
	int err;

	if (!ctx || bpf_dynptr_from_mem(from, size, 0, &source) ||
	    bpf_dynptr_from_mem(to, size, 0, &target) || bpf_dynptr_from_mem(iv, BLOCK, 0, &start))
		return -1;
	err = back ? bpf_crypto_decrypt(ctx, &source, &target, &start)
		   : bpf_crypto_encrypt(ctx, &source, &target, &start);
	forget(&source);
	forget(&target);
	forget(&start);
	return err;
}

static __always_inline void clear(void *place)
{
	__u64 *words = place;

	words[0] = words[1] = 0;
}

/* The initialization vector: the header, encrypted (NIST SP 800-38A, appendix C). */
static __always_inline int make_iv(struct lana_key *key, struct crypt_scratch *s)
{
	__builtin_memcpy(s->iv, &s->header, BLOCK);
	clear(s->zero);
	return cbc(key->iv, s->iv, s->iv, BLOCK, s->zero, false);
}

/* CBC-MAC of header and body; it is in the last block of sums then. */
static __always_inline int make_tag(struct lana_key *key, struct crypt_scratch *s, __u32 size)
{
	clear(s->zero);
	return cbc(key->mac, &s->header, s->sums, sizeof(s->header) + size, s->zero, false);
}

/* ---- sending -------------------------------------------------------------------------------- */

static __always_inline void fill_header(struct crypt_scratch *s, const struct lana_key *key,
					enum lana_crypt_side side, __u32 length,
					struct lana_crypt_numbers *numbers)
{
	s->type = bpf_htons(LANA_CRYPT_TYPE);
	s->header.version = LANA_CRYPT_VERSION << 4 | (side & 1);
	s->header.key = key->fingerprint; /* the first byte of it */
	s->header.length = bpf_htons(length);
	s->header.salt = numbers->salt;
	s->header.number = bpf_cpu_to_be64(__sync_fetch_and_add(&numbers->next, 1));
}

/* The packet goes into addresses and body, with zeros up to the last block's end. */
static __always_inline int fetch(const struct lana_pkt *pkt, struct crypt_scratch *s, __u64 length)
{
	__u64 last = (length - 1) & ~(__u64)(BLOCK - 1);

	BOUND(last, LANA_CRYPT_MAX);
	clear(s->body + last);
	BOUND(length, LANA_CRYPT_MAX);
	if (!length || lana_load(pkt, 0, s->addresses, ADDRESSES) ||
	    lana_load(pkt, ADDRESSES, s->body, length))
		return -LANA_DROP_MALFORMED;
	return 0;
}

static __always_inline int seal(struct lana_key *key, struct crypt_scratch *s, __u64 size)
{
	BOUND(size, LANA_CRYPT_MAX);
	if (make_iv(key, s) || cbc(key->encrypt, s->body, s->body, size, s->iv, false) ||
	    make_tag(key, s, size))
		return -LANA_DROP_NO_MEMORY;
	BOUND(size, LANA_CRYPT_MAX);
	__builtin_memcpy(s->body + size, s->sums + size, BLOCK);
	return 0;
}

/* Buffers of XDP have room in front; that behind, of a veth for one, may be just the packet's. */
static __always_inline long grow(const struct lana_pkt *pkt, __u32 length)
{
	if (pkt->flavour == LANA_XDP)
		return bpf_xdp_adjust_head(lana_xdp(pkt), (int)(lana_len(pkt) - length));
	return lana_resize(pkt, length);
}

/*
 * Have the kernel's note of the protocol (tc) be what the packet says: it looks there when it takes
 * a VLAN tag out of a packet.
 */
static __always_inline int note_type(const struct lana_pkt *pkt)
{
	struct __sk_buff *skb = lana_skb(pkt);

	if (pkt->flavour == LANA_XDP)
		return 0;
	if (bpf_skb_vlan_push(skb, bpf_htons(ETH_P_8021Q), 0) ||
	    bpf_skb_vlan_push(skb, bpf_htons(ETH_P_8021Q), 0) || bpf_skb_vlan_pop(skb) ||
	    bpf_skb_vlan_pop(skb))
		return -LANA_DROP_NO_MEMORY;
	return 0;
}

/* Tc has packets that are not what will be on the wire. */
static __always_inline int check_state(const struct lana_pkt *pkt, __u64 length,
				       struct crypt_counters *counters)
{
	if (length > LANA_CRYPT_MAX || (pkt->flavour == LANA_TC && lana_skb(pkt)->gso_size)) {
		counters->oversized++;
		return -LANA_DROP_POLICY;
	}
	if (lana_is_unfinished(pkt)) {
		counters->unfinished++;
		return -LANA_DROP_POLICY;
	}
	return 0;
}

static __always_inline int send(const struct lana_pkt *pkt, struct crypt_scratch *s,
				struct lana_crypt_numbers *numbers,
				const struct crypt_config *config, struct crypt_counters *counters)
{
	__u32 place = config->side & 1;
	struct lana_key *key = bpf_map_lookup_elem(&lana_keys, &place);
	__u64 length = lana_len(pkt) - ADDRESSES, size = round_up(length);
	int err;

	if (!key || !key->encrypt) {
		counters->keyless++;
		return -LANA_DROP_POLICY;
	}
	err = check_state(pkt, length, counters);
	if (err)
		return err;
	err = fetch(pkt, s, length);
	if (err)
		return err;
	fill_header(s, key, config->side, length, numbers);
	err = seal(key, s, size);
	if (err)
		return err;
	size += ETH_HLEN + OVERHEAD;
	if (grow(pkt, size))
		return -LANA_DROP_NO_MEMORY;
	BOUND(size, LANA_CRYPT_MAX + ETH_HLEN + OVERHEAD);
	if (lana_store(pkt, 0, s->addresses, size))
		return -LANA_DROP_NO_MEMORY;
	err = note_type(pkt);
	if (err)
		return err;
	counters->encrypted++;
	return CRYPT_NEXT;
}

/* ---- receiving ------------------------------------------------------------------------------ */

/*
 * Is it a number that has not come before? From now on it has. The window of RFC 6479: words are
 * cleared as the newest number moves on.
 */
static __always_inline bool is_fresh(struct lana_crypt_numbers *numbers, __u64 number)
{
	__u64 bit = 1ULL << (number % 64), word = number / 64, steps;
	bool fresh = false;

	bpf_spin_lock(&numbers->lock);
	if (number > numbers->newest) {
		steps = word - numbers->newest / 64;
		for (__u32 i = 0; i < LANA_CRYPT_WORDS && i < steps; i++)
			numbers->seen[(word - i) % LANA_CRYPT_WORDS] = 0;
		numbers->newest = number;
		fresh = true;
	} else if (numbers->newest / 64 - word < LANA_CRYPT_WORDS) {
		fresh = !(numbers->seen[word % LANA_CRYPT_WORDS] & bit);
	}
	if (fresh)
		numbers->seen[word % LANA_CRYPT_WORDS] |= bit;
	bpf_spin_unlock(&numbers->lock);
	return fresh;
}

/* The key that a packet says it is encrypted by, of those of the other side; NULL: none here. */
static __always_inline struct lana_key *find_key(__u8 id, enum lana_crypt_side side)
{
	__u32 place = !(side & 1);
	struct lana_key *key = bpf_map_lookup_elem(&lana_keys, &place);

	if (key && key->mac && (__u8)key->fingerprint == id)
		return key;
	place += 2;
	key = bpf_map_lookup_elem(&lana_keys, &place);
	return key && key->mac && (__u8)key->fingerprint == id ? key : NULL;
}

/* All words are looked at, whichever differ. */
static __always_inline bool tags_differ(const void *one, const void *other)
{
	const __u64 *a = one, *b = other;

	return (a[0] ^ b[0]) | (a[1] ^ b[1]);
}

/* What fills the last block is zeros. size: of the blocks, of which length bytes are used. */
static __always_inline bool is_filled(const struct crypt_scratch *s, __u64 length, __u64 size)
{
	__u8 rest = 0;

	for (__u64 i = 0; i < BLOCK; i++) {
		__u64 at = size - BLOCK + i;

		asm volatile("" : "+r"(at));
		if (at >= LANA_CRYPT_MAX)
			return false;
		rest |= at >= length ? s->body[at] : 0;
	}
	return !rest;
}

/*
 * What is to go at XDP goes from the front: where generic XDP has cut a packet's end the kernel
 * takes it to be 14 bytes further on, and what it appends to the packet (TCP, receiving) is lost.
 */
static __always_inline int put_behind(const struct lana_pkt *pkt, struct crypt_scratch *s,
				      __u64 length)
{
	__u64 front = lana_len(pkt) - ADDRESSES - length;

	BOUND(front, sizeof(s->type) + OVERHEAD + BLOCK - 1);
	if (lana_load(pkt, 0, s->addresses, ADDRESSES) ||
	    lana_store(pkt, front, s->addresses, ADDRESSES))
		return -LANA_DROP_NO_MEMORY;
	BOUND(length, LANA_CRYPT_MAX);
	if (!length || lana_store(pkt, front + ADDRESSES, s->body, length) ||
	    bpf_xdp_adjust_head(lana_xdp(pkt), (int)front))
		return -LANA_DROP_NO_MEMORY;
	return 0;
}

static __always_inline int put_back(const struct lana_pkt *pkt, struct crypt_scratch *s,
				    __u64 length)
{
	if (pkt->flavour == LANA_XDP)
		return put_behind(pkt, s, length);
	BOUND(length, LANA_CRYPT_MAX);
	if (!length || lana_store(pkt, ADDRESSES, s->body, length) ||
	    lana_resize(pkt, ADDRESSES + length))
		return -LANA_DROP_NO_MEMORY;
	/* What a device has verified was something else. */
	bpf_csum_level(lana_skb(pkt), BPF_CSUM_LEVEL_RESET);
	return note_type(pkt);
}

/* All that can be told of a packet without its tag; then what is behind the header is in body. */
static __always_inline int open_header(const struct lana_pkt *pkt, struct crypt_scratch *s,
				       __u64 size, enum lana_crypt_side side, struct lana_key **key,
				       struct crypt_counters *counters)
{
	__u64 all = size + OVERHEAD, length;

	if (size < BLOCK || size > LANA_CRYPT_MAX || size % BLOCK) {
		counters->malformed++;
		return CRYPT_BAD;
	}
	BOUND(all, LANA_CRYPT_MAX + OVERHEAD);
	if (!all || lana_load(pkt, ETH_HLEN, &s->header, all))
		return -LANA_DROP_MALFORMED;
	length = bpf_ntohs(s->header.length);
	if (s->header.version >> 4 != LANA_CRYPT_VERSION) {
		counters->unknown++;
		return CRYPT_BAD;
	}
	if (length < sizeof(__be16) || round_up(length) != size || s->header.version & 0x0e) {
		counters->malformed++;
		return CRYPT_BAD;
	}
	if ((s->header.version & 1) == (side & 1)) {
		counters->own++;
		return CRYPT_BAD;
	}
	*key = find_key(s->header.key, side);
	if (!*key) {
		counters->unknown++;
		return CRYPT_BAD;
	}
	return CRYPT_NEXT;
}

static __always_inline int receive(const struct lana_pkt *pkt, struct crypt_scratch *s,
				   struct lana_crypt_numbers *numbers,
				   const struct crypt_config *config,
				   struct crypt_counters *counters)
{
	struct ethhdr *eth = lana_eth(pkt);
	__u64 size = lana_len(pkt) - ETH_HLEN - OVERHEAD, length;
	struct lana_key *key = NULL;
	int err;

	if (!eth)
		return -LANA_DROP_SHORT;
	if (eth->h_proto != bpf_htons(LANA_CRYPT_TYPE))
		return CRYPT_CLEAR;
	err = open_header(pkt, s, size, config->side, &key, counters);
	if (err || !key)
		return err;
	BOUND(size, LANA_CRYPT_MAX);
	if (make_tag(key, s, size))
		return -LANA_DROP_NO_MEMORY;
	BOUND(size, LANA_CRYPT_MAX);
	if (tags_differ(s->sums + size, s->body + size)) {
		counters->forged++;
		return CRYPT_BAD;
	}
	if (!is_fresh(numbers, bpf_be64_to_cpu(s->header.number))) {
		counters->replayed++;
		return CRYPT_REPLAYED;
	}
	if (make_iv(key, s) || cbc(key->encrypt, s->body, s->body, size, s->iv, true))
		return -LANA_DROP_NO_MEMORY;
	length = bpf_ntohs(s->header.length);
	if (!is_filled(s, length, size)) {
		counters->malformed++;
		return CRYPT_BAD;
	}
	err = put_back(pkt, s, length);
	if (err)
		return err;
	counters->decrypted++;
	return CRYPT_NEXT;
}

static __always_inline bool sends(const struct lana_pkt *pkt, enum crypt_mode mode)
{
	return mode == encrypt || (mode == link && lana_path(pkt) == LANA_EGRESS);
}

static __always_inline int crypt_process(struct lana_pkt *pkt, const struct crypt_config *config,
					 struct crypt_counters *counters)
{
	struct lana_crypt_numbers *numbers;
	struct crypt_scratch *s;
	struct lana_tag tag;
	__u32 zero = 0;

	s = bpf_map_lookup_elem(&scratch, &zero);
	numbers = bpf_map_lookup_elem(&lana_numbers, &zero);
	if (!s || !numbers)
		return -LANA_DROP_NO_MEMORY; /* cannot be */
	if (!lana_eth(pkt))
		return -LANA_DROP_SHORT;
	if (lana_find_tag(pkt, &tag))
		return -LANA_DROP_PROTOCOL;
	if (sends(pkt, config->mode))
		return send(pkt, s, numbers, config, counters);
	return receive(pkt, s, numbers, config, counters);
}

LANA_BLOCK(crypt);
