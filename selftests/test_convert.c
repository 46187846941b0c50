// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_convert - values of one type become values of another, or are refused by name
 *
 * A row names a struct of convert_old.bpf.c and convert_new.bpf.c. Values are in hex, as they lie
 * in memory.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/libbpf.h>

#include <loader/cleanup.h>
#include <loader/convert.h>

#include "inspect.h"
#include "tap.h"

#define BYTES_MAX 512

static const struct {
	const char *type, *from, *to;
} rows[] = {
	{ "same", "01000000 61626300 05000600", "01000000 61626300 05000600" },
	{ "moved", "01020304 05000000", "05000000 01020304" },
	{ "widened", "ff ff 0000 ffffffff", "ff00000000000000 ffffffffffffffff ffffffff00000000" },
	{ "widened", "01 7f 0000 00000080", "0100000000000000 7f00000000000000 0000008000000000" },
	{ "narrowed", "ff00000000000000 0080ffff ff7f0000", "ff 00 0080 ff7f" },
	{ "unsign", "ffffff7f", "ffffff7f" },
	{ "sign", "ffffffffffffff7f", "ffffffffffffff7f" },
	{ "flag", "01 01", "01 00 0100" },
	{ "wire", "0102 0000 03040000 01020304", "02010000 0403 0000 0000000001020304" },
	{ "added", "07", "07000000 00000000" },
	{ "nested", "05 00 0600 07 00", "0700 0000 06000000 05 00 0000" },
	{ "longer", "0100 0200", "0100 0200 0000 0000" },
	{ "shorter", "0100 0200 0000 0000", "0100 0200" },
	{ "elements", "01 ff 00", "0100 ff00" },
	{ "structs", "01000200 03000400", "02000000 01000000 04000000 03000000" },
	{ "matrix", "0102 0304", "0100 0200 0000 0300 0400 0000" },
	{ "text", "61626364", "6162636400000000" },
	{ "cut_text", "6162630000000000", "61626300" },
	{ "bytes", "61ff6300", "61ff6300" },
	{ "bits", "15001f00", "0250 0000 00000000 ffffffffffffffff" },
	{ "by_name", "00000000", "02000000" },
	{ "by_name", "02000000", "01000000" },
	{ "by_name", "09000000", "09000000" },
	{ "number", "02000000 01000000", "02 000000 01000000" },
	{ "choice", "01020304 05000000", "01020304 0500 0000" },
};

/*
 * Values that do not fit: part of what is said, and what becomes of them where nothing can be
 * refused any more.
 */
static const struct {
	const char *type, *from, *why, *saturated;
} misfits[] = {
	{ "narrowed", "0001000000000000 00000000 00000000", "'a': 256 does not fit __u8",
	  "ff 00 0000 0000" },
	{ "narrowed", "0000000000000000 ff7fffff 00000000", "'b': -32769 does not fit __s16",
	  "00 00 0080 0000" },
	{ "narrowed", "0000000000000000 00800000 00000000", "'b': 32768 does not fit __s16",
	  "00 00 ff7f 0000" },
	{ "narrowed", "0000000000000000 00000000 00800000", "'c': 32768 does not fit __s16",
	  "00 00 0000 ff7f" },
	{ "narrowed", "ffffffffffffffff 00000000 00000000",
	  "'a': 18446744073709551615 does not fit", "ff 00 0000 0000" },
	{ "unsign", "ffffffff", "'a': -1 does not fit __u32", "00000000" },
	{ "sign", "0000000000000080", "'a': 9223372036854775808 does not fit __s64",
	  "ffffffffffffff7f" },
	{ "flag", "02 01", "'a': 2 does not fit _Bool", "01 00 0100" },
	{ "wire", "0000 0000 00000100 00000000", "'b': 65536 does not fit __be16",
	  "00000000 ffff 0000 0000000000000000" },
	{ "shorter", "0100 0200 0000 0001", "'a': its last elements, not zero, do not fit __u16[2]",
	  "0100 0200" },
	{ "elements", "01 ff 01", "'a': its last elements, not zero, do not fit __u16[2]",
	  "0100 ff00" },
	{ "cut_text", "6162636400000000", "'a': 'abcd' does not fit char[4]", "61626300" },
	{ "bits", "00800000", "'b': 4096 does not fit", "ff0f 0000 00000000 0000000000000000" },
	{ "by_name", "01000000", "'HIGH' is no value of the new enum", "01000000" },
	{ "sums", "05000000 00000000 0100000000000000 0200000000000000 feff 000000000000",
	  "'k': -2 does not fit __u32",
	  "0100000000000000 0200000000000000 0500000000000000 00000000 00000000" },
};

/* What is refused whatever the values are. */
static const struct {
	const char *type, *lost;
} losses[] = {
	{ "renamed", "field 'a' has no place in the new type" },
	{ "gone", "field 'b' has no place in the new type" },
	{ "kind", "field 'a': __u32 cannot become struct inner" },
	{ "list", "field 'a': __u32 cannot become __u32[1]" },
	{ "other_choice", "field 'a': union both cannot become union either" },
	{ "pointer", "field 'a': pointer cannot become pointer" },
	{ "timer", "field 'a': struct bpf_timer cannot become struct bpf_timer" },
	{ "unnamed", "field '(unnamed)' has no place in the new type" },
};

static const struct {
	const char *type, *why;
} refusals[] = {
	{ "short_sum", "'n' is declared a sum, and is not a number of 4 or 8 bytes" },
	{ "odd_sum", "'n' is declared a sum, and is not a number of 4 or 8 bytes" },
	{ "many_sums", "more than 64 sums" },
};

/* What the user is told: "field:from>to fate", in the order of the new type, then what is lost. */
static const struct {
	const char *type, *notes;
} notes[] = {
	{ "moved", "b:__u8>__u8 kept, a:__u32>__u32 kept" },
	{ "widened", "a:__u8>__u64 widened, b:__s8>__s64 widened, c:__u32>__s64 widened" },
	{ "narrowed", "a:__u64>__u8 narrowed, b:__s32>__s16 narrowed, c:__u32>__s16 narrowed" },
	{ "unsign", "a:__s32>__u32 narrowed" },
	{ "flag", "a:__u8>_Bool narrowed, b:_Bool>__u16 widened" },
	{ "renamed", "b:>__u32 new, a:__u32> lost" },
	{ "nested", "z:__u8>__u16 widened, i.b:__u16>__u32 widened, i.a:__u8>__u8 kept, "
		    "i.c:>__u8 new" },
	{ "structs", "i[].b:__u16>__u32 widened, i[].a:__u8>__u8 kept, i[].c:>__u8 new, "
		     "i:struct inner[2]>struct inner[2] kept" },
	{ "longer", "a:__u16[2]>__u16[4] widened" },
	{ "elements", "a:__u8[3]>__u16[2] narrowed" },
	{ "number", "a:enum level>__u8 narrowed, b:__u8>enum level widened" },
	{ "kind", "a:__u32>struct inner lost" },
};

static struct btf *old_btf, *new_btf;

static struct btf *read_btf(const char *object)
{
	struct btf *btf = btf__parse_elf(inspect_build(object), NULL);

	if (!btf)
		tap_bail("%s has no types", object);
	return btf;
}

static struct convert *convert_of(const char *type, struct lana_error *error)
{
	struct convert *convert = NULL;
	__s32 from = btf__find_by_name_kind(old_btf, type, BTF_KIND_STRUCT);
	__s32 to = btf__find_by_name_kind(new_btf, type, BTF_KIND_STRUCT);

	if (from <= 0 || to <= 0)
		tap_bail("no struct %s", type);
	if (convert_new(old_btf, from, new_btf, to, &convert, error))
		return NULL;
	return convert;
}

static size_t from_hex(const char *text, unsigned char *bytes)
{
	size_t count = 0;

	for (; *text; text++)
		if (*text != ' ') {
			sscanf(text++, "%2hhx", &bytes[count]);
			count++;
		}
	return count;
}

static const char *to_hex(const unsigned char *bytes, size_t count)
{
	static char text[2 * BYTES_MAX + 1];

	for (size_t i = 0; i < count; i++)
		sprintf(text + 2 * i, "%02x", bytes[i]);
	return text;
}

struct value {
	unsigned char bytes[BYTES_MAX];
	size_t size;
};

static bool is_hex(const struct value *value, const char *text)
{
	unsigned char wanted[BYTES_MAX];

	return from_hex(text, wanted) == value->size && !memcmp(value->bytes, wanted, value->size);
}

/* Convert the value that a text says; how that ended, or 1: there is no such conversion. */
static int run(const char *type, const char *text, enum convert_mode mode, struct value *to,
	       struct lana_error *error)
{
	struct convert *convert = convert_of(type, error);
	unsigned char from[BYTES_MAX] = {};
	int err;

	if (!convert || *convert->lost || from_hex(text, from) != convert->old_size) {
		convert_free(convert);
		return 1;
	}
	memset(to->bytes, 0xee, sizeof(to->bytes));
	err = convert_run(convert, from, to->bytes, mode, error);
	to->size = convert->new_size;
	convert_free(convert);
	return err;
}

static void test_value(const char *type, const char *text, enum convert_mode mode,
		       const char *wanted)
{
	struct lana_error error = {};
	struct value got = {};
	int err = run(type, text, mode, &got, &error);

	if (!tap_ok(!err && is_hex(&got, wanted) && got.bytes[got.size] == 0xee,
		    "%s: %s becomes %s", type, text, wanted))
		tap_note("got %s (%d) %s", to_hex(got.bytes, got.size), err, error.text);
}

static void test_misfit(const char *type, const char *text, const char *why)
{
	struct lana_error error = {};
	struct value got;
	int err = run(type, text, CONVERT_CHECK, &got, &error);

	if (!tap_ok(err < 0 && strstr(error.text, why), "%s: %s is refused: %s", type, text,
		    error.text))
		tap_note("wanted (%d) %s", err, why);
}

static void test_loss(const char *type, const char *lost)
{
	struct lana_error error = {};
	struct convert *convert = convert_of(type, &error);

	tap_is_text(convert ? convert->lost : error.text, lost, "%s would lose a field", type);
	convert_free(convert);
}

static void test_notes(const char *type, const char *wanted)
{
	struct convert *convert = convert_of(type, NULL);
	char text[512] = "";

	for (size_t i = 0; convert && i < convert->notes_count; i++) {
		const struct lana_conversion *note = &convert->notes[i];
		size_t length = strlen(text);

		snprintf(text + length, sizeof(text) - length, "%s%s:%s>%s %s", i ? ", " : "",
			 note->field, note->from, note->to, lana_fate_name(note->fate));
	}
	tap_is_text(text, wanted, "%s: what the user is told", type);
	convert_free(convert);
}

static void test_sums(void)
{
	static const struct convert_sum wanted[] = {
		{ 8, 0, 8, 8, false },
		{ 16, 8, 8, 8, false },
		{ 0, 16, 4, 8, false },
		{ 24, 24, 2, 4, true },
	};
	struct convert *convert = convert_of("sums", NULL);
	unsigned char mask[32] = {};
	size_t count = ARRAY_SIZE(wanted);

	tap_is(convert->sums_count, count, "sums: each of an array is one");
	for (size_t i = 0; i < count; i++)
		tap_ok(convert->sums[i].old_at == wanted[i].old_at &&
			       convert->sums[i].new_at == wanted[i].new_at &&
			       convert->sums[i].old_size == wanted[i].old_size &&
			       convert->sums[i].new_size == wanted[i].new_size &&
			       convert->sums[i].old_signed == wanted[i].old_signed,
		       "sums: number %zu is found on both sides", i);
	convert_plain(new_btf, btf__find_by_name_kind(new_btf, "sums", BTF_KIND_STRUCT), mask);
	tap_is_text(to_hex(mask, sizeof(mask)),
		    "0000000000000000000000000000000000000000000000000000000000000000",
		    "sums: no other field");
	convert_free(convert);
	convert_plain(new_btf, btf__find_by_name_kind(new_btf, "nested", BTF_KIND_STRUCT), mask);
	tap_is_text(to_hex(mask, 12), "ffff0000ffffffffffff0000",
		    "nested: all but what is between");
}

int main(void)
{
	struct convert *same;

	old_btf = read_btf("selftests/convert_old.bpf.o");
	new_btf = read_btf("selftests/convert_new.bpf.o");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		test_value(rows[i].type, rows[i].from, CONVERT_CHECK, rows[i].to);
	for (size_t i = 0; i < ARRAY_SIZE(misfits); i++) {
		test_misfit(misfits[i].type, misfits[i].from, misfits[i].why);
		test_value(misfits[i].type, misfits[i].from, CONVERT_SATURATE,
			   misfits[i].saturated);
	}
	for (size_t i = 0; i < ARRAY_SIZE(losses); i++)
		test_loss(losses[i].type, losses[i].lost);
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		struct lana_error error = {};

		tap_ok(!convert_of(refusals[i].type, &error) && strstr(error.text, refusals[i].why),
		       "%s is refused: %s", refusals[i].type, error.text);
	}
	for (size_t i = 0; i < ARRAY_SIZE(notes); i++)
		test_notes(notes[i].type, notes[i].notes);
	test_sums();
	same = convert_of("same", NULL);
	tap_ok(same->same, "same: the layout is the same");
	convert_free(same);
	same = convert_of("moved", NULL);
	tap_ok(!same->same, "moved: it is not");
	convert_free(same);
	btf__free(old_btf);
	btf__free(new_btf);
	return tap_done();
}
