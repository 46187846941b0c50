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
#include "net_reader.h"
#include "ramp.h"
#include "set.h"

#define WORDS_MAX  64
#define EVENTS_MAX 100000

/* An event while it is read: its words, and where they stand. */
struct phrase {
	struct net_reader *reader;
	const yaml_node_t *node;
	__u64 at;
	char *words[WORDS_MAX];
	size_t count;
};

/* "1.5s" in ns; the form was looked at, but for those within events. */
static bool parse_time(const char *text, __u64 *ns)
{
	static const struct {
		const char *unit;
		double ns;
	} units[] = { { "ms", 1e6 }, { "s", 1e9 }, { "min", 60e9 } };
	char *end;
	double number = strtod(text, &end);

	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (end != text && !strcmp(end, units[i].unit) && number >= 0 && number < 1e9) {
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
		if (end != text && !strcmp(end, units[i].unit)) {
			*rate = number * units[i].bits;
			return true;
		}
	return false;
}

static struct net_event *add_event(const struct phrase *phrase, enum net_event_kind kind, __u64 at)
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

static int too_many(const struct phrase *phrase)
{
	return refuse_node(&phrase->reader->reader, phrase->node,
			   "there are more than %d events, or no memory for them", EVENTS_MAX);
}

#define refuse_phrase(phrase, ...) \
	refuse_node(&(phrase)->reader->reader, (phrase)->node, __VA_ARGS__)

static int find_link(const struct phrase *phrase, const char *name, __u32 *link)
{
	long found = net_find_link(phrase->reader->net, name);

	*link = found;
	return found < 0 ? refuse_phrase(phrase, "there is no link '%.40s'", name) : 0;
}

static int find_node(const struct phrase *phrase, const char *name, __u32 *node)
{
	long found = net_find_node(phrase->reader->net, name);

	*node = found;
	return found < 0 ? refuse_phrase(phrase, "there is no node '%.40s'", name) : 0;
}

/* ---- links ----------------------------------------------------------------------------------- */

/* A link goes down or up, as a part of something larger or by itself. */
static int add_link(const struct phrase *phrase, __u32 link, bool up, __u64 at)
{
	struct net_event *event = add_event(phrase, EVENT_LINK, at);

	if (!event)
		return too_many(phrase);
	event->link = link;
	event->up = up;
	free(event->text);
	if (asprintf(&event->text, "link %s %s", phrase->reader->net->links[link].name,
		     up ? "up" : "down") < 0)
		event->text = NULL;
	return event->text ? 0 : too_many(phrase);
}

/* "from NODE", "to NODE": which directions are meant; they are taken off the end of the phrase. */
static int take_choice(struct phrase *phrase, struct set_choice *choice)
{
	const struct net *net = phrase->reader->net;
	const char *from = NULL, *to = NULL;
	struct lana_error why = {};
	bool found = true;

	while (found && phrase->count > 4) {
		const char *word = phrase->words[phrase->count - 2];
		const char **node = !strcmp(word, "from") ? &from
				    : !strcmp(word, "to") ? &to
							  : NULL;

		found = node && !*node;
		if (found)
			*node = phrase->words[phrase->count - 1];
		if (found)
			phrase->count -= 2;
	}
	if (from && to)
		return refuse_phrase(phrase, "it is either 'from' or 'to' a node");
	if (set_choose(net, phrase->words[1], from, to, choice, &why))
		return refuse_phrase(phrase, "%s", why.text);
	for (size_t i = 0; i < net->links[choice->link].ends_count; i++)
		if (set_chosen(net, choice, i) && !properties_wired(&net->links[choice->link], i))
			return refuse_phrase(
				phrase,
				"link '%s' has no properties and is a plain veth: give "
				"it one, 'rate: 0' will do",
				phrase->words[1]);
	return 0;
}

/* Settings are words of the phrase. */
static int add_set(const struct phrase *phrase, const struct set_choice *choice, __u64 at,
		   char *const *settings, size_t count)
{
	const struct net *net = phrase->reader->net;
	struct net_event *event = add_event(phrase, EVENT_SET, at);
	char text[160];
	size_t used;

	if (!event)
		return too_many(phrase);
	event->link = choice->link;
	event->from = choice->from;
	event->to = choice->to;
	event->settings = calloc(count + 1, sizeof(*event->settings));
	used = snprintf(text, sizeof(text), "link %s set", phrase->words[1]);
	for (size_t i = 0; event->settings && i < count; i++) {
		event->settings[i] = strdup(settings[i]);
		if (!event->settings[i])
			return too_many(phrase);
		if (used < sizeof(text))
			used += snprintf(text + used, sizeof(text) - used, " %s", settings[i]);
	}
	if (used < sizeof(text) && (choice->from >= 0 || choice->to >= 0))
		snprintf(text + used, sizeof(text) - used, " %s %s",
			 choice->to >= 0 ? "to" : "from",
			 net->nodes[choice->to >= 0 ? choice->to : choice->from].name);
	free(event->text);
	event->text = strdup(text);
	return event->text && event->settings ? 0 : too_many(phrase);
}

static int read_set(struct phrase *phrase)
{
	struct set_choice choice;
	int err;

	if (phrase->count < 4)
		return refuse_phrase(phrase,
				     "it is: link NAME set KEY=VALUE ... [from NODE] [to NODE]");
	err = take_choice(phrase, &choice);
	for (size_t i = 3; !err && i < phrase->count; i++)
		if (!strchr(phrase->words[i], '=') || *phrase->words[i] == '=')
			return refuse_phrase(phrase, "'%.60s' is not of the form KEY=VALUE",
					     phrase->words[i]);
	return err ?: add_set(phrase, &choice, phrase->at, phrase->words + 3, phrase->count - 3);
}

static int read_link(struct phrase *phrase)
{
	struct net *net = phrase->reader->net;
	char *const *words = phrase->words;
	__u32 link, node;
	bool up;
	int err;

	if (phrase->count > 2 && !strcmp(words[2], "set"))
		return read_set(phrase);
	if ((phrase->count != 3 && (phrase->count != 5 || strcmp(words[3], "from"))) ||
	    (strcmp(words[2], "up") && strcmp(words[2], "down")))
		return refuse_phrase(phrase, "it is: link NAME down|up [from NODE], or link NAME "
					     "set KEY=VALUE ...");
	up = !strcmp(words[2], "up");
	err = find_link(phrase, words[1], &link);
	if (!err && phrase->count == 5)
		err = find_node(phrase, words[4], &node);
	if (!err)
		err = add_link(phrase, link, up, phrase->at);
	if (err || phrase->count != 5)
		return err;
	for (size_t i = 0; i < net->links[link].ends_count; i++)
		if (net->links[link].ends[i].node == node) {
			net->events[net->events_count - 1].from = node;
			return 0;
		}
	return refuse_phrase(phrase, "'%s' is no node of link '%s'", words[4], words[1]);
}

/* "every TIME for TIME" */
static bool read_times(char *const *words, __u64 *every, __u64 *length)
{
	return !strcmp(words[0], "every") && parse_time(words[1], every) && *every &&
	       !strcmp(words[2], "for") && parse_time(words[3], length);
}

static int read_flap(struct phrase *phrase)
{
	__u64 every, length;
	__u32 link;
	bool up = false;
	int err;

	if (phrase->count != 6 || !read_times(phrase->words + 2, &every, &length))
		return refuse_phrase(phrase, "it is: flap NAME every TIME for TIME");
	err = find_link(phrase, phrase->words[1], &link);
	for (__u64 at = 0; !err && at < length; at += every, up = !up)
		err = add_link(phrase, link, up, phrase->at + at);
	return err || !up ? err : add_link(phrase, link, true, phrase->at + length);
}

/* The value is reached at the end, and one a step before. */
static int read_ramp(struct phrase *phrase)
{
	char *const *words = phrase->words;
	struct set_choice choice;
	__u64 every, length, steps;
	int err;

	if (phrase->count < 10 || strcmp(words[4], "to"))
		return refuse_phrase(phrase, "it is: ramp NAME KEY VALUE to VALUE every TIME for "
					     "TIME [from NODE] [to NODE]");
	err = take_choice(phrase, &choice);
	if (err)
		return err;
	if (phrase->count != 10 || !read_times(words + 6, &every, &length) || length < every)
		return refuse_phrase(phrase, "it is: ramp NAME KEY VALUE to VALUE every TIME for "
					     "TIME [from NODE] [to NODE]");
	steps = (length + every - 1) / every;
	for (__u64 i = 0; !err && i <= steps; i++) {
		__u64 at = i < steps ? i * every : length;
		char value[64], setting[100];
		char *settings = setting;
		struct lana_error why = {};

		if (ramp_value(words[2], words[3], words[5], at, length, value, sizeof(value),
			       &why))
			return refuse_phrase(phrase, "%s", why.text);
		snprintf(setting, sizeof(setting), "%.31s=%s", words[2], value);
		err = add_set(phrase, &choice, phrase->at + at, &settings, 1);
	}
	return err;
}

/* The next number of a sequence that a seed begins: splitmix64 (Steele, Lea and Flood 2014). */
static __u64 draw_number(__u64 *state)
{
	__u64 mixed = *state += 0x9e3779b97f4a7c15;

	mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9;
	mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111eb;
	return mixed ^ mixed >> 31;
}

static int read_churn(struct phrase *phrase)
{
	__u64 every, length, state = 1;
	size_t links = phrase->reader->net->links_count;
	long before = -1;
	int err = 0;

	if ((phrase->count != 5 && phrase->count != 7) ||
	    !read_times(phrase->words + 1, &every, &length) ||
	    (phrase->count == 7 && strcmp(phrase->words[5], "seed")))
		return refuse_phrase(phrase, "it is: churn every TIME for TIME [seed N]");
	if (!links)
		return refuse_phrase(phrase, "there is no link");
	if (phrase->count == 7)
		state = strtoull(phrase->words[6], NULL, 10);
	for (__u64 at = 0; !err && at < length; at += every) {
		if (before >= 0)
			err = add_link(phrase, before, true, phrase->at + at);
		before = draw_number(&state) % links;
		if (!err)
			err = add_link(phrase, before, false, phrase->at + at);
	}
	return err || before < 0 ? err : add_link(phrase, before, true, phrase->at + length);
}

static int read_partition(struct phrase *phrase)
{
	struct net_event *event = add_event(phrase, EVENT_PARTITION, phrase->at);
	__u32 node;
	int err = 0;

	if (event)
		event->members = calloc(phrase->reader->net->nodes_count, sizeof(bool));
	if (!event || !event->members)
		return too_many(phrase);
	if (phrase->count < 2)
		return refuse_phrase(phrase, "it is: partition NODE ...");
	for (size_t i = 1; !err && i < phrase->count; i++) {
		err = find_node(phrase, phrase->words[i], &node);
		if (!err)
			event->members[node] = true;
	}
	return err;
}

static int read_heal(struct phrase *phrase)
{
	if (phrase->count != 1)
		return refuse_phrase(phrase, "it is: heal");
	return add_event(phrase, EVENT_HEAL, phrase->at) ? 0 : too_many(phrase);
}

/* ---- what is expected ------------------------------------------------------------------------ */

/* The first address of a node, those of its links first. */
static const struct net_address *address_of(const struct net_node *node)
{
	for (size_t i = 1; i <= node->interfaces_count; i++) {
		const struct net_interface *interface =
			&node->interfaces[i % node->interfaces_count];

		if (interface->addresses_count)
			return &interface->addresses[0];
	}
	return NULL;
}

static int add_expectation(struct phrase *phrase, enum net_event_kind kind, const char *from,
			   const char *to, struct net_event **expectation)
{
	struct net *net = phrase->reader->net;
	struct net_event *event = add_event(phrase, kind, phrase->at);
	const struct net_address *address;
	long node = net_find_node(net, to);
	int err;

	if (!event)
		return too_many(phrase);
	err = find_node(phrase, from, &event->node);
	if (err)
		return err;
	if (node < 0 && !net_parse_address(to, false, &event->target))
		return refuse_phrase(phrase, "'%.60s' is neither a node nor an address", to);
	address = node < 0 ? &event->target : address_of(&net->nodes[node]);
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
	return end == phrase->words[4] || strcmp(end, "%")
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
	{ "link", read_link },		 { "flap", read_flap },
	{ "ramp", read_ramp },		 { "churn", read_churn },
	{ "partition", read_partition }, { "heal", read_heal },
	{ "loss", read_loss },		 { "throughput", read_throughput },
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
	if (!parse_time(scalar(key) + strlen("at "), &at))
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
