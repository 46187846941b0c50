// SPDX-License-Identifier: GPL-2.0-only
#include <endian.h>
#include <string.h>

#include "sha256.h"

#define BLOCK  64 /* bytes */
#define ROUNDS 64

struct hash {
	__u32 state[8];
	__u64 size; /* bytes so far */
	__u8 block[BLOCK];
};

/* The first 32 bits of the fractional parts of the cube roots of the first 64 primes. */
static const __u32 constants[ROUNDS] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4,
	0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe,
	0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f,
	0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
	0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc,
	0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
	0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116,
	0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
	0xc67178f2,
};

static __u32 rotate(__u32 word, int bits)
{
	return word >> bits | word << (32 - bits);
}

static void compress(struct hash *hash)
{
	__u32 w[ROUNDS], v[8];

	for (int i = 0; i < 16; i++) {
		memcpy(&w[i], hash->block + 4 * i, sizeof(w[i]));
		w[i] = be32toh(w[i]);
	}
	for (int i = 16; i < ROUNDS; i++)
		w[i] = w[i - 16] + w[i - 7] +
		       (rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ w[i - 15] >> 3) +
		       (rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ w[i - 2] >> 10);

	memcpy(v, hash->state, sizeof(v));
	for (int i = 0; i < ROUNDS; i++) {
		__u32 one = v[7] + (rotate(v[4], 6) ^ rotate(v[4], 11) ^ rotate(v[4], 25)) +
			    ((v[4] & v[5]) ^ (~v[4] & v[6])) + constants[i] + w[i];
		__u32 two = (rotate(v[0], 2) ^ rotate(v[0], 13) ^ rotate(v[0], 22)) +
			    ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));

		memmove(v + 1, v, 7 * sizeof(*v));
		v[4] += one;
		v[0] = one + two;
	}
	for (int i = 0; i < 8; i++)
		hash->state[i] += v[i];
	explicit_bzero(w, sizeof(w));
	explicit_bzero(v, sizeof(v));
}

static void begin(struct hash *hash)
{
	*hash = (struct hash){ .state = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
					  0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19 } };
}

static void add(struct hash *hash, const void *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		hash->block[hash->size++ % BLOCK] = ((const __u8 *)bytes)[i];
		if (hash->size % BLOCK == 0)
			compress(hash);
	}
}

static void end(struct hash *hash, __u8 result[SHA256_SIZE])
{
	__be64 bits = htobe64(8 * hash->size);

	add(hash, "\x80", 1);
	while (hash->size % BLOCK != BLOCK - sizeof(bits))
		add(hash, "", 1);
	add(hash, &bits, sizeof(bits));
	for (int i = 0; i < 8; i++) {
		__be32 word = htobe32(hash->state[i]);

		memcpy(result + 4 * i, &word, sizeof(word));
	}
	explicit_bzero(hash, sizeof(*hash));
}

void sha256_hmac(const void *key, size_t key_size, const void *message, size_t size,
		 __u8 result[SHA256_SIZE])
{
	__u8 pad[BLOCK] = {}, inner[SHA256_SIZE];
	struct hash hash;

	memcpy(pad, key, key_size);
	for (int i = 0; i < BLOCK; i++)
		pad[i] ^= 0x36;
	begin(&hash);
	add(&hash, pad, sizeof(pad));
	add(&hash, message, size);
	end(&hash, inner);

	for (int i = 0; i < BLOCK; i++)
		pad[i] ^= 0x36 ^ 0x5c;
	begin(&hash);
	add(&hash, pad, sizeof(pad));
	add(&hash, inner, sizeof(inner));
	end(&hash, result);
	explicit_bzero(pad, sizeof(pad));
	explicit_bzero(inner, sizeof(inner));
}

void sha256_extract(const char *salt, const void *secret, size_t size, __u8 extracted[SHA256_SIZE])
{
	sha256_hmac(salt, strlen(salt), secret, size, extracted);
}

void sha256_expand(const __u8 extracted[SHA256_SIZE], const char *info, void *key, size_t size)
{
	__u8 message[BLOCK + 1], whole[SHA256_SIZE];
	size_t length = strlen(info);

	memcpy(message, info, length);
	message[length] = 1; /* the number of the block: there is but one */
	sha256_hmac(extracted, SHA256_SIZE, message, length + 1, whole);
	memcpy(key, whole, size);
	explicit_bzero(whole, sizeof(whole));
}
