// SPDX-License-Identifier: GPL-2.0-only
/*
 * import_graphml - GraphML (graphml.graphdrawing.org), as the Internet Topology Zoo has it
 *
 * Nodes are called by their `label`, or else by their id. An edge's LinkSpeedRaw (bits a second) is
 * its rate. Its delay follows from the places of its nodes (Latitude, Longitude): the great circle
 * between them (haversine, radius 6,371 km), at two thirds of the speed of light, as in fibre.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <expat.h>

#include "loader/cleanup.h"
#include "loader/error.h"
#include "sketch.h"

#define EARTH_KM   6371.0
#define FIBRE_KM_S 200000.0

enum meaning { NOTHING, LABEL, LATITUDE, LONGITUDE, SPEED };

static const struct {
	const char *name;
	enum meaning meaning;
} meanings[] = {
	{ "label", LABEL },
	{ "Latitude", LATITUDE },
	{ "Longitude", LONGITUDE },
	{ "LinkSpeedRaw", SPEED },
};

/* A key of the file that means something. */
struct key {
	char id[32];
	enum meaning meaning;
};

struct vertex {
	char *id, *label;
	double latitude, longitude; /* NaN: not told */
};

struct edge {
	char *source, *target;
	double speed; /* 0: not told */
	unsigned long line;
};

struct graph {
	XML_Parser parser;
	const struct lana_topo_source *source;
	struct lana_error *error;
	int err;
	struct key *keys;
	size_t keys_count;
	struct vertex *vertices;
	size_t vertices_count;
	struct edge *edges;
	size_t edges_count;
	bool in_node, in_edge, seen;
	enum meaning meaning; /* of the data that is being read */
	char text[200];
	size_t length;
};

static void graph_free(struct graph *graph)
{
	for (size_t i = 0; i < graph->vertices_count; i++) {
		free(graph->vertices[i].id);
		free(graph->vertices[i].label);
	}
	for (size_t i = 0; i < graph->edges_count; i++) {
		free(graph->edges[i].source);
		free(graph->edges[i].target);
	}
	free(graph->keys);
	free(graph->vertices);
	free(graph->edges);
	if (graph->parser)
		XML_ParserFree(graph->parser);
}

static void fail(struct graph *graph, int err, const char *why)
{
	if (graph->err)
		return;
	graph->err = refuse(graph->error, err, "%s:%lu:%lu: %s", graph->source->name,
			    (unsigned long)XML_GetCurrentLineNumber(graph->parser),
			    (unsigned long)XML_GetCurrentColumnNumber(graph->parser) + 1, why);
	XML_StopParser(graph->parser, XML_FALSE);
}

static const char *attribute(const XML_Char **attributes, const char *name)
{
	for (; *attributes; attributes += 2)
		if (!strcmp(attributes[0], name))
			return attributes[1];
	return NULL;
}

static void begin_key(struct graph *graph, const XML_Char **attributes)
{
	const char *id = attribute(attributes, "id"), *name = attribute(attributes, "attr.name");
	struct key *key;

	for (size_t i = 0; id && name && i < ARRAY_SIZE(meanings); i++) {
		if (strcmp(meanings[i].name, name))
			continue;
		key = NET_ADD(graph->keys, graph->keys_count);
		if (!key) {
			fail(graph, -ENOMEM, "out of memory");
			return;
		}
		snprintf(key->id, sizeof(key->id), "%s", id);
		key->meaning = meanings[i].meaning;
	}
}

static void begin_node(struct graph *graph, const XML_Char **attributes)
{
	const char *id = attribute(attributes, "id");
	struct vertex *vertex = id ? NET_ADD(graph->vertices, graph->vertices_count) : NULL;

	if (!id)
		fail(graph, -EINVAL, "a node needs an id");
	else if (!vertex || !(vertex->id = strdup(id)))
		fail(graph, -ENOMEM, "out of memory");
	else
		vertex->latitude = vertex->longitude = NAN;
	graph->in_node = true;
}

static void begin_edge(struct graph *graph, const XML_Char **attributes)
{
	const char *source = attribute(attributes, "source"),
		   *target = attribute(attributes, "target");
	struct edge *edge = source && target ? NET_ADD(graph->edges, graph->edges_count) : NULL;

	if (!source || !target) {
		fail(graph, -EINVAL, "an edge needs a source and a target");
		return;
	}
	if (edge) {
		edge->source = strdup(source);
		edge->target = strdup(target);
		edge->line = XML_GetCurrentLineNumber(graph->parser);
	}
	if (!edge || !edge->source || !edge->target)
		fail(graph, -ENOMEM, "out of memory");
	graph->in_edge = true;
}

static void begin(void *cookie, const XML_Char *name, const XML_Char **attributes)
{
	struct graph *graph = cookie;
	const char *key;

	if (!strcmp(name, "graphml"))
		graph->seen = true;
	else if (!graph->seen)
		fail(graph, -EINVAL, "this is no GraphML: its outermost element is another");
	else if (!strcmp(name, "key"))
		begin_key(graph, attributes);
	else if (!strcmp(name, "node"))
		begin_node(graph, attributes);
	else if (!strcmp(name, "edge"))
		begin_edge(graph, attributes);
	else if (!strcmp(name, "hyperedge"))
		fail(graph, -EINVAL, "hyperedges are not known here");
	key = strcmp(name, "data") ? NULL : attribute(attributes, "key");
	graph->meaning = NOTHING;
	for (size_t i = 0; key && i < graph->keys_count; i++)
		if (!strcmp(graph->keys[i].id, key))
			graph->meaning = graph->keys[i].meaning;
	graph->length = 0;
}

static void take_text(void *cookie, const XML_Char *text, int length)
{
	struct graph *graph = cookie;
	size_t room = sizeof(graph->text) - 1 - graph->length;

	if ((size_t)length > room)
		length = room;
	memcpy(graph->text + graph->length, text, length);
	graph->length += length;
}

static void take_node_data(struct graph *graph)
{
	struct vertex *vertex = &graph->vertices[graph->vertices_count - 1];

	if (graph->meaning == LATITUDE) {
		vertex->latitude = atof(graph->text);
	} else if (graph->meaning == LONGITUDE) {
		vertex->longitude = atof(graph->text);
	} else if (graph->meaning == LABEL) {
		free(vertex->label);
		vertex->label = strdup(graph->text);
	}
}

static void end(void *cookie, const XML_Char *name)
{
	struct graph *graph = cookie;

	graph->text[graph->length] = 0;
	if (!strcmp(name, "data") && graph->in_node && graph->vertices_count)
		take_node_data(graph);
	else if (!strcmp(name, "data") && graph->in_edge && graph->edges_count &&
		 graph->meaning == SPEED)
		graph->edges[graph->edges_count - 1].speed = atof(graph->text);
	graph->in_node = graph->in_node && strcmp(name, "node");
	graph->in_edge = graph->in_edge && strcmp(name, "edge");
	graph->meaning = NOTHING;
}

/*
 * ---- the network ------------------------------------------------------------------------------
 */

static long find_vertex(const struct graph *graph, const char *id)
{
	for (size_t i = 0; i < graph->vertices_count; i++)
		if (!strcmp(graph->vertices[i].id, id))
			return i;
	return -1;
}

static double distance_km(const struct vertex *a, const struct vertex *b)
{
	double degree = acos(-1) / 180, up = (b->latitude - a->latitude) * degree / 2,
	       along = (b->longitude - a->longitude) * degree / 2,
	       part = pow(sin(up), 2) +
		      cos(a->latitude * degree) * cos(b->latitude * degree) * pow(sin(along), 2);

	return 2 * EARTH_KM * asin(sqrt(part > 1 ? 1 : part)); /* NaN stays what it is */
}

static int add_edge(struct graph *graph, const struct edge *edge, struct net *net)
{
	long from = find_vertex(graph, edge->source), to = find_vertex(graph, edge->target);
	double km;
	bool good;

	if (from < 0 || to < 0)
		return refuse(graph->error, -EINVAL, "%s:%lu:1: there is no node '%.60s'",
			      graph->source->name, edge->line,
			      from < 0 ? edge->source : edge->target);
	good = sketch_pair(net, from, to);
	km = distance_km(&graph->vertices[from], &graph->vertices[to]);
	if (good && edge->speed > 0)
		good = sketch_property(net, net->links_count - 1, -1, false, "rate", "%.0fkbit",
				       ceil(edge->speed / 1000));
	if (good && isfinite(km) && km > 0)
		good = sketch_property(net, net->links_count - 1, -1, false, "delay", "%.0fus",
				       ceil(km / FIBRE_KM_S * 1e6));
	return good ? 0 : refuse(graph->error, -ENOMEM, "out of memory");
}

static int draw(struct graph *graph, struct net *net)
{
	int err = 0;

	for (size_t i = 0; i < graph->vertices_count; i++) {
		const struct vertex *vertex = &graph->vertices[i];
		const char *label = vertex->label && *vertex->label ? vertex->label : vertex->id;

		if (sketch_node(net, label, true) < 0)
			return refuse(graph->error, -ENOMEM, "out of memory");
	}
	for (size_t i = 0; !err && i < graph->edges_count; i++)
		err = add_edge(graph, &graph->edges[i], net);
	return err;
}

int import_graphml(const struct lana_topo_source *source, struct net *net, struct lana_error *error)
{
	_cleanup_(graph_free) struct graph graph = { .source = source, .error = error };

	graph.parser = XML_ParserCreate(NULL);
	if (!graph.parser)
		return refuse(error, -ENOMEM, "out of memory");
	XML_SetUserData(graph.parser, &graph);
	XML_SetElementHandler(graph.parser, begin, end);
	XML_SetCharacterDataHandler(graph.parser, take_text);
	if (XML_Parse(graph.parser, source->text, source->size, 1) == XML_STATUS_ERROR)
		fail(&graph, -EINVAL, XML_ErrorString(XML_GetErrorCode(graph.parser)));
	if (graph.err)
		return graph.err;
	net->shortest = true;
	return draw(&graph, net);
}
