// SPDX-License-Identifier: GPL-2.0-only
/* words - match what the user said against a command's synopsis, one word after the other */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"

#define BLANK " "

static void copy_token(char *to, const char *from, size_t length)
{
	if (length >= CLI_TOKEN_MAX)
		abort();
	memcpy(to, from, length);
	to[length] = 0;
}

/* Add the token at text to the last slot: "port" and "PORT" are one, as is "WORD" and "...". */
static void parse_token(struct cli_slot *slot, const char *text, size_t length)
{
	if (length == 3 && !strncmp(text, "...", 3))
		slot->repeat = true;
	else if (isupper((unsigned char)*text))
		copy_token(slot->value, text, length);
	else
		copy_token(slot->keywords, text, length);
}

void cli_words_init(struct cli_words *words, const struct cli_command *command)
{
	const char *at = command->args ? command->args : "";
	bool optional = false;
	size_t length;

	*words = (struct cli_words){ .command = command };
	while (*(at += strspn(at, BLANK))) {
		bool begins = !optional;

		if (*at == '[') {
			optional = true;
			at++;
		}
		length = strcspn(at, BLANK "]");
		if (begins && strncmp(at, "...", 3)) {
			if (words->count == CLI_SLOTS_MAX)
				abort();
			words->slots[words->count++].optional = optional;
		}
		parse_token(&words->slots[words->count - 1], at, length);
		at += length;
		if (*at == ']') {
			optional = false;
			at++;
		}
	}
}

void cli_words_free(struct cli_words *words)
{
	free(words->list);
}

/* Is word one of "a|b|c"? */
static bool is_one_of(const char *alternatives, const char *word)
{
	size_t length;

	for (; *alternatives; alternatives += length + (alternatives[length] == '|')) {
		length = strcspn(alternatives, "|");
		if (strlen(word) == length && !strncmp(alternatives, word, length))
			return true;
	}
	return false;
}

/* A slot that nothing was said for yet, or that takes any number of words. */
static bool is_open(const struct cli_slot *slot)
{
	return slot->repeat || (!slot->keyword && !slot->word);
}

static bool is_assignment(const struct cli_slot *slot)
{
	return strchr(slot->value, '=');
}

static int append(struct cli_words *words, const char *word)
{
	const char **list = reallocarray(words->list, words->list_count + 2, sizeof(*list));

	if (!list)
		return -ENOMEM;
	words->list = list;
	list[words->list_count++] = word;
	list[words->list_count] = NULL;
	return 0;
}

static int refuse(const struct cli_words *words, char why[256], const char *format, ...)
{
	const struct cli_command *command = words->command;
	size_t used;
	va_list list;

	va_start(list, format);
	vsnprintf(why, 256, format, list);
	va_end(list);
	used = strlen(why);
	if (command->args && *command->args)
		snprintf(why + used, 256 - used, " (%s %s)", command->name, cli_brief(command));
	else
		snprintf(why + used, 256 - used, " (%s takes no words)", command->name);
	return -EINVAL;
}

static int take_value(struct cli_words *words, struct cli_slot *slot, const char *word,
		      char why[256])
{
	const char *sign = strchr(word, '=');

	if (is_assignment(slot) && (!sign || sign == word))
		return refuse(words, why, "'%.64s' is not %s", word, slot->value);
	slot->word = word;
	return slot->repeat ? append(words, word) : 0;
}

/* A value that may be left out, so that what is meant by a word is known only at the end. */
static bool is_doubtful(const struct cli_slot *slot)
{
	return slot->optional && !*slot->keywords;
}

/* The first slot that needs a word. At the end also those behind a value that may be left out. */
static struct cli_slot *required_slot(const struct cli_words *words, bool end)
{
	for (size_t i = 0; i < words->count; i++) {
		const struct cli_slot *slot = &words->slots[i];

		if (is_doubtful(slot) && !end)
			return NULL;
		if (!slot->optional && !slot->keyword && !slot->word)
			return (struct cli_slot *)slot;
	}
	return NULL;
}

static int take_keyword(struct cli_words *words, struct cli_slot *slot, const char *word,
			char why[256])
{
	if (slot->keyword && !strcmp(slot->keyword, word))
		return refuse(words, why, "'%.64s' is said twice", word);
	if (slot->keyword)
		return refuse(words, why, "'%.64s' contradicts '%s'", word, slot->keyword);
	slot->keyword = word;
	if (*slot->value)
		words->awaits = slot;
	return 0;
}

int cli_words_take(struct cli_words *words, const char *word, char why[256])
{
	struct cli_slot *slot = words->awaits;
	size_t i;

	if (slot) {
		words->awaits = NULL;
		return take_value(words, slot, word, why);
	}
	slot = required_slot(words, false);
	if (slot)
		return take_value(words, slot, word, why);

	for (i = 0; i < words->count; i++) {
		slot = &words->slots[i];
		if (is_one_of(slot->keywords, word))
			return take_keyword(words, slot, word, why);
	}
	for (i = 0; i < words->count; i++) {
		slot = &words->slots[i];
		if (!*slot->keywords && is_open(slot) &&
		    (!is_assignment(slot) || strchr(word, '=')))
			return take_value(words, slot, word, why);
	}
	return refuse(words, why, "unknown word '%.64s'", word);
}

/* The last word is that of the value that may not be left out. */
static void shift_last(struct cli_words *words)
{
	struct cli_slot *last = required_slot(words, true);

	for (struct cli_slot *slot = words->slots; last && slot < last; slot++)
		if (is_doubtful(slot) && slot->word && !slot->repeat) {
			last->word = slot->word;
			slot->word = NULL;
			return;
		}
}

int cli_words_end(struct cli_words *words, char why[256])
{
	const struct cli_slot *slot;

	shift_last(words);
	slot = required_slot(words, true);

	if (words->awaits)
		return refuse(words, why, "'%s' needs %s", words->awaits->keyword,
			      words->awaits->value);
	if (slot)
		return refuse(words, why, "%s is missing",
			      *slot->value ? slot->value : slot->keywords);
	return 0;
}

static void visit_alternatives(const char *alternatives,
			       void (*visit)(void *cookie, const char *token), void *cookie)
{
	char token[CLI_TOKEN_MAX];
	size_t length;

	for (; *alternatives; alternatives += length + (alternatives[length] == '|')) {
		length = strcspn(alternatives, "|");
		copy_token(token, alternatives, length);
		visit(cookie, token);
	}
}

void cli_words_next(const struct cli_words *words, void (*visit)(void *cookie, const char *token),
		    void *cookie)
{
	const struct cli_slot *slot = words->awaits ? words->awaits : required_slot(words, false);
	size_t i;

	if (slot) {
		visit_alternatives(slot->value, visit, cookie);
		return;
	}
	for (i = 0; i < words->count; i++) {
		slot = &words->slots[i];
		if (is_open(slot))
			visit_alternatives(*slot->keywords ? slot->keywords : slot->value, visit,
					   cookie);
	}
}

const char *cli_word(const struct cli_args *args, const char *name)
{
	for (size_t i = 0; i < args->words.count; i++)
		if (!strcmp(args->words.slots[i].value, name))
			return args->words.slots[i].word;
	return NULL;
}

bool cli_flag(const struct cli_args *args, const char *keyword)
{
	for (size_t i = 0; i < args->words.count; i++) {
		const struct cli_slot *slot = &args->words.slots[i];

		if (slot->keyword && !strcmp(slot->keyword, keyword))
			return true;
	}
	return false;
}

const char *const *cli_list(const struct cli_args *args)
{
	static const char *const none[] = { NULL };

	return args->words.list ? args->words.list : none;
}
