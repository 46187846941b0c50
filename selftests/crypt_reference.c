// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "crypt_reference.h"
#include "tap.h"

#define ADDRESSES 12
#define ETHERNET  14
#define HEADER	  16
#define BLOCK	  16

static void hkdf(const unsigned char file[32], const char *info, unsigned char *key, size_t size)
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, "SHA256", 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)file, 32),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, "lana crypt 1", 12),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *)info, strlen(info)),
		OSSL_PARAM_construct_end(),
	};
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	EVP_KDF_CTX *context = EVP_KDF_CTX_new(kdf);

	if (!context || EVP_KDF_derive(context, key, size, params) != 1)
		tap_bail("OpenSSL derives no key");
	EVP_KDF_CTX_free(context);
	EVP_KDF_free(kdf);
}

void reference_derive(const unsigned char file[32], char side, struct reference_keys *keys)
{
	static const char *const uses[REFERENCE_KEYS] = { "encrypt", "iv", "mac" };
	char info[32];

	for (int use = 0; use < REFERENCE_KEYS; use++) {
		snprintf(info, sizeof(info), "%c %s", side, uses[use]);
		hkdf(file, info, keys->all[use], sizeof(keys->all[use]));
	}
	hkdf(file, "fingerprint", keys->fingerprint, sizeof(keys->fingerprint));
	keys->id = keys->fingerprint[0];
}

static void cbc(const unsigned char key[16], const unsigned char *iv, const unsigned char *from,
		unsigned char *to, int size)
{
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	int done = 0;

	if (EVP_EncryptInit_ex(context, EVP_aes_128_cbc(), NULL, key, iv) != 1 ||
	    EVP_CIPHER_CTX_set_padding(context, 0) != 1 ||
	    EVP_EncryptUpdate(context, to, &done, from, size) != 1 || done != size)
		tap_bail("OpenSSL does not encrypt");
	EVP_CIPHER_CTX_free(context);
}

static void put(unsigned char *place, unsigned long long number, int size)
{
	while (size--) {
		place[size] = number;
		number >>= 8;
	}
}

static unsigned long long take(const unsigned char *place, int size)
{
	unsigned long long number = 0;

	while (size--)
		number = number << 8 | *place++;
	return number;
}

void reference_seal(const struct reference_keys *keys, const struct reference_header *header,
		    struct packet *packet)
{
	static const unsigned char zero[BLOCK];
	unsigned int used = packet->size - ADDRESSES, size = (used + BLOCK - 1) / BLOCK * BLOCK;
	unsigned char plain[sizeof(packet->bytes)] = {}, sums[sizeof(packet->bytes)], iv[BLOCK];
	unsigned char *place = packet->bytes + ETHERNET;

	memcpy(plain, packet->bytes + ADDRESSES, used);
	put(packet->bytes + ADDRESSES, 0x88b5, 2);
	place[0] = header->version << 4 | header->side;
	place[1] = header->key;
	put(place + 2, header->length, 2);
	put(place + 4, header->salt, 4);
	put(place + 8, header->number, 8);

	cbc(keys->all[1], zero, place, iv, BLOCK);
	cbc(keys->all[0], iv, plain, place + HEADER, size);
	cbc(keys->all[2], zero, place, sums, HEADER + size);
	memcpy(place + HEADER + size, sums + size, BLOCK);
	packet->size = ETHERNET + HEADER + size + BLOCK;
}

void reference_header(const struct packet *packet, struct reference_header *header)
{
	const unsigned char *place = packet->bytes + ETHERNET;

	*header = (struct reference_header){
		.version = place[0] >> 4,
		.side = place[0] & 15,
		.key = place[1],
		.length = take(place + 2, 2),
		.salt = take(place + 4, 4),
		.number = take(place + 8, 8),
	};
}
