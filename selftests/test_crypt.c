// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_crypt - encrypted packets byte for byte, and all that must not be taken for one
 *
 * The other end is OpenSSL (crypt_reference.c). Each case runs at XDP and at tc.
 */
#include <stdlib.h>
#include <string.h>

#include "crypt_bench.h"
#include "tap.h"

#define FRAME_MAX 1514
#define WINDOW	  1984
#define START	  1000000 /* a number to begin with */

static const char *const flavours[] = { [LANA_XDP] = "xdp", [LANA_TC] = "tc" };

/* A packet as side a sends it, with the first key. */
static void make_sealed(struct packet *packet, unsigned int size, unsigned long long number)
{
	struct reference_header header;

	crypt_make_plain(packet, size);
	header = crypt_header(&one_a, 0, packet, number);
	reference_seal(&one_a, &header, packet);
}

static bool is_same(const struct packet *one, const struct packet *other)
{
	return one->size == other->size && !memcmp(one->bytes, other->bytes, one->size);
}

/* ---- sending -------------------------------------------------------------------------------- */

static void test_sealing(struct workbench *bench, int flavour)
{
	struct reference_header header = {}, before = {};
	unsigned int wrong = 0, numbers = 0;
	char where[64];

	crypt_put(bench, "mode=encrypt", "one", NULL);
	for (unsigned int size = 14; size <= FRAME_MAX; size++) {
		struct packet plain, want, got;

		crypt_make_plain(&plain, size);
		got = want = plain;
		workbench_run(bench, flavour, &got, where, sizeof(where));
		before = header;
		reference_header(&got, &header);
		reference_seal(&one_a,
			       &(struct reference_header){ 1, 0, one_a.id, size - 12, header.salt,
							   header.number },
			       &want);
		if (!wrong && (strcmp(where, "next") || !is_same(&got, &want)))
			tap_note("of %u bytes: %s, %u bytes", size, where, got.size);
		wrong += strcmp(where, "next") || !is_same(&got, &want);
		numbers += size == 14 ||
			   (header.number == before.number + 1 && header.salt == before.salt);
	}
	tap_is(wrong, 0, "%s: frames of every length to %d, byte for byte", flavours[flavour],
	       FRAME_MAX);
	tap_is(numbers, FRAME_MAX - 13, "%s: and numbers follow each other", flavours[flavour]);
	tap_is(workbench_counter(bench, "encrypted"), FRAME_MAX - 13, "%s: counted",
	       flavours[flavour]);
	workbench_rm(bench);
}

/* A new life of a block has higher numbers, and another salt. */
static void test_lives(struct workbench *bench)
{
	struct reference_header first, second;
	struct packet packet;
	char where[64];

	for (int life = 0; life < 2; life++) {
		crypt_put(bench, "mode=encrypt side=b", "one", NULL);
		crypt_make_plain(&packet, 100);
		workbench_run(bench, LANA_XDP, &packet, where, sizeof(where));
		reference_header(&packet, life ? &second : &first);
		workbench_rm(bench);
	}
	tap_is(second.side, 1, "side b says so");
	tap_ok(second.number > first.number + 1000000, "numbers of the next life are higher");
	tap_ok(second.salt != first.salt, "and its salt is another one");
}

/* ---- receiving ------------------------------------------------------------------------------ */

static void test_opening(struct workbench *bench, int flavour)
{
	unsigned int wrong = 0;
	char where[64];

	crypt_put(bench, "mode=decrypt side=b", "one", NULL);
	for (unsigned int size = 14; size <= FRAME_MAX; size++) {
		struct packet plain, got;

		crypt_make_plain(&plain, size);
		make_sealed(&got, size, START + size);
		workbench_run(bench, flavour, &got, where, sizeof(where));
		if (!wrong && (strcmp(where, "next") || !is_same(&got, &plain)))
			tap_note("of %u bytes: %s, %u bytes", size, where, got.size);
		wrong += strcmp(where, "next") || !is_same(&got, &plain);
	}
	tap_is(wrong, 0, "%s: frames of every length to %d are what they were", flavours[flavour],
	       FRAME_MAX);
	workbench_rm(bench);
}

/* A port for each packet: of three sizes with one bit turned over, at every place. */
static void test_tampering(struct workbench *bench, int flavour)
{
	static const unsigned int sizes[] = { 14, 60, 200 };
	unsigned int wrong = 0, tried = 0;

	crypt_put(bench, "mode=decrypt side=b", "one", NULL);
	for (unsigned int s = 0; s < 3; s++) {
		struct packet packet;

		make_sealed(&packet, sizes[s], START + s);
		for (unsigned int bit = 12 * 8; bit < packet.size * 8; bit++) {
			const char *want = bit < 14 * 8 ? "clear" : "bad", *got;
			struct packet forged = packet;

			if (sizes[s] == 200 && bit % 8 != bit / 8 % 8)
				continue;
			forged.bytes[bit / 8] ^= 1 << bit % 8;
			got = crypt_run(bench, flavour, &forged);
			if (strcmp(got, want) && !wrong++)
				tap_note("bit %u of %u bytes: %s", bit, packet.size, got);
			tried++;
		}
		tap_is_text(crypt_run(bench, flavour, &packet), "next",
			    "%s: untouched, %u bytes are accepted", flavours[flavour], packet.size);
	}
	tap_is(wrong, 0, "%s: %u times a bit was turned over, none was accepted", flavours[flavour],
	       tried);
	tap_ok(workbench_counter(bench, "forged") > 1000, "%s: forged ones are counted",
	       flavours[flavour]);
	workbench_rm(bench);
}

static void test_cutting(struct workbench *bench, int flavour)
{
	unsigned int accepted = 0;
	struct packet packet;

	crypt_put(bench, "mode=decrypt side=b", "one", NULL);
	for (unsigned int size = 14; size < 14 + 32 + 128; size++) {
		make_sealed(&packet, 14 + 124, START);
		packet.size = size;
		accepted += strcmp(crypt_run(bench, flavour, &packet), "bad");
	}
	for (unsigned int more = 1; more < 40; more++) {
		make_sealed(&packet, 14 + 124, START);
		packet.size += more;
		accepted += strcmp(crypt_run(bench, flavour, &packet), "bad");
	}
	srandom(1);
	for (int i = 0; i < 1000; i++) {
		make_sealed(&packet, 14 + random() % 300, START);
		for (unsigned int at = 14; at < packet.size; at++)
			if (at != 15) /* the key's number */
				packet.bytes[at] = random();
		accepted += strcmp(crypt_run(bench, flavour, &packet), "bad");
	}
	tap_is(accepted, 0, "%s: cut, longer or random: all bad", flavours[flavour]);
	workbench_rm(bench);
}

/* What has a right tag and yet is wrong. */
static void test_malformed(struct workbench *bench, int flavour)
{
	static const struct {
		const char *what, *counter;
		unsigned int version, side, key, length, size;
	} cases[] = {
		{ "of another version", "unknown", 2, 0, 0, 88, 100 },
		{ "with reserved bits", "malformed", 1, 2, 0, 88, 100 },
		{ "of this end's side", "own", 1, 1, 0, 88, 100 },
		{ "of another key", "unknown", 1, 0, 1, 88, 100 },
		{ "with a length of 0", "malformed", 1, 0, 0, 0, 16 },
		{ "with a length of 1", "malformed", 1, 0, 0, 1, 16 },
		{ "of a block too many", "malformed", 1, 0, 0, 72, 100 },
		{ "of a block too few", "malformed", 1, 0, 0, 97, 100 },
		{ "filled with something", "malformed", 1, 0, 0, 85, 100 },
	};
	struct packet packet;

	crypt_put(bench, "mode=decrypt side=b", "one", NULL);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		unsigned long long before = workbench_counter(bench, cases[i].counter);
		struct reference_header header;

		crypt_make_plain(&packet, cases[i].size);
		packet.bytes[packet.size - 1] = 7;
		header = crypt_header(&one_a, cases[i].side, &packet, START + i);
		header.version = cases[i].version;
		header.key += cases[i].key;
		header.length = cases[i].length;
		reference_seal(&one_a, &header, &packet);
		tap_is_text(crypt_run(bench, flavour, &packet), "bad", "%s: %s", flavours[flavour],
			    cases[i].what);
		tap_is(workbench_counter(bench, cases[i].counter), before + 1, "%s: is %s",
		       flavours[flavour], cases[i].counter);
	}
	crypt_make_plain(&packet, 100);
	tap_is_text(crypt_run(bench, flavour, &packet), "clear", "%s: not encrypted",
		    flavours[flavour]);
	workbench_rm(bench);
}

/* ---- numbers -------------------------------------------------------------------------------- */

static const char *run_number(struct workbench *bench, int flavour, unsigned long long number)
{
	struct packet packet;

	make_sealed(&packet, 64, number);
	return crypt_run(bench, flavour, &packet);
}

static void test_window(struct workbench *bench, int flavour)
{
	static const struct {
		unsigned long long number;
		const char *where;
	} steps[] = {
		{ START, "next" },
		{ START, "replayed" },
		{ START - 1, "next" },
		{ START + 5000, "next" },
		{ START, "replayed" },
		{ START + 5000 - WINDOW, "next" },
		{ START + 5000 - WINDOW, "replayed" },
		{ START + 5000 - WINDOW - 64, "replayed" },
		{ START + 4999, "next" },
		{ START + 4999, "replayed" },
		{ START + 5000, "replayed" },
		{ START + 5001, "next" },
		{ 0, "replayed" },
		{ 1ULL << 63, "next" },
		{ START + 5002, "replayed" },
		{ ~0ULL, "next" },
		{ ~0ULL, "replayed" },
		{ ~0ULL - 1, "next" },
	};

	crypt_put(bench, "mode=decrypt side=b", "one", NULL);
	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++)
		tap_is_text(run_number(bench, flavour, steps[i].number), steps[i].where,
			    "%s: number %llu", flavours[flavour], steps[i].number);
	workbench_rm(bench);
}

/* Numbers in any order within the window, some twice: each is accepted once. A model says which. */
static void test_order(struct workbench *bench, int flavour)
{
	enum { COUNT = 3000 };
	static unsigned char seen[COUNT + 4000];
	unsigned long long newest = 0;
	unsigned int wrong = 0, accepted = 0;

	memset(seen, 0, sizeof(seen));
	srandom(2);
	crypt_put(bench, "mode=decrypt side=b", "one", NULL);
	for (int i = 1; i < COUNT; i++) {
		unsigned long long at = i + random() % 600;
		bool fresh = !seen[at] &&
			     (at > newest || (START + newest) / 64 - (START + at) / 64 < 32);
		const char *where = run_number(bench, flavour, START + at);

		wrong += strcmp(where, fresh ? "next" : "replayed") != 0;
		accepted += fresh;
		seen[at] = 1;
		newest = at > newest ? at : newest;
	}
	tap_is(wrong, 0, "%s: in disorder, %u of %d are accepted, once each", flavours[flavour],
	       accepted, COUNT - 1);
	workbench_rm(bench);
}

int main(void)
{
	struct workbench bench;

	crypt_open(&bench);
	for (int flavour = 0; flavour < LANA_FLAVOURS; flavour++) {
		test_sealing(&bench, flavour);
		test_opening(&bench, flavour);
		test_tampering(&bench, flavour);
		test_cutting(&bench, flavour);
		test_malformed(&bench, flavour);
		test_window(&bench, flavour);
		test_order(&bench, flavour);
	}
	test_lives(&bench);
	workbench_close(&bench);
	return tap_done();
}
