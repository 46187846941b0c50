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
extern void bpf_crypto_ctx_release(struct bpf_crypto_ctx *ctx) __ksym;

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

SEC("syscall")
int crypt_key(struct lana_key_order *order)
{
	struct bpf_crypto_ctx *encrypt, *iv, *mac;
	__u32 place = order->place;
	struct lana_key *key = bpf_map_lookup_elem(&lana_keys, &place);
	int error = 0;

	encrypt = create(order->keys[LANA_KEY_ENCRYPT], &error);
	iv = create(order->keys[LANA_KEY_IV], &error);
	mac = create(order->keys[LANA_KEY_MAC], &error);
	wipe(order->keys, sizeof(order->keys));
	if (key && encrypt && iv && mac) {
		key->fingerprint = order->fingerprint;
		encrypt = bpf_kptr_xchg(&key->encrypt, encrypt);
		iv = bpf_kptr_xchg(&key->iv, iv);
		mac = bpf_kptr_xchg(&key->mac, mac);
	} else if (!error) {
		error = -12; /* ENOMEM */
	}
	order->error = error;
	if (encrypt)
		bpf_crypto_ctx_release(encrypt);
	if (iv)
		bpf_crypto_ctx_release(iv);
	if (mac)
		bpf_crypto_ctx_release(mac);
	return 0;
}

char _license[] SEC("license") = "GPL";
