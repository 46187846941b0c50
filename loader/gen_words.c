// SPDX-License-Identifier: GPL-2.0-only
/*
 * gen_words - the words of the packet language, and the values of its fields
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "error.h"
#include "gen_parse.h"

int parser_wrong(const struct parser *p, const char *format, ...)
{
	__u32 line = 1, column = 1;
	char text[256];
	va_list list;

	for (const char *c = p->begin; c < p->token; c++) {
		column = *c == '\n' ? 1 : column + 1;
		line += *c == '\n';
	}
	va_start(list, format);
	vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	return refuse(p->error, -EINVAL, "%s:%u:%u: %s", p->name, line, column, text);
}

/* ---- scanning ----------------------------------------------------------------------------- */

void parser_skip_blank(struct parser *p)
{
	while (p->at < p->end && (isspace((unsigned char)*p->at) || *p->at == '#'))
		if (*p->at++ == '#')
			while (p->at < p->end && *p->at != '\n')
				p->at++;
	p->token = p->at;
}

bool parser_next_is(struct parser *p, char c)
{
	parser_skip_blank(p);
	return p->at < p->end && *p->at == c;
}

bool parser_take(struct parser *p, char c)
{
	if (!parser_next_is(p, c))
		return false;
	p->at++;
	return true;
}

/* Two dots: between the ends of a range. */
static bool next_is_dots(struct parser *p)
{
	parser_skip_blank(p);
	return p->end - p->at >= 2 && p->at[0] == '.' && p->at[1] == '.';
}

int parser_expect(struct parser *p, char c)
{
	if (parser_take(p, c))
		return 0;
	if (p->at == p->end)
		return parser_wrong(p, "the text ends where '%c' is expected", c);
	return parser_wrong(p, "'%c' is expected", c);
}

/* A word, number or address; empty if there is none. */
size_t parser_atom(struct parser *p, char atom[ATOM_MAX])
{
	size_t length = 0;

	parser_skip_blank(p);
	while (p->at < p->end && (isalnum((unsigned char)*p->at) || strchr("_.:|", *p->at))) {
		if (!*p->at || (p->at[0] == '.' && p->end - p->at > 1 && p->at[1] == '.'))
			break;
		if (length < ATOM_MAX - 1)
			atom[length++] = *p->at;
		p->at++;
	}
	atom[length] = 0;
	return length;
}

static bool number_of(const char *text, __u64 *number)
{
	unsigned long long value;
	char *end;

	errno = 0;
	value = strtoull(text, &end, strncmp(text, "0x", 2) ? 10 : 16);
	if (!isdigit((unsigned char)*text) || *end || errno)
		return false;
	*number = value;
	return true;
}

int parser_number(struct parser *p, const char *what, __u64 most, __u64 *number)
{
	char atom[ATOM_MAX];

	parser_atom(p, atom);
	if (!number_of(atom, number) || *number > most)
		return parser_wrong(p, "'%s' is not %s, a number from 0 to %llu", atom, what,
				    (unsigned long long)most);
	return 0;
}

/* ---- values ------------------------------------------------------------------------------- */

static bool mac_of(const char *text, __u64 *number)
{
	unsigned char bytes[6];

	if (!address_parse(ADDRESS_MAC, text, bytes))
		return false;
	for (size_t i = 0; i < sizeof(bytes); i++)
		*number = *number << 8 | bytes[i];
	return true;
}

static bool flags_of(const char *text, __u64 *number)
{
	for (const char *end; *text; text = end + (*end == '|')) {
		int bit;

		end = text + strcspn(text, "|");
		bit = gen_flag_find(text, end - text);
		if (bit < 0)
			return false;
		*number |= 1ULL << bit;
	}
	return true;
}

static bool address_of(const char *text, int family, struct number *number)
{
	__be64 bytes[2];
	struct in_addr ip4;

	if (family == AF_INET) {
		if (inet_pton(AF_INET, text, &ip4) != 1)
			return false;
		number->low = ntohl(ip4.s_addr);
		return true;
	}
	if (inet_pton(AF_INET6, text, bytes) != 1)
		return false;
	number->high = __builtin_bswap64(bytes[0]);
	number->low = __builtin_bswap64(bytes[1]);
	return true;
}

static const char *const kinds[] = {
	[GEN_NUMBER] = "a number",
	[GEN_MAC] = "a MAC address",
	[GEN_IP4] = "an IPv4 address",
	[GEN_IP6] = "an IPv6 address",
	[GEN_FLAGS] = "flags, such as syn|ack, or a number",
};

static __u64 most_of(const struct gen_field_type *field)
{
	return field->width >= 64 ? ~0ULL : (1ULL << field->width) - 1;
}

static int parse_atom(struct parser *p, const struct gen_field_type *field, struct number *number)
{
	struct number found = {};
	char atom[ATOM_MAX];
	bool good = false;

	parser_atom(p, atom);
	switch ((enum gen_kind)field->kind) {
	case GEN_MAC:
		good = mac_of(atom, &found.low);
		break;
	case GEN_IP4:
		good = address_of(atom, AF_INET, &found);
		break;
	case GEN_IP6:
		good = address_of(atom, AF_INET6, &found);
		break;
	case GEN_FLAGS:
		good = (*atom && flags_of(atom, &found.low)) || number_of(atom, &found.low);
		break;
	case GEN_NUMBER:
		good = number_of(atom, &found.low);
		break;
	}
	if (!good)
		return parser_wrong(p, "'%s' is not %s", atom, kinds[field->kind]);
	if (found.low > most_of(field))
		return parser_wrong(p, "%s is more than '%s' holds: %llu at most", atom,
				    field->name, (unsigned long long)most_of(field));
	*number = found;
	return 0;
}

void parser_value_free(struct value *value)
{
	free(value->vary.list);
	free(value->high);
}

static void set_counter(struct value *value, __u64 to, __u64 step)
{
	struct gen_vary *vary = &value->vary;
	__u64 steps = (to - value->from.low) / step;

	value->varies = true;
	vary->form = GEN_COUNTER;
	vary->from = value->from.low;
	vary->step = step;
	vary->to = value->from.low + steps * step;
	vary->count = 0;
}

/* ".. TO" behind an atom, into *to. */
static int parse_range_end(struct parser *p, const struct gen_field_type *field,
			   const struct number *from, __u64 *to)
{
	struct number end;
	int err;

	parser_skip_blank(p);
	p->at += 2;
	err = parse_atom(p, field, &end);
	if (err)
		return err;
	if (end.high != from->high)
		return parser_wrong(p, "the upper 64 bits of both addresses must be the same");
	if (end.low < from->low)
		return parser_wrong(p, "the range ends before it begins");
	*to = end.low;
	return 0;
}

static int parse_step(struct parser *p, const struct gen_field_type *field, __u64 *step)
{
	__u64 number;
	int err = parser_number(p, "a step", ~0ULL, &number);

	if (err)
		return err;
	if (!number)
		return parser_wrong(p, "a step of 0 leads nowhere");
	if (number > most_of(field))
		return parser_wrong(p, "a step of %llu is more than '%s' holds: %llu at most",
				    (unsigned long long)number, field->name,
				    (unsigned long long)most_of(field));
	*step = number;
	return 0;
}

static int parse_counter(struct parser *p, const struct gen_field_type *field, struct value *value)
{
	__u64 to = most_of(field), step = 1;
	bool ranged = next_is_dots(p);
	char after;
	int err;

	err = ranged ? parse_range_end(p, field, &value->from, &to) : 0;
	if (err)
		return err;
	if (parser_take(p, '+')) {
		parser_skip_blank(p);
		after = p->at < p->end ? *p->at : 0;
		if (isdigit((unsigned char)after)) {
			err = parse_step(p, field, &step);
		}
	} else if (!ranged) {
		return 0;
	}
	if (!err)
		set_counter(value, to, step);
	return err;
}

static int parse_random(struct parser *p, const struct gen_field_type *field, struct value *value)
{
	struct gen_vary *vary = &value->vary;
	const char *back;
	char word[ATOM_MAX];
	bool ranged = false;
	int err = 0;

	value->varies = true;
	vary->form = GEN_RANDOM;
	vary->to = most_of(field);
	vary->seed = ++p->randoms;
	if (parser_take(p, '(')) {
		parser_skip_blank(p);
		back = p->at;
		if (parser_atom(p, word) && strcmp(word, "seed")) {
			p->at = back;
			err = parse_atom(p, field, &value->from);
			if (!err && !next_is_dots(p))
				err = parser_wrong(p, "a range is expected: FROM..TO");
			if (!err)
				err = parse_range_end(p, field, &value->from, &vary->to);
			vary->from = value->from.low;
			ranged = true;
			*word = 0;
			if (!err && parser_take(p, ',') &&
			    (!parser_atom(p, word) || strcmp(word, "seed")))
				err = parser_wrong(p, "'seed' is expected");
		}
		if (!err && *word)
			err = parser_expect(p, '=');
		if (!err && *word)
			err = parser_number(p, "a seed", ~0ULL, &vary->seed);
		if (!err)
			err = parser_expect(p, ')');
	}
	if (!err && field->kind == GEN_IP6 && !ranged)
		err = parser_wrong(p, "random IPv6 addresses need a range: random(FROM..TO)");
	return err;
}

static int parse_list(struct parser *p, const struct gen_field_type *field, struct value *value)
{
	struct gen_vary *vary = &value->vary;
	struct number number;
	int err;

	value->varies = true;
	vary->form = GEN_LIST;
	vary->list = calloc(GEN_LIST_MAX, sizeof(*vary->list));
	value->high = calloc(GEN_LIST_MAX, sizeof(*value->high));
	if (!vary->list || !value->high)
		return refuse(p->error, -ENOMEM, "out of memory");
	do {
		if (vary->count == GEN_LIST_MAX)
			return parser_wrong(p, "more than %d values", GEN_LIST_MAX);
		err = parse_atom(p, field, &number);
		if (err)
			return err;
		vary->list[vary->count] = number.low;
		value->high[vary->count++] = number.high;
	} while (parser_take(p, ','));
	return parser_expect(p, ']');
}

int parser_value(struct parser *p, const struct gen_field_type *field, struct value *value)
{
	const char *back;
	char word[ATOM_MAX];
	int err;

	if (parser_take(p, '['))
		return parse_list(p, field, value);
	parser_skip_blank(p);
	back = p->at;
	if (parser_atom(p, word) && !strcmp(word, "random"))
		return parse_random(p, field, value);
	p->at = back;
	err = parse_atom(p, field, &value->from);
	return err ?: parse_counter(p, field, value);
}
