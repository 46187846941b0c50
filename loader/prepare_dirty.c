// SPDX-License-Identifier: GPL-2.0-only
/*
 * prepare_dirty - what a commit changes, and so which parts of programs are not what they were
 */
#include <string.h>

#include "copies.h"
#include "notice.h"
#include "prepare.h"

bool change_of_code(const struct change *change)
{
	const struct record *old = &change->old, *new = &change->new;

	return change->forced || !old->name[0] || old->version != new->version ||
	       old->cell != new->cell || old->probes != new->probes || old->filter != new->filter ||
	       strcmp(old->type, new->type) ||
	       memcmp(old->config, new->config, sizeof(new->config)) ||
	       (new->publishes &&memcmp(old->subscribers, new->subscribers,
					sizeof(new->subscribers)));
}

/* Do other edges of the path lead on inside the program, or elsewhere? */
static bool fusion_changed(const struct change *change, int path)
{
	const struct record *old = &change->old, *new = &change->new;

	if (old->fused[path] != new->fused[path])
		return true;
	for (__u32 port = 0; port < LANA_PORTS_MAX; port++)
		if (new->fused[path] & 1U << port &&
		    old->edges[path][port] != new->edges[path][port])
			return true;
	return false;
}

static bool bound_changed(const struct change *change, int path)
{
	return record_bound(&change->old, path) != record_bound(&change->new, path);
}

bool commit_edges_changed(const struct commit *commit)
{
	for (size_t i = 0; i < commit->changes_count; i++)
		if (memcmp(commit->changes[i]->old.edges, commit->changes[i]->new.edges,
			   sizeof(commit->changes[i]->new.edges)) ||
		    memcmp(commit->changes[i]->old.fused, commit->changes[i]->new.fused,
			   sizeof(commit->changes[i]->new.fused)))
			return true;
	return false;
}

bool commit_nature_changed(const struct commit *commit)
{
	for (size_t i = 0; i < commit->changes_count; i++)
		if (commit->changes[i]->old.nature != commit->changes[i]->new.nature)
			return true;
	return false;
}

static void mark_dirty(struct preparation *p, __u32 idp, int path)
{
	p->dirty[node_of(idp, path)] = true;
	p->any_dirty = true;
}

/* Event functions are in the programs of the publishers. */
static void mark_publishers(struct preparation *p, __u32 subscriber)
{
	for (__u32 idp = 1; idp < graph_limit(p->graph); idp++) {
		const struct record *record = graph_record(p->graph, idp);

		if (!record || !record->publishes || !notice_hears(record, subscriber))
			continue;
		for (int path = 0; path < LANA_PATHS; path++)
			mark_dirty(p, idp, path);
	}
}

void prepare_find_dirty(struct preparation *p)
{
	for (size_t i = 0; i < p->commit->changes_count; i++) {
		const struct change *change = p->commit->changes[i];

		if (change->new.hears && change_of_code(change))
			mark_publishers(p, change->idp);
		for (int path = 0; change->new.name[0] && path < LANA_PATHS; path++) {
			bool fusion = fusion_changed(change, path);
			bool rebound = bound_changed(change, path);

			p->rebound[node_of(change->idp, path)] = rebound;
			if (rebound && change->new.turns)
				p->rebound[node_of(change->idp, !path)] = true;
			p->any_dirty |= rebound;
			if (fusion || change_of_code(change) ||
			    (rebound && copies_here(&change->new)))
				mark_dirty(p, change->idp, path);
			if (fusion && change->new.turns)
				mark_dirty(p, change->idp, !path);
		}
	}
}

bool segment_copies(const struct preparation *p, const struct segment *segment)
{
	for (size_t i = 0; i < segment->count; i++)
		if (copies_here(graph_record(p->graph, node_idp(segment->nodes[i]))))
			return true;
	return false;
}

bool segment_is_dirty(const struct preparation *p, const struct segment *segment)
{
	bool copies = segment_copies(p, segment);

	for (size_t i = 0; i < segment->count; i++)
		if (p->dirty[segment->nodes[i]] || (copies && p->rebound[segment->nodes[i]]))
			return true;
	return false;
}
