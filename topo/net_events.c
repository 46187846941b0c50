// SPDX-License-Identifier: GPL-2.0-only
/*
 * net_events - read what is to happen in a network, and what is expected of it, at which time
 *
 *	link NAME down|up [from NODE]
 *	link NAME set KEY=VALUE ... [from NODE] [to NODE]
 *	ramp NAME KEY VALUE to VALUE every TIME for TIME [from NODE] [to NODE]
 *	flap NAME every TIME for TIME		down and up in turn, at the end up
 *	churn every TIME for TIME [seed N]	one link after the other, drawn by chance
 *	partition NODE ...			links that lead out of these nodes go down
 *	heal					they come up
 *	A reaches B, A does not reach B		B: a node, or an address
 *	loss A B below N%
 *	throughput A B above RATE		of TCP, bit to gbit a second
 *
 * flap and churn become links that go down and up, and ramp links whose properties are set: so that
 * what happens is known beforehand.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "loader/cleanup.h"
#include "phrase.h"

#define EVENTS_MAX 100000
#define TIME_MAX   1e18 /* ns: 31 years; sums of two do not overflow */

/* "1.5s" in ns; the form was looked at, but for those within events. */
bool phrase_time(const char *text, __u64 *ns)
{
	static const struct {
		const char *unit;
		double ns;
	} units[] = { { "ms", 1e6 }, { "s", 1e9 }, { "min", 60e9 } };
	char *end;
	double number = strtod(text, &end);

	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (end != text && !strcmp(end, units[i].unit) && number >= 0 &&
		    number * units[i].ns < TIME_MAX) {
			*ns = number * units[i].ns;
			return true;
		}
	return false;
}

/* "50mbit" in bits a second. */
static bool parse_rate(const char *text, double *rate)
{
	static const struct {
		const char *unit;
		double bits;
	} units[] = { { "bit", 1 }, { "kbit", 1e3 }, { "mbit", 1e6 }, { "gbit", 1e9 } };
	char *end;
	double number = strtod(text, &end);

	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (end != text && !strcmp(end, units[i].unit) && number >= 0) {
			*rate = number * units[i].bits;
			return true;
		}
	return false;
}

struct net_event *phrase_add(const struct phrase *phrase, enum net_event_kind kind, __u64 at)
{
	struct net *net = phrase->reader->net;
	struct net_event *event =
		net->events_count < EVENTS_MAX ? NET_ADD(net->events, net->events_count) : NULL;

	if (!event)
		return NULL;
	event->kind = kind;
	event->at = at;
	event->place = place_of(phrase->node);
	event->from = event->to = -1;
	event->target_node = NET_NONE;
	event->text = strdup(scalar(phrase->node));
	return event->text ? event : NULL;
}

int phrase_too_many(const struct phrase *phrase)
{
	return refuse_node(&phrase->reader->reader, phrase->node,
			   "there are more than %d events, or no memory for them", EVENTS_MAX);
}

int phrase_link(const struct phrase *phrase, const char *name, __u32 *link)
{
	long found = net_find_link(phrase->reader->net, name);

	*link = found;
	return found < 0 ? refuse_phrase(phrase, "there is no link '%.40s'", name) : 0;
}

int phrase_node(const struct phrase *phrase, const char *name, __u32 *node)
{
	long found = net_find_node(phrase->reader->net, name);

	*node = found;
	return found < 0 ? refuse_phrase(phrase, "there is no node '%.40s'", name) : 0;
}

/* ---- what is expected ------------------------------------------------------------------------ */

static int add_expectation(struct phrase *phrase, enum net_event_kind kind, const char *from,
			   const char *to, struct net_event **expectation)
{
	struct net *net = phrase->reader->net;
	struct net_event *event = phrase_add(phrase, kind, phrase->at);
	const struct net_address *address;
	long node = net_find_node(net, to);
	int err;

	if (!event)
		return phrase_too_many(phrase);
	err = phrase_node(phrase, from, &event->node);
	if (err)
		return err;
	if (node < 0 && !net_parse_address(to, false, &event->target))
		return refuse_phrase(phrase, "'%.60s' is neither a node nor an address", to);
	address = node < 0 ? &event->target : net_first_address(&net->nodes[node], AF_UNSPEC);
	if (!address)
		return refuse_phrase(phrase, "node '%s' has no address", to);
	event->target = *address;
	event->target_node = node < 0 ? NET_NONE : node;
	*expectation = event;
	return 0;
}

static int read_reaches(struct phrase *phrase, bool no)
{
	struct net_event *event;
	int err = add_expectation(phrase, EVENT_REACHES, phrase->words[0],
				  phrase->words[phrase->count - 1], &event);

	if (!err)
		event->no = no;
	return err;
}

static int read_loss(struct phrase *phrase)
{
	struct net_event *event;
	char *end;
	int err;

	if (phrase->count != 5 || strcmp(phrase->words[3], "below"))
		return refuse_phrase(phrase, "it is: loss A B below N%%");
	err = add_expectation(phrase, EVENT_LOSS, phrase->words[1], phrase->words[2], &event);
	if (err)
		return err;
	event->limit = strtod(phrase->words[4], &end);
	return end == phrase->words[4] || strcmp(end, "%") || !(event->limit >= 0)
		       ? refuse_phrase(phrase, "'%.40s' is no share, as in 1%%", phrase->words[4])
		       : 0;
}

static int read_throughput(struct phrase *phrase)
{
	struct net_event *event;
	int err;

	if (phrase->count != 5 || strcmp(phrase->words[3], "above"))
		return refuse_phrase(phrase, "it is: throughput A B above RATE");
	err = add_expectation(phrase, EVENT_THROUGHPUT, phrase->words[1], phrase->words[2], &event);
	if (err)
		return err;
	if (event->target_node == NET_NONE)
		return refuse_phrase(phrase, "'%.60s' is no node", phrase->words[2]);
	return parse_rate(phrase->words[4], &event->limit)
		       ? 0
		       : refuse_phrase(phrase, "'%.40s' is no rate, as in 50mbit",
				       phrase->words[4]);
}

/*
 * ---- all
 * ---------------------------------------------------------------------------------------
 */

static const struct {
	const char *word;
	int (*read)(struct phrase *phrase);
} actions[] = {
	{ "link", phrase_read_link },
	{ "flap", phrase_read_flap },
	{ "ramp", phrase_read_ramp },
	{ "churn", phrase_read_churn },
	{ "partition", phrase_read_partition },
	{ "heal", phrase_read_heal },
	{ "loss", read_loss },
	{ "throughput", read_throughput },
};

static int read_event(struct net_reader *reader, const yaml_node_t *node, __u64 at)
{
	struct phrase phrase = { .reader = reader, .node = node, .at = at };
	_cleanup_free_ char *copy = strdup(scalar(node));
	char *save, *word;

	if (!copy)
		return no_memory(&reader->reader);
	for (word = strtok_r(copy, " ", &save); word && phrase.count < WORDS_MAX;
	     word = strtok_r(NULL, " ", &save))
		phrase.words[phrase.count++] = word;
	if (word)
		return refuse_node(&reader->reader, node, "an event has at most %d words",
				   WORDS_MAX);
	if (phrase.count == 3 && !strcmp(phrase.words[1], "reaches"))
		return read_reaches(&phrase, false);
	if (phrase.count == 5 && !strcmp(phrase.words[1], "does") &&
	    !strcmp(phrase.words[2], "not") && !strcmp(phrase.words[3], "reach"))
		return read_reaches(&phrase, true);
	for (size_t i = 0; phrase.count && i < ARRAY_SIZE(actions); i++)
		if (!strcmp(actions[i].word, phrase.words[0]))
			return actions[i].read(&phrase);
	return refuse_node(
		&reader->reader, node,
		"'%.60s' is no event (link, flap, ramp, churn, partition, heal, A reaches B, A "
		"does not reach B, loss, throughput)",
		scalar(node));
}

static int read_moment(struct reader *base, const yaml_node_t *key, const yaml_node_t *value,
		       void *cookie)
{
	struct net_reader *reader = (struct net_reader *)base;
	__u64 at;
	int err = 0;

	(void)cookie;
	if (!phrase_time(scalar(key) + strlen("at "), &at))
		return refuse_node(base, key, "'%s' is no time, as in 'at 1.5s'", scalar(key));
	if (scalar(value))
		return read_event(reader, value, at);
	for (yaml_node_item_t *item = value->data.sequence.items.start;
	     !err && item < value->data.sequence.items.top; item++)
		err = read_event(reader, reader_node(base, *item), at);
	return err;
}

/* By time; at one time in the order of the file. */
static int compare(const void *left, const void *right)
{
	const struct net_event *a = left, *b = right;

	if (a->at != b->at)
		return a->at < b->at ? -1 : 1;
	return (a->order > b->order) - (a->order < b->order);
}

int net_read_events(struct net_reader *reader, yaml_node_t *events)
{
	struct net *net = reader->net;
	int err =
		events ? reader_each_pair(&reader->reader, events, "events", read_moment, NULL) : 0;

	for (size_t i = 0; i < net->events_count; i++)
		net->events[i].order = i;
	if (!err && net->events_count)
		qsort(net->events, net->events_count, sizeof(*net->events), compare);
	return err;
}
