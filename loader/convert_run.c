// SPDX-License-Identifier: GPL-2.0-only
/*
 * convert_run - convert values
 */
#include <ctype.h>
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "bytes.h"
#include "convert.h"
#include "error.h"

#define DEPTH_MAX 16

struct runner {
	const struct convert *convert;
	const __u8 *old;
	__u8 *new;
	enum convert_mode mode;
	struct lana_error *error;
};

/* At most 64 bits, which may lie in 9 bytes. Little-endian, see doctor. */
static __u64 load(const __u8 *bytes, __u32 bit, const struct shape *number)
{
	unsigned int shift = bit % 8, unused = 64 - number->bits;
	__u64 value = 0;

	memcpy(&value, bytes + bit / 8,
	       (shift + number->bits + 7) / 8 > 8 ? 8 : (shift + number->bits + 7) / 8);
	value >>= shift;
	if (shift + number->bits > 64)
		value |= (__u64)bytes[bit / 8 + 8] << (64 - shift);
	if (number->big_endian)
		value = be64toh(value) >> unused;
	value <<= unused;
	return number->is_signed ? (__u64)((__s64)value >> unused) : value >> unused;
}

static void store(__u8 *bytes, __u32 bit, const struct shape *number, __u64 value)
{
	if (number->big_endian)
		value = htobe64(value << (64 - number->bits));
	for (__u32 i = 0; i < number->bits; i++, bit++) {
		if (bit % 8 == 0 && number->bits - i >= 8) {
			bytes[bit / 8] = value >> i;
			i += 7;
			bit += 7;
		} else {
			bytes[bit / 8] &= ~(1U << bit % 8);
			bytes[bit / 8] |= (value >> i & 1) << bit % 8;
		}
	}
}

/* The nearest number that fits; is it the number itself? */
static bool fit(const struct shape *old, const struct shape *new, __u64 *value)
{
	__u64 max = ~0ULL >> (64 - shape_range(new)), before = *value;
	bool negative = old->is_signed && (__s64)*value < 0;
	__s64 min = 0;

	if (new->is_signed) {
		max >>= 1;
		min = -(__s64)max - 1;
	}
	if (negative && (__s64)*value < min)
		*value = min;
	else if (!negative && *value > max)
		*value = max;
	return *value == before;
}

static int refuse_number(const struct runner *r, const struct convert_step *step, __u64 value)
{
	char type[LANA_NAME_MAX];

	shape_text(&step->new, type, sizeof(type));
	if (step->old.is_signed)
		return refuse(r->error, -ERANGE, "field '%s': %" PRId64 " does not fit %s",
			      step->field, (int64_t)value, type);
	return refuse(r->error, -ERANGE, "field '%s': %" PRIu64 " does not fit %s", step->field,
		      (uint64_t)value, type);
}

/* In enums the name counts. */
enum naming { NO_NAME, NAMED, UNKNOWN };

static enum naming rename_enum(const struct convert_step *step, __u64 *value)
{
	const char *name = NULL;
	__s64 named;

	if (btf_is_any_enum(step->old.type) && btf_is_any_enum(step->new.type))
		name = shape_enum_name(&step->old, *value);
	if (!name)
		return NO_NAME;
	if (!shape_enum_value(&step->new, name, &named))
		return UNKNOWN;
	*value = named;
	return NAMED;
}

static int run_number(const struct runner *r, const struct convert_step *step, __u32 old_bit,
		      __u32 new_bit)
{
	__u64 value = load(r->old, old_bit, &step->old), before = value;
	enum naming naming = rename_enum(step, &value);
	bool fits = naming == NAMED || fit(&step->old, &step->new, &value);

	if (naming == UNKNOWN && r->mode == CONVERT_CHECK)
		return refuse(r->error, -ERANGE, "field '%s': '%s' is no value of the new enum",
			      step->field, shape_enum_name(&step->old, before));
	if (!fits && r->mode == CONVERT_CHECK)
		return refuse_number(r, step, before);
	if ((naming == UNKNOWN || !fits) && r->mode == CONVERT_LOSE)
		value = 0;
	store(r->new, new_bit, &step->new, value);
	return 0;
}

/* The text that an array holds, which a step cuts; empty: it is none. */
static void cut_text(const struct runner *r, const struct convert_step *step, __u32 old_bit,
		     char *text, size_t size)
{
	const __u8 *array = r->old + old_bit / 8 - (step->old.size - step->size);
	struct shape element;

	*text = 0;
	if (shape_read(step->old.btf, step->old.element, &element) || !element.is_char)
		return;
	snprintf(text, size, "%.*s", (int)step->old.size, array);
	for (char *c = text; *c; c++)
		if (!isprint((unsigned char)*c))
			*text = 0;
}

static int refuse_cut(const struct runner *r, const struct convert_step *step, __u32 old_bit)
{
	char type[LANA_NAME_MAX], text[LANA_CONFIG_MAX];

	shape_text(&step->new, type, sizeof(type));
	cut_text(r, step, old_bit, text, sizeof(text));
	if (*text)
		return refuse(r->error, -ERANGE, "field '%s': '%s' does not fit %s", step->field,
			      text, type);
	return refuse(r->error, -ERANGE, "field '%s': its last elements, not zero, do not fit %s",
		      step->field, type);
}

static int run_zero(const struct runner *r, const struct convert_step *step, __u32 old_bit,
		    __u32 new_bit)
{
	__u64 value = 0;

	if (step->old.kind == SHAPE_NUMBER)
		value = load(r->old, old_bit, &step->old);
	else if (is_zero(r->old + old_bit / 8, step->size))
		return 0;
	if (r->mode == CONVERT_LOSE)
		memset(r->new + new_bit / 8, 0, step->count);
	if (r->mode != CONVERT_CHECK || (step->old.kind == SHAPE_NUMBER && !value))
		return 0;
	if (value)
		return refuse(r->error, -ERANGE, "field '%s': %" PRIi64 " has no place",
			      step->field, (int64_t)value);
	if (step->count)
		return refuse_cut(r, step, old_bit);
	return refuse(r->error, -ERANGE, "field '%s': its value has no place", step->field);
}

static int run_steps(const struct runner *r, size_t first, size_t count, __u32 old_base,
		     __u32 new_base)
{
	int err = 0;

	for (size_t i = first; !err && i < first + count; i++) {
		const struct convert_step *step = &r->convert->steps[i];
		__u32 old_bit = old_base + step->old_bit, new_bit = new_base + step->new_bit;

		switch (step->kind) {
		case STEP_COPY:
			memcpy(r->new + new_bit / 8, r->old + old_bit / 8, step->size);
			break;
		case STEP_NUMBER:
			err = run_number(r, step, old_bit, new_bit);
			break;
		case STEP_ZERO:
			err = run_zero(r, step, old_bit, new_bit);
			break;
		case STEP_ARRAY:
			for (__u32 n = 0; !err && n < step->count; n++)
				err = run_steps(r, i + 1, step->inner,
						old_base + 8 * n * step->old.size,
						new_base + 8 * n * step->new.size);
			i += step->inner;
			break;
		}
	}
	return err;
}

int convert_run(const struct convert *convert, const void *old, void *new, enum convert_mode mode,
		struct lana_error *error)
{
	const struct runner r = { convert, old, new, mode, error };

	memset(new, 0, convert->new_size);
	return run_steps(&r, 0, convert->steps_count, 0, 0);
}

/* ------------------------------------------------------------------------------------------- */

static int mark(const struct shape *shape, __u32 bit, __u8 *mask, int depth)
{
	struct shape_member member;
	struct shape element;
	int err = 0;

	if (depth > DEPTH_MAX)
		return -E2BIG;
	if (shape->kind == SHAPE_ARRAY) {
		err = shape_read(shape->btf, shape->element, &element);
		for (__u32 i = 0; !err && element.size && i < shape->count; i++)
			err = mark(&element, bit + 8 * i * element.size, mask, depth + 1);
	} else if (shape->kind == SHAPE_STRUCT) {
		for (__u32 i = 0; !err && i < shape_members(shape); i++) {
			err = shape_member(shape, i, &member);
			if (!err && !shape_is_sum(shape, i))
				err = mark(&member.shape, bit + member.bit, mask, depth + 1);
		}
	} else {
		__u32 bits = shape->kind == SHAPE_NUMBER ? shape->bits : 8 * shape->size;

		for (__u32 at = bit / 8; bits && at <= (bit + bits - 1) / 8; at++)
			mask[at] = 0xff;
	}
	return err;
}

int convert_plain(const struct btf *btf, __u32 id, __u8 *mask)
{
	struct shape shape;
	int err = shape_read(btf, id, &shape);

	return err ?: mark(&shape, 0, mask, 0);
}
