// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"
#include "names.h"
#include "types.h"

#define X(NAME, name, text) [LANA_DROP_##NAME] = name,
static const char *const reasons[LANA_DROPS_MAX] = { LANA_DROP_REASONS(X) };
#undef X

void way_reason(__u32 reason, char name[LANA_NAME_MAX])
{
	if (reason < LANA_DROPS_MAX && reasons[reason])
		strcpy(name, reasons[reason]);
	else
		snprintf(name, LANA_NAME_MAX, "reason%u", reason);
}

static void by_port(const char (*ports)[LANA_NAME_MAX], enum lana_path path, __u32 port,
		    struct lana_way *way)
{
	*way = (struct lana_way){ .kind = LANA_WAY_PORT, .path = path };
	if (ports[port][0])
		strcpy(way->name, ports[port]);
	else
		snprintf(way->name, sizeof(way->name), "%u", port);
}

void way_of(const char (*ports)[LANA_NAME_MAX], enum lana_path path, __s32 verdict,
	    struct lana_way *way)
{
	*way = (struct lana_way){ .path = path };
	if (verdict >= 0 && verdict < LANA_TURN) {
		by_port(ports, path, verdict, way);
	} else if (verdict >= LANA_TURN && verdict < LANA_PASS) {
		by_port(ports, !path, verdict - LANA_TURN, way);
	} else if (verdict == LANA_PASS || verdict == LANA_SENT) {
		way->kind = verdict == LANA_PASS ? LANA_WAY_PASS : LANA_WAY_SENT;
		strcpy(way->name, verdict == LANA_PASS ? "pass" : "sent");
	} else if (verdict == LANA_ALL) {
		way->kind = LANA_WAY_ALL;
		strcpy(way->name, "all");
	} else {
		bool known = verdict < 0 && verdict > -LANA_DROPS_MAX;

		way->kind = LANA_WAY_DROP;
		way_reason(known ? -verdict : LANA_DROP_INVALID, way->name);
	}
}

/* The counter in struct lana_cell that was one more tells why a packet was lost. */
static void by_counter(const char (*ports)[LANA_NAME_MAX], __u32 offset, struct lana_way *way)
{
	enum lana_path path = offset >= sizeof(struct lana_path_cell);
	__u32 number;

	offset -= path * sizeof(struct lana_path_cell);
	number = offset / sizeof(__u64);
	if (number < LANA_DROPS_MAX) {
		*way = (struct lana_way){ .kind = LANA_WAY_DROP, .path = path };
		way_reason(number, way->name);
	} else if (number < LANA_DROPS_MAX + LANA_PORTS_MAX) {
		by_port(ports, path, number - LANA_DROPS_MAX, way);
		way->kind = LANA_WAY_UNBOUND;
	}
}

_Static_assert(offsetof(struct lana_path_cell, drops) == 0 &&
		       offsetof(struct lana_path_cell, unbound) == LANA_DROPS_MAX * sizeof(__u64),
	       "a counter's offset tells what it counts");

void names_free(struct names *names)
{
	free(names->blocks);
}

static int look(struct names *names, struct lana_error *error)
{
	struct registry *registry = names->stack->registry;
	size_t size = registry->limit * sizeof(*names->blocks);
	void *grown = realloc(names->blocks, size);

	if (!grown)
		return refuse(error, -ENOMEM, "out of memory");
	names->blocks = grown;
	memset(names->blocks, 0, size);
	registry_for_each (registry, idp) {
		const struct record *record = &registry->records[idp];
		const struct type *type;
		int err = types_read(names->stack, record->type, record->version, &type, error);

		if (err)
			return err;
		strcpy(names->blocks[idp].block, record->name);
		memcpy(names->blocks[idp].ports, type->ports, sizeof(type->ports));
		for (int path = 0; path < LANA_PATHS; path++)
			for (__u32 port = 0; port < LANA_PORTS_MAX; port++)
				if (record->edges[path][port])
					names->blocks[idp].bound[path] |= 1U << port;
	}
	names->limit = registry->limit;
	names->generation = registry->generation;
	return 0;
}

int names_refresh(struct names *names, __u32 idp, struct lana_error *error)
{
	bool known = idp < names->limit; /* be it as one that has been removed */
	int err;

	if (known && names->generation == lana_stack_generation(names->stack))
		return 0;
	err = stack_lock(names->stack, error);
	if (err)
		return err;
	LOCKED(names->stack);

	return look(names, error);
}

bool names_has(const struct names *names, const char *block)
{
	for (__u32 idp = 0; idp < names->limit; idp++)
		if (!strcmp(names->blocks[idp].block, block))
			return true;
	return false;
}

void names_way(const struct names *names, const struct probe_record *record, struct lana_way *way)
{
	const char(*ports)[LANA_NAME_MAX] = names->blocks[record->idp].ports;

	if (record->point == PROBE_LOST)
		by_counter(ports, record->verdict, way);
	else
		way_of(ports, record->path, record->verdict, way);
}

bool names_unbound(const struct names *names, __u32 idp, const struct lana_way *way)
{
	if (way->kind != LANA_WAY_PORT || idp >= names->limit)
		return false;
	for (__u32 port = 0; port < LANA_PORTS_MAX; port++)
		if (!strcmp(names->blocks[idp].ports[port], way->name))
			return !(names->blocks[idp].bound[way->path] & 1U << port);
	return false;
}
