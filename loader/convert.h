/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * convert - turn values of one C type into values of another, field by field, as BTF describes them
 *
 * Fields go by name, inside structs and arrays too. A number keeps its value: it is widened, or
 * narrowed if the value fits; in enums the name of a value counts, as long as both types name it.
 * Arrays grow by zeros and shrink by zeros. A field that only the new type has is zero, one that
 * only the old type has is lost.
 */
#ifndef LOADER_CONVERT_H
#define LOADER_CONVERT_H

#include "shape.h"

#define CONVERT_SUMS_MAX 64

/* What becomes of a number: bits of the struct's beginning, as all places here. */
struct convert_step {
	enum { STEP_COPY, STEP_NUMBER, STEP_ZERO, STEP_ARRAY } kind;
	__u32 old_bit, new_bit;
	__u32 size;  /* bytes of COPY, and of ZERO: in the old value they must be */
	__u32 count; /* of ARRAY: elements, the first one is done by the steps that follow; of
			ZERO: bytes of the new value that are as good as lost if it is not */
	__u32 inner; /* how many steps these are */
	struct shape old, new; /* of NUMBER, of ZERO, and the elements of ARRAY */
	bool is_sum;
	char field[64];
};

/*
 * A number that old and new code both add to: what was added to the old one belongs to the new one.
 */
struct convert_sum {
	__u32 old_at, new_at; /* bytes */
	__u32 old_size, new_size;
	bool old_signed;
};

struct convert {
	bool same; /* a value of the one is one of the other */
	__u32 old_size, new_size;
	struct convert_step *steps;
	size_t steps_count;
	struct convert_sum sums[CONVERT_SUMS_MAX];
	size_t sums_count;
	struct lana_conversion *notes; /* block and place are left to the caller */
	size_t notes_count;
	char lost[160]; /* what would be, whatever the values are; empty: nothing */
};

/* -EINVAL: such types cannot be converted at all. id 0 is a struct without fields. */
int convert_new(const struct btf *old, __u32 old_id, const struct btf *new, __u32 new_id,
		struct convert **convert, struct lana_error *error);

/* For values of the same size that the source does not describe: as they are. */
int convert_bytes(__u32 size, struct convert **convert);

void convert_free(struct convert *convert);
void convert_free_p(struct convert **convert);

enum convert_mode {
	CONVERT_CHECK,	  /* -ERANGE: a value does not fit; the error names field and value */
	CONVERT_SATURATE, /* such a value becomes the nearest one that does */
	CONVERT_LOSE,	  /* such a value becomes zero */
};

int convert_run(const struct convert *convert, const void *old, void *new, enum convert_mode mode,
		struct lana_error *error);

/*
 * Set the bytes of a value that fields other than sums fill: mask is of the size of the type. What
 * is between fields may hold anything.
 */
int convert_plain(const struct btf *btf, __u32 id, __u8 *mask);

#endif
