/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lana/crypt.h - an encrypted packet, the keys for it, and the kernel's cipher as BPF has it
 *
 * A type whose config struct has fields "struct lana_key_file NAME;" has options NAME=FILE, files
 * of LANA_KEY_SIZE bytes, and the maps declared here. From each file the loader derives a set
 * of keys for each direction; programs get them as contexts of the kernel (kernel/bpf/crypto.c), of
 * which nobody can read a key.
 */
#ifndef LANA_CRYPT_H
#define LANA_CRYPT_H

#include <linux/bpf.h>
#include <linux/types.h>

/* ---- an encrypted packet: docs/crypt.md ----------------------------------------------------- */

#define LANA_CRYPT_TYPE	   0x88b5 /* of Ethernet: RFC 9542 section 5.1, local experiments */
#define LANA_CRYPT_VERSION 1
#define LANA_CRYPT_BLOCK   16	/* bytes, of AES */
#define LANA_CRYPT_MAX	   9216 /* bytes that one packet can have behind its addresses */
#define LANA_CRYPT_WORDS   32	/* of 64 sequence numbers that are remembered; a power of two */

/* Behind the Ethernet header. What is encrypted follows, in whole blocks, and then the tag. */
struct lana_crypt_header {
	__u8 version;  /* the upper half; the lower is who has sent it, enum lana_crypt_side */
	__u8 key;      /* the first byte of the file's fingerprint */
	__be16 length; /* bytes that are encrypted, the last block's filling left out */
	__be32 salt;
	__be64 number;
};

/* The end of a link that has sent a packet: each has keys of its own for that. */
enum lana_crypt_side { LANA_SIDE_A, LANA_SIDE_B };

/* ---- keys ----------------------------------------------------------------------------------- */

#define LANA_KEY_SIZE 32 /* bytes of a file */
#define LANA_KEY_AES  16 /* bytes of a key that is derived from it */

struct lana_key_file {
	char name[48];	   /* as it was given; empty: there is no key */
	__u64 fingerprint; /* in network order */
};

/* What packets of one direction are encrypted by. */
enum lana_key_use { LANA_KEY_ENCRYPT, LANA_KEY_IV, LANA_KEY_MAC, LANA_KEY_USES };

#define LANA_KEYS_MAX 4 /* files that a type can have */

/*
 * What is known of a block's packets, sent and received. With a lock in it the map cannot be
 * converted: code of another layout would send the same numbers while that is done.
 */
struct lana_crypt_numbers {
	struct bpf_spin_lock lock; /* of what is received */
	__u32 salt;		   /* random */
	__u64 next; /* to be sent; the first is the time at which the block began, ns since 1970 */
	__u64 newest;		      /* received; 0: none */
	__u64 seen[LANA_CRYPT_WORDS]; /* a bit a number, by number */
};

/* What the loader tells programs that make or keep contexts. It comes back with no key in it. */
struct lana_key_order {
	__u8 keys[LANA_KEY_USES][LANA_KEY_AES];
	__u64 fingerprint;
	__u32 place; /* in lana_keys */
	__u32 from;  /* in the map that was: of contexts that are kept */
	__s32 error;
	__u32 reserved;
};

#ifdef __bpf__
#include <bpf/bpf_helpers.h>

#ifndef __kptr
#define __kptr __attribute__((btf_type_tag("kptr")))
#endif

struct bpf_crypto_ctx {
	void *tfm;
} __attribute__((preserve_access_index));

/* Clang 14 forgets the mark of a pointer to a struct, but not that of one to a typedef. */
typedef struct bpf_crypto_ctx lana_crypto_ctx;

struct lana_key {
	lana_crypto_ctx __kptr *encrypt;
	lana_crypto_ctx __kptr *iv;
	lana_crypto_ctx __kptr *mac;
	__u64 fingerprint; /* of the file, in network order; 0: there is none */
};

/* By the number of the option, as the config struct has them, twice, and the side that sends. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2 * LANA_KEYS_MAX);
	__type(key, __u32);
	__type(value, struct lana_key);
} lana_keys SEC(".maps");

/* It goes with the block, whatever keys it is given. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct lana_crypt_numbers);
} lana_numbers SEC(".maps");

extern int bpf_crypto_encrypt(struct bpf_crypto_ctx *ctx, const struct bpf_dynptr *src,
			      const struct bpf_dynptr *dst,
			      const struct bpf_dynptr *siv__nullable) __ksym;
extern int bpf_crypto_decrypt(struct bpf_crypto_ctx *ctx, const struct bpf_dynptr *src,
			      const struct bpf_dynptr *dst,
			      const struct bpf_dynptr *siv__nullable) __ksym;
#endif

#endif
