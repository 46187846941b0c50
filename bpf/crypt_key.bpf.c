// SPDX-License-Identifier: GPL-2.0-only
/*
 * crypt_key - turn keys into the kernel's contexts, and put these where a block's code finds them
 *
 * The only way there is for a key into the kernel: contexts are made by programs that are called,
 * as those that see packets may not sleep. Keys are wiped off wherever they have been here.
 */
#include <linux/bpf.h>

#include <lana/crypt.h>

/* struct bpf_crypto_params of the kernel (include/linux/bpf_crypto.h). */
struct params {
	char type[14];
	__u8 reserved[2];
	char algorithm[128];
	__u8 key[256];
	__u32 key_size, tag_size;
};

extern struct bpf_crypto_ctx *bpf_crypto_ctx_create(const struct params *params, __u32 params__sz,
						    int *err) __ksym;
extern struct bpf_crypto_ctx *bpf_crypto_ctx_acquire(struct bpf_crypto_ctx *ctx) __ksym;
extern void bpf_crypto_ctx_release(struct bpf_crypto_ctx *ctx) __ksym;
extern void bpf_rcu_read_lock(void) __ksym;
extern void bpf_rcu_read_unlock(void) __ksym;

/* The map that lana_keys takes the place of. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2 * LANA_KEYS_MAX);
	__type(key, __u32);
	__type(value, struct lana_key);
} old_keys SEC(".maps");

static __always_inline void wipe(void *place, __u32 size)
{
	__builtin_memset(place, 0, size);
	asm volatile("" ::"r"(place) : "memory");
}

static __always_inline struct bpf_crypto_ctx *create(const __u8 *key, int *error)
{
	struct params params = { .type = "skcipher",
				 .algorithm = "cbc(aes)",
				 .key_size = LANA_KEY_AES };
	struct bpf_crypto_ctx *ctx;

	__builtin_memcpy(params.key, key, LANA_KEY_AES);
	ctx = bpf_crypto_ctx_create(&params, sizeof(params), error);
	wipe(params.key, LANA_KEY_AES);
	return ctx;
}

static __always_inline void release(struct bpf_crypto_ctx *ctx)
{
	if (ctx)
		bpf_crypto_ctx_release(ctx);
}

/* Put contexts in a place, or say why not. */
static __always_inline void put(struct lana_key_order *order, struct bpf_crypto_ctx *encrypt,
				struct bpf_crypto_ctx *iv, struct bpf_crypto_ctx *mac, int error)
{
	__u32 place = order->place;
	struct lana_key *key = bpf_map_lookup_elem(&lana_keys, &place);

	if (key && encrypt && iv && mac) {
		key->fingerprint = order->fingerprint;
		encrypt = bpf_kptr_xchg(&key->encrypt, encrypt);
		iv = bpf_kptr_xchg(&key->iv, iv);
		mac = bpf_kptr_xchg(&key->mac, mac);
	} else if (!error) {
		error = -12; /* ENOMEM */
	}
	order->error = error;
	release(encrypt);
	release(iv);
	release(mac);
}

SEC("syscall")
int crypt_key(struct lana_key_order *order)
{
	struct bpf_crypto_ctx *encrypt, *iv, *mac;
	int error = 0;

	encrypt = create(order->keys[LANA_KEY_ENCRYPT], &error);
	iv = create(order->keys[LANA_KEY_IV], &error);
	mac = create(order->keys[LANA_KEY_MAC], &error);
	wipe(order->keys, sizeof(order->keys));
	put(order, encrypt, iv, mac, error);
	return 0;
}

static __always_inline struct bpf_crypto_ctx *acquire(struct bpf_crypto_ctx *ctx)
{
	return ctx ? bpf_crypto_ctx_acquire(ctx) : NULL;
}

/* A key that the block has got is not asked for again: its file may have gone. */
SEC("syscall")
int crypt_keep(struct lana_key_order *order)
{
	struct bpf_crypto_ctx *encrypt, *iv, *mac;
	__u32 from = order->from;
	struct lana_key *was = bpf_map_lookup_elem(&old_keys, &from);

	if (!was) {
		order->error = -12;
		return 0;
	}
	bpf_rcu_read_lock();
	encrypt = acquire(was->encrypt);
	iv = acquire(was->iv);
	mac = acquire(was->mac);
	bpf_rcu_read_unlock();
	put(order, encrypt, iv, mac, 0);
	return 0;
}

char _license[] SEC("license") = "GPL";
