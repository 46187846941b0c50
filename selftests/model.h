/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * model.h - a stack as a plain program in C understands it, to compare the real one with
 *
 * Blocks are numbered; each edge leads to a block of a higher number or to a device, so that
 * packets come to an end.
 */
#ifndef MODEL_H
#define MODEL_H

#include <stddef.h>

#include <lana/lana.h>

#define MODEL_BLOCKS_MAX  64
#define MODEL_PORTS_MAX	  4
#define MODEL_OWN_MAX	  3
#define MODEL_OPTIONS_MAX 3
#define MODEL_NOWHERE	  (-1)
#define MODEL_DEVICE(n)	  (-2 - (n)) /* the n-th device transmits it */

struct model_packet {
	unsigned char bytes[2048];
	unsigned int size;
	uint32_t mark;
	uint32_t bound; /* ports of the block that it is in; written by model_walk() */
};

struct model_side {
	uint64_t own[MODEL_OWN_MAX], drops[LANA_DROPS_MAX], unbound[MODEL_PORTS_MAX];
};

struct model_block {
	const struct model_type *type;
	uint32_t options[MODEL_OPTIONS_MAX];
	int edges[LANA_PATHS][MODEL_PORTS_MAX];
	struct model_side sides[LANA_PATHS];
};

/* What a type does to a packet: its verdict, as a block returns it. */
struct model_type {
	const char *name;
	const char *options[MODEL_OPTIONS_MAX]; /* their names */
	uint32_t limits[MODEL_OPTIONS_MAX];	/* values are below */
	const char *ports[MODEL_PORTS_MAX];
	int (*process)(const uint32_t *options, struct model_packet *packet, uint64_t *own);
};

extern const struct model_type model_types[];
extern const size_t model_types_count;

/* Those that send a packet on several times; they are not among the others. */
extern const struct model_type model_copying[];
extern const size_t model_copying_count;

/* Names of drop reasons, as lana_block_stats() has them. */
extern const char *const model_drops[LANA_DROPS_MAX];

enum model_end { MODEL_DROPPED, MODEL_PASSED, MODEL_SENT };

/* Where a packet ends that comes to a block (or MODEL_DEVICE) on a path. */
enum model_end model_run(struct model_block *blocks, int first, enum lana_path path,
			 struct model_packet *packet);

/*
 * The same of packets that may be copied: each end is told. device: MODEL_DEVICE(n), of those sent.
 */
struct model_sink {
	void (*end)(void *cookie, enum model_end end, int device,
		    const struct model_packet *packet);
	void *cookie;
};

void model_walk(struct model_block *blocks, int first, enum lana_path path,
		const struct model_packet *packet, const struct model_sink *sink);

#endif
