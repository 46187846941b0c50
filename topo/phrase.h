/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * phrase - events while they are read; for net_event*.c alone
 */
#ifndef TOPO_PHRASE_H
#define TOPO_PHRASE_H

#include "net_reader.h"

#define WORDS_MAX 64

/* An event: its words, and where they stand. */
struct phrase {
	struct net_reader *reader;
	const yaml_node_t *node;
	__u64 at;
	char *words[WORDS_MAX];
	size_t count;
};

#define refuse_phrase(phrase, ...) \
	refuse_node(&(phrase)->reader->reader, (phrase)->node, __VA_ARGS__)

/* "1.5s" in ns; the form was looked at, but for those within events. */
bool phrase_time(const char *text, __u64 *ns);

/* One more event, which the phrase is, or is a part of. NULL: phrase_too_many(). */
struct net_event *phrase_add(const struct phrase *phrase, enum net_event_kind kind, __u64 at);
int phrase_too_many(const struct phrase *phrase);

/* -EINVAL: there is none, which is said. */
int phrase_link(const struct phrase *phrase, const char *name, __u32 *link);
int phrase_node(const struct phrase *phrase, const char *name, __u32 *node);

/* ---- net_event_links.c: what is read by the first word --- */

int phrase_read_link(struct phrase *phrase);
int phrase_read_flap(struct phrase *phrase);
int phrase_read_ramp(struct phrase *phrase);
int phrase_read_churn(struct phrase *phrase);
int phrase_read_partition(struct phrase *phrase);
int phrase_read_heal(struct phrase *phrase);

#endif
