// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "loader/cleanup.h"
#include "form.h"

/*
 * Patterns that have been compiled, which takes longer than all else that is done with a file.
 * There are no more of them than forms, and they stay.
 */
static struct compiled {
	const char *pattern;
	regex_t regex;
	struct compiled *next;
} * all_compiled;
static pthread_mutex_t compiled_lock = PTHREAD_MUTEX_INITIALIZER;

static const struct compiled *compile(const char *pattern)
{
	struct compiled *found;

	pthread_mutex_lock(&compiled_lock);
	for (found = all_compiled; found && found->pattern != pattern; found = found->next)
		;
	if (!found) {
		found = malloc(sizeof(*found));
		/* It is one of the table's, so it can fail for want of memory alone. */
		if (!found || regcomp(&found->regex, pattern, REG_EXTENDED | REG_NOSUB))
			abort();
		found->pattern = pattern;
		found->next = all_compiled;
		all_compiled = found;
	}
	pthread_mutex_unlock(&compiled_lock);
	return found;
}

bool form_matches(const char *pattern, const char *text)
{
	return !pattern || !regexec(&compile(pattern)->regex, text, 0, NULL, 0);
}

static int check_word(struct reader *reader, const struct form *form, const yaml_node_t *node)
{
	const char *text = scalar(node);

	if (strlen(text) != node->data.scalar.length || !*text || strpbrk(text, "\n\r"))
		return refuse_node(reader, node, "this must be %s", form->what);
	return form->later || form_matches(form->pattern, text)
		       ? 0
		       : refuse_node(reader, node, "'%.100s' is not %s", text, form->what);
}

static int check_bool(struct reader *reader, const struct form *form, const yaml_node_t *node)
{
	bool value;

	(void)form;
	return reader_take_bool(reader, node, "this", &value);
}

static int check_number(struct reader *reader, const struct form *form, const yaml_node_t *node)
{
	const char *text = scalar(node);
	char *end;
	long value;

	errno = 0;
	value = strtol(text, &end, 10);
	if (errno || end == text || *end || value < form->least || value > form->most ||
	    (*text == '0' && value) || *text == '+' || *text == ' ')
		return refuse_node(reader, node, "'%.100s' is not %s: a number from %ld to %ld",
				   text, form->what, form->least, form->most);
	return 0;
}

static int check_list(struct reader *reader, const struct form *form, const yaml_node_t *node)
{
	int err = 0;

	for (yaml_node_item_t *item = node->data.sequence.items.start;
	     !err && item < node->data.sequence.items.top; item++)
		err = form_check(reader, form->item, reader_node(reader, *item));
	return err;
}

static int visit_item(struct reader *reader, const yaml_node_t *key, const yaml_node_t *value,
		      void *cookie)
{
	const struct form *form = cookie;

	return form_check(reader, form->names, key) ?: form_check(reader, form->item, value);
}

static int check_map(struct reader *reader, const struct form *form, const yaml_node_t *node)
{
	return reader_each_pair(reader, node, form->what, visit_item, (void *)form);
}

/* "a, b and c" */
static void name_keys(const struct form_key *keys, char *text, size_t size)
{
	size_t used = 0;

	for (const struct form_key *key = keys; key->name && used < size; key++)
		used += snprintf(text + used, size - used, "%s%s",
				 key == keys   ? ""
				 : key[1].name ? ", "
					       : " and ",
				 key->name);
}

static int visit_key(struct reader *reader, const yaml_node_t *key, const yaml_node_t *value,
		     void *cookie)
{
	const struct form *form = cookie;
	char all[420];

	for (const struct form_key *known = form->keys; known->name; known++)
		if (!strcmp(known->name, scalar(key)))
			return form_check(reader, known->form, value);
	name_keys(form->keys, all, sizeof(all));
	return refuse_node(reader, key, "%s has no '%.60s' (%s)", form->what, scalar(key), all);
}

static bool has_key(struct reader *reader, const yaml_node_t *mapping, const char *key)
{
	for (yaml_node_pair_t *pair = mapping->data.mapping.pairs.start;
	     pair < mapping->data.mapping.pairs.top; pair++)
		if (!strcmp(scalar(reader_node(reader, pair->key)), key))
			return true;
	return false;
}

static int check_record(struct reader *reader, const struct form *form, const yaml_node_t *node)
{
	int err = reader_each_pair(reader, node, form->what, visit_key, (void *)form);

	for (const struct form_key *key = form->keys; !err && key->name; key++)
		if (key->required && !form_get(reader, node, key->name))
			return refuse_node(reader, node, "%s needs '%s'", form->what, key->name);
	for (const struct form_key *key = form->keys; !err && key->name; key++)
		if (key->with && has_key(reader, node, key->name) &&
		    !has_key(reader, node, key->with))
			return refuse_node(reader, node, "%s with '%s' needs '%s'", form->what,
					   key->name, key->with);
	return err;
}

/* How each kind is written in YAML, and looked at. */
static const struct {
	yaml_node_type_t node;
	int (*check)(struct reader *reader, const struct form *form, const yaml_node_t *node);
} kinds[] = {
	[FORM_WORD] = { YAML_SCALAR_NODE, check_word },
	[FORM_BOOL] = { YAML_SCALAR_NODE, check_bool },
	[FORM_NUMBER] = { YAML_SCALAR_NODE, check_number },
	[FORM_LIST] = { YAML_SEQUENCE_NODE, check_list },
	[FORM_MAP] = { YAML_MAPPING_NODE, check_map },
	[FORM_RECORD] = { YAML_MAPPING_NODE, check_record },
};

int form_check(struct reader *reader, const struct form *form, const yaml_node_t *node)
{
	const struct form *one;

	if (is_nothing(node) && form->empty)
		return 0;
	for (one = form; one && !is_nothing(node); one = one->or)
		if (kinds[one->kind].node == node->type)
			return kinds[one->kind].check(reader, one, node);
	return form->or ? refuse_node(reader, node, "this must be %s or %s", form->what,
				      form->or->what)
			: refuse_node(reader, node, "this must be %s", form->what);
}

yaml_node_t *form_get(struct reader *reader, const yaml_node_t *mapping, const char *key)
{
	if (!mapping || mapping->type != YAML_MAPPING_NODE)
		return NULL;
	for (yaml_node_pair_t *pair = mapping->data.mapping.pairs.start;
	     pair < mapping->data.mapping.pairs.top; pair++)
		if (!strcmp(scalar(reader_node(reader, pair->key)) ?: "", key)) {
			yaml_node_t *value = reader_node(reader, pair->value);

			return is_nothing(value) ? NULL : value;
		}
	return NULL;
}
