// SPDX-License-Identifier: GPL-2.0-only
/*
 * rules_file - the text form of rules
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"
#include "rules.h"

static const char *const actions[] = {
	[LANA_RULE_ACCEPT] = "accept", [LANA_RULE_DROP] = "drop", [LANA_RULE_REJECT] = "reject"
};

static const char *const states[LANA_CT_STATES] = {
	[LANA_CT_UNTRACKED] = "untracked",     [LANA_CT_NEW] = "new",
	[LANA_CT_ESTABLISHED] = "established", [LANA_CT_RELATED] = "related",
	[LANA_CT_INVALID] = "invalid",
};

/* IANA's names; any other protocol goes by its number. */
static const struct {
	const char *name;
	__u8 number;
} protocols[] = { { "icmp", 1 },    { "igmp", 2 },  { "ipip", 4 },   { "tcp", 6 },
		  { "udp", 17 },    { "gre", 47 },  { "esp", 50 },   { "ah", 51 },
		  { "icmpv6", 58 }, { "ospf", 89 }, { "vrrp", 112 }, { "sctp", 132 } };

#define ANY_PORT_LAST  65535
#define PROTOCOL_GIVEN 0x100
#define VERSION_BITS   32

struct line {
	const char *file;
	__u32 number;
	struct lana_error *error;
	char *rest;
};

__attribute__((format(printf, 2, 3))) static int wrong(const struct line *line, const char *format,
						       ...)
{
	char text[200];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return refuse(line->error, -EINVAL, "%s:%u: %s", line->file, line->number, text);
}

static char *next_word(struct line *line)
{
	char *word;

	do
		word = strsep(&line->rest, " \t\r");
	while (word && !*word);
	return word;
}

static bool read_number(const char *text, unsigned long max, unsigned long *number)
{
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*number = strtoul(text, &end, 10);
	return !errno && !*end && *number <= max;
}

/* ---- matches -------------------------------------------------------------------------------- */

/* Bits behind the prefix must be 0: who sets them has meant something else. */
static bool is_prefix(const struct lana_rule_address *address, unsigned long length)
{
	for (unsigned int bit = length; bit < 128; bit++)
		if (ntohl(address->words[bit / 32]) & 1U << (31 - bit % 32))
			return false;
	return true;
}

static int read_prefix(struct line *line, char *word, struct lana_rule_address *address)
{
	char *slash = strchr(word, '/');
	unsigned long length, max;
	int version = strchr(word, ':') ? 6 : 4;

	max = length = version == 4 ? 32 : 128;
	if (slash)
		*slash = 0;
	*address = (struct lana_rule_address){};
	if (inet_pton(version == 4 ? AF_INET : AF_INET6, word, address->words) != 1)
		return wrong(line, "'%s' is no IPv4 or IPv6 address", word);
	if (slash && !read_number(slash + 1, max, &length))
		return wrong(line, "'/%s' is no length of a prefix", slash + 1);
	if (!is_prefix(address, length))
		return wrong(line, "%s/%lu has bits beyond its length", word, length);
	address->version = htonl(version);
	address->length = VERSION_BITS + length;
	return 0;
}

static int read_from(struct line *line, char *word, struct lana_rule *rule)
{
	return read_prefix(line, word, &rule->from);
}

static int read_to(struct line *line, char *word, struct lana_rule *rule)
{
	return read_prefix(line, word, &rule->to);
}

static int read_ports(struct line *line, char *word, __u16 ports[2])
{
	char *dash = strchr(word, '-');
	unsigned long first, last;

	if (dash)
		*dash++ = 0;
	if (!read_number(word, ANY_PORT_LAST, &first) ||
	    !read_number(dash ?: word, ANY_PORT_LAST, &last) || first > last)
		return wrong(line, "'%s%s%s' is no port, nor a range of them", word,
			     dash ? "-" : "", dash ?: "");
	ports[0] = first;
	ports[1] = last;
	return 0;
}

static int read_sport(struct line *line, char *word, struct lana_rule *rule)
{
	return read_ports(line, word, rule->sport);
}

static int read_dport(struct line *line, char *word, struct lana_rule *rule)
{
	return read_ports(line, word, rule->dport);
}

static int read_protocol(struct line *line, char *word, struct lana_rule *rule)
{
	unsigned long number = 256;

	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++)
		if (!strcmp(protocols[i].name, word))
			number = protocols[i].number;
	if (number > 255 && !read_number(word, 255, &number))
		return wrong(line, "'%s' is no protocol that has a name here, nor a number to 255",
			     word);
	rule->protocol = PROTOCOL_GIVEN | number;
	return 0;
}

static int read_states(struct line *line, char *word, struct lana_rule *rule)
{
	char *state;

	while ((state = strsep(&word, ","))) {
		int known = LANA_CT_STATES - 1;

		while (known >= 0 && strcmp(states[known], state))
			known--;
		if (known < 0)
			return wrong(line,
				     "'%s' is no state (new, established, related, invalid, "
				     "untracked)",
				     state);
		rule->states |= 1 << known;
	}
	return 0;
}

static const struct match {
	const char *name;
	int (*read)(struct line *line, char *word, struct lana_rule *rule);
} matches[] = {
	{ "from", read_from },	 { "to", read_to },	  { "proto", read_protocol },
	{ "sport", read_sport }, { "dport", read_dport }, { "state", read_states },
};

/* ---- rules ---------------------------------------------------------------------------------- */

static int read_rule(struct line *line, char *action, struct lana_rule *rule)
{
	unsigned int seen = 0;
	char *word, *value;

	*rule = (struct lana_rule){ .sport = { 0, ANY_PORT_LAST },
				    .dport = { 0, ANY_PORT_LAST },
				    .line = line->number };
	while (rule->action < ARRAY_SIZE(actions) && strcmp(actions[rule->action], action))
		rule->action++;
	if (rule->action == ARRAY_SIZE(actions))
		return wrong(line, "'%s' is none of accept, drop, reject", action);

	while ((word = next_word(line))) {
		size_t i = 0;
		int err;

		while (i < ARRAY_SIZE(matches) && strcmp(matches[i].name, word))
			i++;
		if (i == ARRAY_SIZE(matches))
			return wrong(line, "'%s' is none of from, to, proto, sport, dport, state",
				     word);
		if (seen & 1U << i)
			return wrong(line, "'%s' is there twice", word);
		seen |= 1U << i;
		value = next_word(line);
		if (!value)
			return wrong(line, "nothing follows '%s'", word);
		err = matches[i].read(line, value, rule);
		if (err)
			return err;
	}
	if (rule->from.length && rule->to.length && rule->from.version != rule->to.version)
		return wrong(line, "no packet goes from one version of IP to the other");
	return 0;
}

int rules_parse(char *text, const char *name, struct rules *rules, struct lana_error *error)
{
	struct line line = { .file = name, .error = error };
	char *next;

	*rules = (struct rules){};
	while ((next = strsep(&text, "\n"))) {
		char *action;
		int err;

		line.number++;
		line.rest = next;
		next[strcspn(next, "#")] = 0;
		action = next_word(&line);
		if (!action)
			continue;
		if (rules->count == LANA_RULES_MAX)
			return refuse(error, -E2BIG, "%s:%u: more than %d rules", name, line.number,
				      LANA_RULES_MAX);
		if (!(rules->count & (rules->count - 1))) { /* a power of two, or none */
			size_t room = rules->count ? 2 * rules->count : 1;
			void *grown = reallocarray(rules->all, room, sizeof(*rules->all));

			if (!grown)
				return refuse(error, -ENOMEM, "out of memory");
			rules->all = grown;
		}
		err = read_rule(&line, action, &rules->all[rules->count]);
		if (err)
			return err;
		rules->count++;
	}
	return 0;
}

void rules_free(struct rules *rules)
{
	free(rules->all);
}

/* ---- and back ------------------------------------------------------------------------------- */

struct text {
	char *bytes;
	size_t size, length;
};

__attribute__((format(printf, 2, 3))) static void add(struct text *text, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (text->length < text->size)
		text->length += vsnprintf(text->bytes + text->length, text->size - text->length,
					  format, args);
	va_end(args);
}

static void add_prefix(struct text *text, const char *what, const struct lana_rule_address *address)
{
	int version = ntohl(address->version);
	char number[INET6_ADDRSTRLEN];

	if (!address->length)
		return;
	inet_ntop(version == 4 ? AF_INET : AF_INET6, address->words, number, sizeof(number));
	add(text, " %s %s/%u", what, number, address->length - VERSION_BITS);
}

static void add_ports(struct text *text, const char *what, const __u16 ports[2])
{
	if (ports[0] == ports[1])
		add(text, " %s %u", what, ports[0]);
	else if (ports[0] || ports[1] != ANY_PORT_LAST)
		add(text, " %s %u-%u", what, ports[0], ports[1]);
}

static void add_protocol(struct text *text, __u8 protocol)
{
	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++)
		if (protocols[i].number == protocol) {
			add(text, " proto %s", protocols[i].name);
			return;
		}
	add(text, " proto %u", protocol);
}

void rules_format(const struct lana_rule *rule, char *bytes, size_t size)
{
	struct text text = { bytes, size, 0 };
	bool first = true;

	add(&text, "%s", rule->action < ARRAY_SIZE(actions) ? actions[rule->action] : "?");
	add_prefix(&text, "from", &rule->from);
	add_prefix(&text, "to", &rule->to);
	if (rule->protocol)
		add_protocol(&text, rule->protocol);
	add_ports(&text, "sport", rule->sport);
	add_ports(&text, "dport", rule->dport);
	for (int i = 0; i < LANA_CT_STATES; i++)
		if (rule->states & 1 << i) {
			add(&text, "%s%s", first ? " state " : ",", states[i]);
			first = false;
		}
}
