// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include <lana/lana.h>

#include "cleanup.h"
#include "registry.h"

/* FNV-1a, draft-eastlake-fnv. */
__u32 registry_hash(const char *name)
{
	__u32 hash = 2166136261;

	while (*name)
		hash = (hash ^ (__u8)*name++) * 16777619;
	return hash;
}

static __u16 *bucket(const struct registry *registry, const char *name)
{
	return (__u16 *)&registry->buckets[registry_hash(name) % BUCKETS];
}

__u32 registry_find(const struct registry *registry, const char *name)
{
	__u32 idp = *bucket(registry, name);

	while (idp && strcmp(registry->records[idp].name, name))
		idp = registry->records[idp].next;
	return idp;
}

static void link_name(struct registry *registry, __u32 idp)
{
	__u16 *head = bucket(registry, registry->records[idp].name);

	registry->records[idp].next = *head;
	*head = idp;
}

static void unlink_name(struct registry *registry, __u32 idp)
{
	__u16 *link = bucket(registry, registry->records[idp].name);

	while (*link && *link != idp)
		link = &registry->records[*link].next;
	if (*link)
		*link = registry->records[idp].next;
}

void registry_store(struct registry *registry, __u32 idp, const struct record *record)
{
	struct record *place = &registry->records[idp];

	if (place->name[0])
		unlink_name(registry, idp);
	*place = *record;
	if (place->name[0])
		link_name(registry, idp);
	if (idp >= registry->limit)
		registry->limit = idp + 1;
}

void registry_rehash(struct registry *registry)
{
	memset(registry->buckets, 0, sizeof(registry->buckets));
	registry_for_each (registry, idp)
		link_name(registry, idp);
}

bool registry_lacks(const struct registry *registry, const struct record *record, int path)
{
	for (int flavour = 0; record->entries[path] && flavour < LANA_FLAVOURS; flavour++)
		if (registry->tables & table_bit(flavour, path) &&
		    !(record->woven[path] & 1U << flavour))
			return true;
	return false;
}

static bool subscribers_are_sane(const struct registry *registry, const __u16 *subscribers)
{
	for (int i = 0; i < LANA_SUBSCRIBERS_MAX; i++)
		if (subscribers[i] >= registry->limit)
			return false;
	return true;
}

static bool record_is_sane(const struct registry *registry, const struct record *record)
{
	if (!memchr(record->name, 0, sizeof(record->name)) ||
	    !memchr(record->type, 0, sizeof(record->type)) ||
	    !memchr(record->device.netns_name, 0, sizeof(record->device.netns_name)) ||
	    !memchr(record->device.name, 0, sizeof(record->device.name)) ||
	    record->cell >= 2 * LANA_BLOCKS_MAX || record->filter > 2 * LANA_BLOCKS_MAX ||
	    record->next >= registry->limit || record->device.hook > LANA_HOOK_TC ||
	    !subscribers_are_sane(registry, record->subscribers))
		return false;
	for (int path = 0; path < LANA_PATHS; path++)
		for (__u32 port = 0; port < LANA_PORTS_MAX; port++)
			if (record->edges[path][port] >= registry->limit)
				return false;
	return true;
}

bool registry_is_sane(const struct registry *registry)
{
	if (registry->limit < 1 || registry->limit > LANA_BLOCKS_MAX ||
	    registry->pending > LANA_BLOCKS_MAX || registry->bank > 1 ||
	    registry->switches_count > LANA_SWITCHES_MAX || registry->left[0] > LANA_SWITCHES_MAX ||
	    registry->left[1] > LANA_SWITCHES_MAX)
		return false;
	for (__u32 i = 0; i < registry->switches_count; i++)
		if (registry->switches[i].flavour >= LANA_FLAVOURS ||
		    registry->switches[i].path >= LANA_PATHS ||
		    registry->switches[i].slot >= LANA_SLOTS)
			return false;
	for (__u32 i = 0; i < registry->pending; i++)
		if (registry->journal[i].idp >= LANA_BLOCKS_MAX)
			return false;
	for (__u32 n = 0; n < PROBE_SESSIONS; n++)
		if (registry->sessions[n].kind > PROBE_ENTRY ||
		    registry->sessions[n].filter.count > CLASSIC_MAX ||
		    registry->sessions[n].name[LANA_NAME_MAX - 1])
			return false;
	registry_for_each (registry, idp)
		if (!record_is_sane(registry, &registry->records[idp]))
			return false;
	return true;
}
