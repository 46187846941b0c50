// SPDX-License-Identifier: GPL-2.0-only
/*
 * net_event_links - read events that do something to links: see net_events.c
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "phrase.h"
#include "properties.h"
#include "ramp.h"
#include "set.h"

/* A link goes down or up, as a part of something larger or by itself. */
static int add_link(const struct phrase *phrase, __u32 link, bool up, __u64 at)
{
	struct net_event *event = phrase_add(phrase, EVENT_LINK, at);

	if (!event)
		return phrase_too_many(phrase);
	event->link = link;
	event->up = up;
	free(event->text);
	if (asprintf(&event->text, "link %s %s", phrase->reader->net->links[link].name,
		     up ? "up" : "down") < 0)
		event->text = NULL;
	return event->text ? 0 : phrase_too_many(phrase);
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
	struct net_event *event = phrase_add(phrase, EVENT_SET, at);
	char text[160];
	size_t used;

	if (!event)
		return phrase_too_many(phrase);
	event->link = choice->link;
	event->from = choice->from;
	event->to = choice->to;
	event->settings = calloc(count + 1, sizeof(*event->settings));
	used = snprintf(text, sizeof(text), "link %s set", phrase->words[1]);
	for (size_t i = 0; event->settings && i < count; i++) {
		event->settings[i] = strdup(settings[i]);
		if (!event->settings[i])
			return phrase_too_many(phrase);
		if (used < sizeof(text))
			used += snprintf(text + used, sizeof(text) - used, " %s", settings[i]);
	}
	if (used < sizeof(text) && (choice->from >= 0 || choice->to >= 0))
		snprintf(text + used, sizeof(text) - used, " %s %s",
			 choice->to >= 0 ? "to" : "from",
			 net->nodes[choice->to >= 0 ? choice->to : choice->from].name);
	free(event->text);
	event->text = strdup(text);
	return event->text && event->settings ? 0 : phrase_too_many(phrase);
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

int phrase_read_link(struct phrase *phrase)
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
	err = phrase_link(phrase, words[1], &link);
	if (!err && phrase->count == 5)
		err = phrase_node(phrase, words[4], &node);
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
	return !strcmp(words[0], "every") && phrase_time(words[1], every) && *every &&
	       !strcmp(words[2], "for") && phrase_time(words[3], length);
}

int phrase_read_flap(struct phrase *phrase)
{
	__u64 every, length;
	__u32 link;
	bool up = false;
	int err;

	if (phrase->count != 6 || !read_times(phrase->words + 2, &every, &length))
		return refuse_phrase(phrase, "it is: flap NAME every TIME for TIME");
	err = phrase_link(phrase, phrase->words[1], &link);
	for (__u64 at = 0; !err && at < length; at += every, up = !up)
		err = add_link(phrase, link, up, phrase->at + at);
	return err || !up ? err : add_link(phrase, link, true, phrase->at + length);
}

/* The value is reached at the end, and one a step before. */
int phrase_read_ramp(struct phrase *phrase)
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

static bool read_number(const char *text, __u64 *number)
{
	char *end;

	errno = 0;
	*number = strtoull(text, &end, 10);
	return !errno && *text >= '0' && *text <= '9' && !*end;
}

int phrase_read_churn(struct phrase *phrase)
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
	if (phrase->count == 7 && !read_number(phrase->words[6], &state))
		return refuse_phrase(phrase, "'%.40s' is no seed, as in seed 7", phrase->words[6]);
	for (__u64 at = 0; !err && at < length; at += every) {
		if (before >= 0)
			err = add_link(phrase, before, true, phrase->at + at);
		before = draw_number(&state) % links;
		if (!err)
			err = add_link(phrase, before, false, phrase->at + at);
	}
	return err || before < 0 ? err : add_link(phrase, before, true, phrase->at + length);
}

int phrase_read_partition(struct phrase *phrase)
{
	struct net_event *event = phrase_add(phrase, EVENT_PARTITION, phrase->at);
	__u32 node;
	int err = 0;

	if (event)
		event->members = calloc(phrase->reader->net->nodes_count, sizeof(bool));
	if (!event || !event->members)
		return phrase_too_many(phrase);
	if (phrase->count < 2)
		return refuse_phrase(phrase, "it is: partition NODE ...");
	for (size_t i = 1; !err && i < phrase->count; i++) {
		err = phrase_node(phrase, phrase->words[i], &node);
		if (!err)
			event->members[node] = true;
	}
	return err;
}

int phrase_read_heal(struct phrase *phrase)
{
	if (phrase->count != 1)
		return refuse_phrase(phrase, "it is: heal");
	return phrase_add(phrase, EVENT_HEAL, phrase->at) ? 0 : phrase_too_many(phrase);
}
