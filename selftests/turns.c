// SPDX-License-Identifier: GPL-2.0-only
#include <arpa/inet.h>
#include <glob.h>
#include <stdio.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "tap.h"
#include "topology.h"
#include "turns.h"

static struct reorder_key key_of(uint16_t flow)
{
	return (struct reorder_key){ .source = inet_addr("10.0.0.1"),
				     .dest = inet_addr("10.0.0.2"),
				     .ports = { htons(flow), htons(80) } };
}

/* A map of the block's, of which there is one. */
static int open_state(const char *map)
{
	char pattern[200];
	glob_t found;
	int fd;

	snprintf(pattern, sizeof(pattern), "%s/lana/*/state/*@%s", topology_bpffs(), map);
	if (glob(pattern, 0, NULL, &found) || found.gl_pathc != 1)
		tap_bail("no map %s", map);
	fd = bpf_obj_get(found.gl_pathv[0]);
	if (fd < 0)
		tap_bail("map %s does not open", map);
	globfree(&found);
	return fd;
}

static void read_flow(int map, const struct reorder_key *key, struct reorder_flow *flow)
{
	if (bpf_map_lookup_elem(map, key, flow))
		tap_bail("no such flow");
}

struct reorder_turn turns_read(uint16_t flow)
{
	const struct reorder_key key = key_of(flow);
	int map = open_state("reorder_flows");
	struct reorder_flow known;

	read_flow(map, &key, &known);
	close(map);
	return (struct reorder_turn){ .word = known.turn };
}

void turns_lose(uint16_t flow)
{
	const struct reorder_key key = key_of(flow);
	int map = open_state("reorder_flows");
	struct reorder_flow known;

	read_flow(map, &key, &known);
	((struct reorder_turn *)&known.turn)->count++;
	if (bpf_map_update_elem(map, &key, &known, BPF_EXIST))
		tap_bail("the flow cannot be changed");
	close(map);
}

void turns_offer(uint16_t flow, struct reorder_turn turn, uint16_t count, uint32_t expected)
{
	const struct reorder_key key = key_of(flow);
	struct reorder_offer offer = { .turn = turn };
	int map = open_state("reorder_offers");

	offer.turn.count = count;
	offer.turn.expected = expected;
	if (bpf_map_update_elem(map, &key, &offer, BPF_ANY))
		tap_bail("no offer can be made");
	close(map);
}

struct reorder_turn turns_offered(uint16_t flow)
{
	const struct reorder_key key = key_of(flow);
	int map = open_state("reorder_offers");
	struct reorder_offer offer = {};

	if (bpf_map_lookup_elem(map, &key, &offer))
		offer = (struct reorder_offer){};
	close(map);
	return offer.turn;
}
