// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_live_tc - nothing is lost when a stack at tc is rearranged under load
 *
 *	 generator        stack                        checker
 *	+--------+    +---------------------------+    +--------+
 *	|     g0 |----| in ─► … blocks … ─► out   |----| c0     |
 *	+--------+    +---------------------------+    +--------+
 *
 * LANA_SOAK=N in the environment takes N times as many turns.
 */
#include "live.h"
#include "tap.h"

#define RATE 200000

static const struct live_case cases[] = {
	{
		/* in ─► x or y ─► count ─► out */
		.name = "1000 binds",
		.setup = { "add x counter", "add y counter", "add count counter", "bind out count",
			   "bind count x", "bind count y", "bind x in ingress" },
		.turn = { "bind y in ingress", "flow", "bind x in ingress", "flow" },
		.turns = 500,
		.counted = { "x y", "count" },
		.traffic = { .rate = RATE },
	},
	{
		.name = "1000 binds of two ports, without a pause",
		.setup = { "add split ethertype type=0x0800", "add x counter", "add y counter",
			   "bind out x", "bind out y", "bind x split port match",
			   "bind y split port other", "bind split in ingress" },
		.turn = { "bind y split port match", "bind x split port other",
			  "bind x split port match", "bind y split port other" },
		.turns = 250,
		.counted = { "x y" },
		.traffic = { .rate = RATE, .arp_every = 3 },
	},
	{
		/* in ─► turn, which sends them down: ─► x or y ─► out */
		.name = "1000 binds of egress",
		.setup = { "add turn swap_mac", "add x counter", "add y counter",
			   "bind x out egress", "bind y out egress", "bind turn x egress",
			   "bind turn in ingress" },
		.turn = { "bind turn y egress", "flow", "bind turn x egress", "flow" },
		.turns = 500,
		.counted = { "x y" },
		.traffic = { .rate = RATE },
	},
	{
		.name = "1000 replaces that keep counters",
		.setup = { "add count counter", "bind out count", "bind count in ingress" },
		.turn = { "replace count tally", "replace count counter" },
		.turns = 500,
		.counted = { "count" },
		.traffic = { .rate = RATE },
	},
	{
		/* All of the filters take all of the frames: port other leads nowhere. */
		.name = "300 filters that say the same in other words",
		.setup = { "add pick filter expr=udp", "add x counter", "bind out x",
			   "bind x pick port match", "bind pick in ingress" },
		.turn = { "set pick expr=ip", "set pick expr=ip[9]=17", "set pick expr=udp" },
		.turns = 100,
		.counted = { "x" },
		.traffic = { .rate = RATE },
	},
	{
		.name = "80 replaces that drop counters",
		.setup = { "add mid forward", "add count counter", "bind out count",
			   "bind count mid", "bind mid in ingress" },
		.turn = { "replace mid counter", "replace mid ttl drop-state",
			  "replace mid mark value=1 drop-state", "replace mid forward drop-state" },
		.turns = 20,
		.counted = { "count" },
		.traffic = { .rate = RATE },
	},
	{
		.name = "blocks added, bound, set and removed, 30 times",
		.setup = { "add way ttl", "add count counter", "bind out count", "bind count way",
			   "bind way in ingress" },
		.turn = { "add guest counter", "bind count guest ingress", "bind guest way ingress",
			  "set way reserve=9", "bind count way ingress",
			  "unbind count guest ingress", "rm guest", "set way reserve=0" },
		.turns = 30,
		.counted = { "count" },
		.traffic = { .rate = RATE },
	},
	{
		/* port other of split is never bound */
		.name = "unbound at three places, 40 times",
		.setup = { "add split ethertype type=0x0800", "add mid forward",
			   "add count counter", "bind out count", "bind count mid",
			   "bind mid split port match", "bind split in ingress" },
		.turn = { "unbind mid split port match", "bind mid split port match", "flow",
			  "unbind split in ingress", "bind split in ingress", "flow",
			  "unbind count mid ingress", "bind count mid ingress", "flow" },
		.turns = 40,
		.booked = "in:next split:match split:other mid:next",
		.counted = { "count" },
		.traffic = { .rate = RATE, .arp_every = 5 },
	},
	{
		.name = "unbound on egress, 40 times",
		.setup = { "add turn swap_mac", "add count counter", "bind count out egress",
			   "bind turn count egress", "bind turn in ingress" },
		.turn = { "unbind turn count egress", "bind turn count egress", "flow" },
		.turns = 40,
		.booked = "turn:next",
		.counted = { "count" },
		.traffic = { .rate = RATE },
	},
	{
		/* ttl takes no ARP; with reserve=254 it lets nothing through */
		.name = "300 binds to where frames are dropped",
		.setup = { "add bin drop", "add hops ttl", "add dead ttl reserve=254",
			   "add count counter", "bind out count", "bind count hops",
			   "bind hops in ingress" },
		.turn = { "bind bin in ingress", "flow", "bind dead in ingress", "flow",
			  "bind hops in ingress", "flow" },
		.turns = 100,
		.booked = "bin:policy hops:protocol dead:protocol dead:dead",
		.counted = { "count" },
		.traffic = { .rate = RATE, .arp_every = 3 },
	},
	{
		.name = "400 binds into a cycle and out of it",
		.setup = { "add a forward", "add b forward", "add count counter", "bind out count",
			   "bind count a", "bind b a ingress", "bind a b ingress",
			   "bind a in ingress" },
		.turn = { "bind count a ingress", "flow", "bind b a ingress", "flow" },
		.turns = 200,
		.booked = "a:too_long",
		.booked_fused = "a:too_long b:too_long",
		.counted = { "count" },
		.traffic = { .rate = RATE },
	},
};

int main(void)
{
	size_t i;

	live_begin();
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		live_run(&cases[i], LANA_HOOK_TC, false);
		live_run(&cases[i], LANA_HOOK_TC, true);
	}
	return tap_done();
}
