// SPDX-License-Identifier: GPL-2.0-only
/*
 * import_imn - networks of IMUNES as its older versions write them: lists of Tcl
 *
 *	node n0 { type router network-config { hostname r … } interface-peer {eth0 n1} … }
 *	link l0 { nodes {n0 n1} bandwidth 100000000 delay 25000 … }
 *
 * The configuration of a node is lines as of Cisco's or Quagga's routers.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "loader/address.h"
#include "loader/cleanup.h"
#include "loader/error.h"
#include "imn.h"

/* A place in the text; a word is taken off its front. */
struct cursor {
	const char *at, *end;
	unsigned long line;
};

struct word {
	const char *text; /* without its braces */
	size_t length;
	unsigned long line;
};

static int skip_braces(const struct imn *imn, struct cursor *cursor)
{
	unsigned long begin = cursor->line;
	int depth = 0;

	for (; cursor->at < cursor->end; cursor->at++) {
		if (*cursor->at == '\\' && cursor->at + 1 < cursor->end) {
			cursor->at++;
		} else if (*cursor->at == '{') {
			depth++;
		} else if (*cursor->at == '}' && !--depth) {
			cursor->at++;
			return 0;
		}
		cursor->line += *cursor->at == '\n';
	}
	return imn_refuse(imn, begin, "a brace is not closed");
}

/* 1: there is a word; 0: none is left. -EINVAL */
static int next_word(const struct imn *imn, struct cursor *cursor, struct word *word)
{
	int err = 0;

	for (; cursor->at < cursor->end && isspace((unsigned char)*cursor->at); cursor->at++)
		cursor->line += *cursor->at == '\n';
	if (cursor->at == cursor->end)
		return 0;
	*word = (struct word){ .text = cursor->at, .line = cursor->line };
	if (*cursor->at == '{') {
		err = skip_braces(imn, cursor);
		word->text++;
		word->length = cursor->at - word->text - 1;
		return err ?: 1;
	}
	if (*cursor->at == '}')
		return imn_refuse(imn, cursor->line, "a brace closes nothing");
	while (cursor->at < cursor->end && !isspace((unsigned char)*cursor->at))
		cursor->at++;
	word->length = cursor->at - word->text;
	return 1;
}

/* The word that has to follow another one. */
static int take_word(const struct imn *imn, struct cursor *cursor, const struct word *behind,
		     struct word *word)
{
	int more = next_word(imn, cursor, word);

	if (more < 0)
		return more;
	return more ? 0
		    : imn_refuse(imn, behind->line, "nothing follows '%.*s'", (int)behind->length,
				 behind->text);
}

static bool is(const struct word *word, const char *text)
{
	return word->length == strlen(text) && !strncmp(word->text, text, word->length);
}

static void copy(const struct word *word, char *text, size_t size)
{
	snprintf(text, size, "%.*s", (int)word->length, word->text);
}

static struct cursor inside(const struct word *word)
{
	return (struct cursor){ word->text, word->text + word->length, word->line };
}

/* ---- nodes ----------------------------------------------------------------------------------- */

static struct imn_interface *interface_of(struct imn_node *node, const char *name)
{
	struct imn_interface *interface;

	for (size_t i = 0; i < node->interfaces_count; i++)
		if (!strcmp(node->interfaces[i].name, name))
			return &node->interfaces[i];
	interface = NET_ADD(node->interfaces, node->interfaces_count);
	if (interface)
		snprintf(interface->name, sizeof(interface->name), "%s", name);
	return interface;
}

/* What one line of a configuration says; *at is the interface that lines speak of. */
static int read_line(struct imn *imn, struct imn_node *node, const char *text, unsigned long line,
		     struct imn_interface **at)
{
	char one[100] = "", two[100] = "";
	int skipped = 0;

	text += strspn(text, " \t");
	if (sscanf(text, "hostname %31s", node->name) == 1)
		return 0;
	if (sscanf(text, "interface %15s", one) == 1) {
		*at = interface_of(node, one);
		return *at ? 0 : refuse(imn->error, -ENOMEM, "out of memory");
	}
	if (*text == '!') {
		*at = NULL;
		return 0;
	}
	if (sscanf(text, "ip address %99s", one) == 1 ||
	    sscanf(text, "ipv6 address %99s", one) == 1)
		return *at && strncmp((*at)->name, "lo", 2) ? imn_address(imn, *at, one, line) : 0;
	if (*at && sscanf(text, "mac address %99s", one) == 1)
		(*at)->as.has_mac = address_parse(ADDRESS_MAC, one, (*at)->as.mac);
	if (*at && sscanf(text, "mtu %99s", one) == 1)
		(*at)->as.mtu = atoi(one);
	if (sscanf(text, "ip route %n%99s %99s", &skipped, one, two) == 2 ||
	    sscanf(text, "ipv6 route %n%99s %99s", &skipped, one, two) == 2)
		return imn_route(imn, node, text + skipped, line);
	node->dynamic |= sscanf(text, "router %99s", one) == 1;
	return 0;
}

static int read_config(struct imn *imn, struct imn_node *node, const struct word *config)
{
	_cleanup_free_ char *text = strndup(config->text, config->length);
	struct imn_interface *at = NULL;
	unsigned long line = config->line;
	char *next;
	int err = text ? 0 : refuse(imn->error, -ENOMEM, "out of memory");

	for (char *one = text; !err && one; one = next, line++) {
		next = strchr(one, '\n');
		if (next)
			*next++ = 0;
		err = read_line(imn, node, one, line, &at);
	}
	return err;
}

/* "eth0 n1" */
static int read_peer(struct imn *imn, struct imn_node *node, const struct word *value)
{
	struct cursor cursor = inside(value);
	struct imn_interface *interface;
	struct word name, peer;
	char text[IFNAMSIZ];

	if (next_word(imn, &cursor, &name) <= 0 || next_word(imn, &cursor, &peer) <= 0)
		return imn_refuse(imn, value->line, "interface-peer needs an interface and a node");
	copy(&name, text, sizeof(text));
	interface = interface_of(node, text);
	if (!interface)
		return refuse(imn->error, -ENOMEM, "out of memory");
	copy(&peer, interface->peer, sizeof(interface->peer));
	return 0;
}

static int read_node(struct imn *imn, const struct word *name, const struct word *body)
{
	struct imn_node *node = NET_ADD(imn->nodes, imn->nodes_count);
	struct cursor cursor = inside(body);
	struct word key, value;
	int more, err = 0;

	if (!node)
		return refuse(imn->error, -ENOMEM, "out of memory");
	copy(name, node->id, sizeof(node->id));
	node->line = name->line;
	while (!err && (more = next_word(imn, &cursor, &key))) {
		err = more < 0 ? more : take_word(imn, &cursor, &key, &value);
		if (err)
			return err;
		if (is(&key, "type"))
			copy(&value, node->type, sizeof(node->type));
		else if (is(&key, "network-config"))
			err = read_config(imn, node, &value);
		else if (is(&key, "interface-peer"))
			err = read_peer(imn, node, &value);
	}
	return err;
}

/* ---- links ----------------------------------------------------------------------------------- */

static double number(const struct word *word)
{
	char text[40];

	copy(word, text, sizeof(text));
	return atof(text);
}

static int read_ends(struct imn *imn, struct imn_link *link, const struct word *value)
{
	struct cursor cursor = inside(value);
	struct word word;

	for (int i = 0; i < 2; i++) {
		if (next_word(imn, &cursor, &word) <= 0)
			return imn_refuse(imn, value->line, "a link needs two nodes");
		copy(&word, link->nodes[i], sizeof(link->nodes[i]));
	}
	return 0;
}

static int read_link(struct imn *imn, const struct word *name, const struct word *body)
{
	struct imn_link *link = NET_ADD(imn->links, imn->links_count);
	struct cursor cursor = inside(body);
	struct word key, value;
	int more, err = 0;

	if (!link)
		return refuse(imn->error, -ENOMEM, "out of memory");
	copy(name, link->id, sizeof(link->id));
	link->line = name->line;
	while (!err && (more = next_word(imn, &cursor, &key))) {
		err = more < 0 ? more : take_word(imn, &cursor, &key, &value);
		if (err)
			return err;
		if (is(&key, "nodes"))
			err = read_ends(imn, link, &value);
		else if (is(&key, "mirror"))
			copy(&value, link->mirror, sizeof(link->mirror));
		else if (is(&key, "bandwidth"))
			link->rate = number(&value);
		else if (is(&key, "delay"))
			link->delay = number(&value);
		else if (is(&key, "ber"))
			link->ber = number(&value);
		else if (is(&key, "duplicate"))
			link->duplicate = number(&value);
	}
	if (!err && !*link->nodes[1])
		err = imn_refuse(imn, link->line, "a link needs two nodes");
	return err;
}

int import_imn(const struct lana_topo_source *source, struct net *net, struct lana_error *error)
{
	_cleanup_(imn_free) struct imn imn = { .source = source, .error = error };
	struct cursor cursor = { source->text, source->text + source->size, 1 };
	struct word kind, name, body;
	int more, err = 0;

	while (!err && (more = next_word(&imn, &cursor, &kind))) {
		err = more < 0 ? more
			       : take_word(&imn, &cursor, &kind, &name) ?:
					 take_word(&imn, &cursor, &name, &body);
		if (err)
			return err;
		if (is(&kind, "node"))
			err = read_node(&imn, &name, &body);
		else if (is(&kind, "link"))
			err = read_link(&imn, &name, &body);
	}
	return err ?: imn_draw(&imn, net);
}
