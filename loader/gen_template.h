/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * gen_template - frames to be made, as the packet language describes them (docs/gen.md)
 *
 * A text becomes templates: the bytes that are the same in all frames, places that vary, and
 * checksums. Frame number n of a template is a function of n alone, so that a program in the kernel
 * and gen_render() make the same ones.
 */
#ifndef LOADER_GEN_TEMPLATE_H
#define LOADER_GEN_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/types.h>

#include <lana/gen.h>

#define GEN_SIZE_MIN   60   /* bytes of a frame, without its check sequence (IEEE 802.3) */
#define GEN_SIZE_MAX   3400 /* what a page of a live frame has room for */
#define GEN_LAYERS_MAX 16
#define GEN_VARIES_MAX 64   /* of a template */
#define GEN_FIELDS_ALL 1024 /* of all templates */
#define GEN_LIST_MAX   256
#define GEN_FRAMES_MAX 64 /* templates of a text */
#define GEN_WEIGHT_MAX 1000

enum gen_form { GEN_COUNTER, GEN_RANDOM, GEN_LIST };

/* A number that goes into the frame in network byte order. */
struct gen_vary {
	__u16 at;	/* byte offset */
	__u8 size;	/* bytes: 1, 2, 4, 6, 8 */
	__u8 shift;	/* the number's lowest bit, in these bytes */
	bool shared;	/* with other fields, whose bits are in the template or vary too */
	__u8 form;	/* enum gen_form */
	__u64 from, to; /* to: the last one, from + a multiple of step */
	__u64 step;
	__u64 seed;
	__u64 *list; /* owned */
	__u32 count; /* of the list; of a counter, values until it begins anew (0: 2^64) */
};

/* An Internet checksum (RFC 1071) that is filled in. */
struct gen_sum {
	__u16 at;
	__u16 from, end;		 /* bytes that it is over */
	__u16 addresses, addresses_size; /* of the pseudo header; 0: there is none */
	bool never_zero;		 /* UDP: 0 would mean that there is none (RFC 768) */
	__u64 base; /* sum over all that does not vary, in 16-bit words as they are in memory */
};

struct gen_layer_type;

struct gen_layer {
	const struct gen_layer_type *type;
	__u16 at, size;
	__u32 given; /* bit n: field n of the type was */
};

struct gen_template {
	__u8 bytes[GEN_SIZE_MAX];
	__u32 size;
	__u32 weight; /* frames of it in a row */
	struct gen_layer layers[GEN_LAYERS_MAX];
	__u32 layers_count;
	struct gen_vary varies[GEN_VARIES_MAX];
	__u32 varies_count;
	struct gen_sum sums[GEN_LAYERS_MAX]; /* what others are over comes first */
	__u32 sums_count;
	bool has_payload;
	__u16 payload_at, payload_size;
	__u16 stamp_at; /* 0: there is none */
};

struct gen_templates {
	struct gen_template *list;
	__u32 count;
};

void gen_templates_free(struct gen_templates *templates);

/*
 * Read a text; errors begin with name, line and column. What is not given is as yet: see
 * gen_complete().
 */
int gen_parse(const char *name, const char *text, size_t size, struct gen_templates *templates,
	      struct lana_error *error);

/* How to complete templates. */
struct gen_completion {
	__u32 size;	  /* of the frames, bytes, by a longer or shorter payload; 0: as they are */
	bool stamp;	  /* put one into the payload */
	const char *name; /* of the text, for messages */
};

/* Fill in what was not given: lengths, types, padding, checksums. -ENOSPC: no room for a stamp. */
int gen_complete(struct gen_template *template, const struct gen_completion *completion,
		 struct lana_error *error);

/* ---- protocols ---------------------------------------------------------------------------- */

enum gen_kind { GEN_NUMBER, GEN_MAC, GEN_IP4, GEN_IP6, GEN_FLAGS };

struct gen_field_type {
	const char *name;
	__u16 bit;  /* from the header's begin, in network order */
	__u8 width; /* bits */
	__u8 kind;  /* enum gen_kind */
};

#define GEN_FIELDS_MAX 20

struct gen_layer_type {
	const char *name;
	__u16 size;				      /* bytes; 0: bytes as they are given */
	struct gen_field_type fields[GEN_FIELDS_MAX]; /* ends in one without a name */
	const char *bytes; /* what the header is if nothing is given: hexadecimal digits */
};

/* NULL: no such protocol. */
const struct gen_layer_type *gen_layer_find(const char *name, size_t length);

/* Names of the bits of a field of kind GEN_FLAGS; -1: none. */
int gen_flag_find(const char *name, size_t length);

/* ---- numbers ------------------------------------------------------------------------------ */

/* Where a field of a layer is in its frame; *size is 16 for an IPv6 address. */
void gen_place(const struct gen_layer *layer, const struct gen_field_type *field, __u16 *at,
	       __u8 *size, __u8 *shift, bool *shared);

/* Write a number of size bytes into its bits. */
void gen_put(__u8 *bytes, __u8 size, __u8 shift, __u8 width, __u64 value);

/* SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014). */
#define GEN_GOLDEN 0x9e3779b97f4a7c15ULL
#define GEN_MIX1   0xbf58476d1ce4e5b9ULL
#define GEN_MIX2   0x94d049bb133111ebULL

static inline __u64 gen_mix(__u64 z)
{
	z = (z ^ z >> 30) * GEN_MIX1;
	z = (z ^ z >> 27) * GEN_MIX2;
	return z ^ z >> 31;
}

/* A random field's first state, of which frame n takes gen_mix(state + n * GEN_GOLDEN). */
static inline __u64 gen_seed(__u64 run, __u64 own, __u32 cpu)
{
	return gen_mix(gen_mix(run + GEN_GOLDEN) ^ own) + ((__u64)cpu << 48);
}

/* What a stamp says. */
struct gen_moment {
	__u32 key;	      /* run << 16 | stream */
	__u64 sequence, time; /* ns; 40 bits of each are stamped */
};

/*
 * The value of a field in frame n; and the whole frame, of template->size bytes. The seed is that
 * of the run.
 */
__u64 gen_value(const struct gen_vary *vary, __u64 n, __u64 seed, __u32 cpu);
void gen_render(const struct gen_template *template, __u64 n, __u64 seed, __u32 cpu,
		const struct gen_moment *moment, __u8 *frame);

#endif
