// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "cleanup.h"
#include "registry.h"

/* FNV-1a, draft-eastlake-fnv. */
static __u16 *bucket(const struct registry *registry, const char *name)
{
	__u32 hash = 2166136261;

	while (*name)
		hash = (hash ^ (__u8)*name++) * 16777619;
	return (__u16 *)&registry->buckets[hash % BUCKETS];
}

__u32 registry_find(const struct registry *registry, const char *name)
{
	__u32 idp = *bucket(registry, name);

	while (idp && strcmp(registry->records[idp].name, name))
		idp = registry->records[idp].next;
	return idp;
}

__u32 registry_free_idp(const struct registry *registry)
{
	for (__u32 idp = 1; idp < LANA_BLOCKS_MAX; idp++)
		if (!registry->records[idp].name[0])
			return idp;
	return 0;
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
	for (int flavour = 0; record->references[path] && flavour < LANA_FLAVOURS; flavour++)
		if (registry->tables & table_bit(flavour, path) &&
		    !(record->woven[path] & 1U << flavour))
			return true;
	return false;
}
