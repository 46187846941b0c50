// SPDX-License-Identifier: GPL-2.0-only
/*
 * reorder - put packets into order again: the user-space half of bpf/blocks/reorder.bpf.c
 *
 * The kernel half hands a flow over with the first packet behind a missing one; what was expected
 * by then stands in its map. From then on all packets of the flow that have a place in its order
 * come here, and are counted on both sides. When nothing waits any more, and all was sent on a
 * while ago, the flow is offered back: with how many packets have come, and what is expected by
 * now. The kernel half takes it when its next packet is there, unless it has sent more of them.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/ethernet.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include <lana/sequence.h>

#include "reorder/flow.h"

#define HAND_NS	   1000000ULL	 /* what was sent is through the stack by then */
#define LOST_NS	   1000000000ULL /* what has not come by then, and by so many */
#define LOST_LOOKS 64	     /* looks, will not: a worker that stood still has emptied its ring */
#define GRAIN_NS   100000ULL /* between two looks at all flows */

/* ---- bytes ---------------------------------------------------------------------------------- */

#define TIMESTAMP  8 /* the option's kind, and */
#define STAMP_SIZE 10

/* Its timestamp (RFC 7323); 0: it has none. */
static uint32_t stamp_of(const uint8_t *option, const uint8_t *end)
{
	uint32_t stamp;

	while (option < end && *option) {
		uint8_t size = 1;

		if (*option != TCPOPT_NOP) {
			if (end - option < 2 || option[1] < 2 || option[1] > end - option)
				return 0;
			size = option[1];
		}
		if (*option == TIMESTAMP && size == STAMP_SIZE) {
			memcpy(&stamp, option + 2, sizeof(stamp));
			return ntohl(stamp);
		}
		option += size;
	}
	return 0;
}

/* What the kernel half has found in the packet. False: it has changed on the way. */
static bool read_tcp(const struct lana_userpacket *packet, struct reorder_key *key,
		     struct held *held)
{
	const uint8_t *bytes = packet->data;
	struct tcphdr tcp;
	struct iphdr ip;
	uint32_t start, size, end;

	if (packet->length < ETH_HLEN + sizeof(ip))
		return false;
	memcpy(&ip, bytes + ETH_HLEN, sizeof(ip));
	start = ETH_HLEN + ip.ihl * 4;
	end = ETH_HLEN + ntohs(ip.tot_len);
	if (ip.version != 4 || ip.protocol != IPPROTO_TCP || end > packet->length ||
	    start + sizeof(tcp) > end)
		return false;
	memcpy(&tcp, bytes + start, sizeof(tcp));
	size = tcp.doff * 4;
	if (size < sizeof(tcp) || start + size > end)
		return false;
	reorder_range_tcp(&held->range, ntohl(tcp.seq), end - start - size, bytes[start + 13]);
	held->stamp = stamp_of(bytes + start + sizeof(tcp), bytes + start + size);
	*key = (struct reorder_key){ ip.saddr, ip.daddr, { tcp.source, tcp.dest } };
	return true;
}

static bool read_header(const struct lana_userpacket *packet, struct reorder_key *key,
			struct held *held)
{
	const uint8_t *bytes = packet->data;
	struct lana_sequence header;
	struct iphdr ip;

	if (packet->length < ETH_HLEN + sizeof(ip) + sizeof(header))
		return false;
	memcpy(&ip, bytes + ETH_HLEN, sizeof(ip));
	if (ip.version != 4 || ip.ihl != 5 || ip.protocol != LANA_SEQUENCE_PROTOCOL)
		return false;
	memcpy(&header, bytes + ETH_HLEN + sizeof(ip), sizeof(header));
	reorder_range_header(&held->range, ntohl(header.number), header.path);
	*key = (struct reorder_key){ ip.saddr, ip.daddr, {} };
	return true;
}

static bool read_packet(const struct reorder_config *config, const struct lana_userpacket *packet,
			struct reorder_key *key, struct held *held)
{
	if (config->sequence == REORDER_HEADER)
		return read_header(packet, key, held);
	held->range.path = reorder_path(packet->mark, config->mask);
	return read_tcp(packet, key, held);
}

/* ---- whose turn it is ----------------------------------------------------------------------- */

/* What the kernel half has noted of the flow. False: it knows none. */
static bool read_turn(const struct reorder *reorder, const struct reorder_key *key,
		      struct reorder_flow *known, struct reorder_turn *turn)
{
	if (bpf_map_lookup_elem(reorder->turns, key, known))
		return false;
	turn->word = known->turn;
	return true;
}

/* What of the flow has left already. Without memory, duplicates are not known. */
static void read_recent(const struct reorder *reorder, struct flow *flow)
{
	const struct reorder_config *config = reorder->block->config;

	if (flow->recent || config->sequence != REORDER_HEADER)
		return;
	flow->recent = calloc(1, sizeof(*flow->recent));
	if (flow->recent)
		bpf_map_lookup_elem(reorder->recents, &flow->key, flow->recent);
}

/* A flow that the worker has for the first time, or again. NULL: it has it not. */
static struct flow *take_over(struct reorder *reorder, struct flow *flow,
			      const struct reorder_key *key, uint8_t path)
{
	struct reorder_flow known;
	struct reorder_turn turn;

	if (!read_turn(reorder, key, &known, &turn) || !turn.user)
		return NULL;
	if (flow) {
		table_move(reorder, flow, false);
		read_recent(reorder, flow);
		if (flow->epoch == turn.epoch) {
			/* It was not taken, and shall not be when the count has gone round. */
			bpf_map_delete_elem(reorder->offers, key);
			return flow;
		}
	} else {
		flow = table_add(reorder, key, path);
		if (!flow)
			return NULL;
		read_recent(reorder, flow);
	}
	flow->expected = turn.expected;
	flow->epoch = turn.epoch;
	flow->begun = known.begun;
	flow->received = 0;
	flow->missing = (struct missing){};
	flow->given_up = (struct gap){};
	flow->paths = (struct paths){ .now = known.paths, .before = known.paths_before };
	return flow;
}

static void offer(struct reorder *reorder, struct flow *flow, uint16_t received)
{
	struct reorder_offer offer = { .turn = { .expected = flow->expected,
						 .count = received,
						 .epoch = flow->epoch,
						 .user = 1 } };

	if (flow->recent)
		bpf_map_update_elem(reorder->recents, &flow->key, flow->recent, BPF_ANY);
	free(flow->recent);
	flow->recent = NULL;
	bpf_map_update_elem(reorder->offers, &flow->key, &offer, BPF_ANY);
	flow->received = received;
	free(flow->held);
	flow->held = NULL;
	flow->room = 0;
	table_move(reorder, flow, true);
}

/*
 * So many were sent to the worker, and not all have come. They are lost, as a ring was full, if in
 * a long time neither one of them comes nor another one is sent. How old the last one is says
 * nothing: a worker that is behind has more of the flow in its ring, of which it takes a batch
 * between two looks.
 */
static bool are_lost(struct flow *flow, uint16_t sent, uint64_t now)
{
	struct missing *missing = &flow->missing;

	if (!missing->since || missing->sent != sent || missing->received != flow->received)
		*missing =
			(struct missing){ .since = now, .sent = sent, .received = flow->received };
	return ++missing->looks > LOST_LOOKS && now - missing->since >= LOST_NS;
}

/*
 * Nothing of the flow waits: give it back once all that was sent is through the stack, and all that
 * the kernel half has sent has come. When to look again; 0: never.
 */
static uint64_t give_back(struct reorder *reorder, struct flow *flow, uint64_t now)
{
	struct reorder_flow known;
	struct reorder_turn turn;

	if (now < flow->last + HAND_NS)
		return flow->last + HAND_NS;
	if (!lana_user_is_sent(reorder->block))
		return now + HAND_NS;
	if (!read_turn(reorder, &flow->key, &known, &turn) || turn.epoch != flow->epoch ||
	    !turn.user) {
		table_remove(reorder, flow);
		return 0;
	}
	if (turn.count != flow->received && !are_lost(flow, turn.count, now))
		return now + LOST_NS / LOST_LOOKS;
	offer(reorder, flow, turn.count);
	return 0;
}

/* ---- when ----------------------------------------------------------------------------------- */

static void timer(struct lana_userblock *block, uint64_t now)
{
	struct reorder *reorder = reorder_of(block);
	uint64_t next = UINT64_MAX;

	for (struct flow *flow = reorder->busy.first, *down; flow; flow = down) {
		uint64_t when;

		down = flow->down;
		flow_expire(reorder, flow, now);
		if (flow->count)
			when = flow->since + flow_patience(reorder, flow);
		else
			when = give_back(reorder, flow, now);
		if (when && when < next)
			next = when;
	}
	reorder->timer = next;
	if (next == UINT64_MAX)
		return;
	reorder->timer = next < now + GRAIN_NS ? now + GRAIN_NS : next;
	lana_user_timer(block, reorder->timer);
}

/* The flow may have something to do sooner than the timer knows. */
static void arm(struct reorder *reorder, const struct flow *flow)
{
	uint64_t when =
		flow->count ? flow->since + flow_patience(reorder, flow) : flow->last + HAND_NS;

	if (when >= reorder->timer)
		return;
	reorder->timer = when;
	lana_user_timer(reorder->block, when);
}

static void process(struct lana_userblock *block, struct lana_userpacket **packets, uint32_t count)
{
	struct reorder *reorder = reorder_of(block);
	const struct reorder_config *config = block->config;

	for (uint32_t i = 0; i < count; i++) {
		struct held held = { .packet = packets[i] };
		struct flow *flow = NULL;
		struct reorder_key key;

		if (read_packet(config, packets[i], &key, &held)) {
			flow = table_find(reorder, &key);
			if (!flow || flow->offered)
				flow = take_over(reorder, flow, &key, packets[i]->path);
		}
		if (!flow) {
			lana_user_send(block, packets[i], REORDER_NEXT);
			continue;
		}
		flow->received++;
		flow_take(reorder, flow, &held);
		arm(reorder, flow);
	}
}

/* ---- life ----------------------------------------------------------------------------------- */

static void set(struct lana_userblock *block, const void *before)
{
	struct reorder *reorder = reorder_of(block);
	const struct reorder_config *config = block->config;

	(void)before;
	for (struct flow *flow = reorder->busy.first; flow; flow = flow->down)
		if (config->order == REORDER_OFF)
			flow_flush(reorder, flow);
	timer(block, lana_user_now());
}

static void close_maps(const struct reorder *reorder)
{
	const int maps[] = { reorder->turns, reorder->offers, reorder->recents };

	for (int i = 0; i < 3; i++)
		if (maps[i] >= 0)
			close(maps[i]);
}

static int init(struct lana_userblock *block)
{
	struct reorder *reorder = reorder_of(block);

	reorder->block = block;
	reorder->timer = UINT64_MAX;
	reorder->turns = lana_user_map(block, "reorder_flows");
	reorder->offers = lana_user_map(block, "reorder_offers");
	reorder->recents = lana_user_map(block, "reorder_recents");
	if (reorder->turns >= 0 && reorder->offers >= 0 && reorder->recents >= 0)
		return 0;
	close_maps(reorder);
	return -ENOENT;
}

/* What waits leaves now, and flows go back as they are: nobody has anything to hand over later. */
static void fini(struct lana_userblock *block)
{
	struct reorder *reorder = reorder_of(block);
	struct flow *flow;

	while ((flow = reorder->busy.first)) {
		flow_flush(reorder, flow);
		offer(reorder, flow, flow->received);
	}
	while ((flow = reorder->offered.first))
		table_remove(reorder, flow);
	close_maps(reorder);
}

LANA_USERBLOCK(reorder, .state_size = sizeof(struct reorder), .init = init, .process = process,
	       .timer = timer, .set = set, .fini = fini);
