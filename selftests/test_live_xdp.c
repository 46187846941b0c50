// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_live_xdp - nothing is lost when a stack at XDP is rearranged under full load
 *
 *	 generator        stack                        checker
 *	+--------+    +---------------------------+    +--------+
 *	|     g0 |----| in ─► … blocks … ─► out   |----| c0     |
 *	+--------+    +---------------------------+    +--------+
 *
 * LANA_SOAK=N in the environment takes N times as many turns.
 */
#include <stdio.h>

#include "live.h"
#include "tap.h"

static const struct live_case cases[] = {
	{
		/* in ─► x or y ─► count ─► out */
		.name = "8000 binds",
		.setup = { "add x counter", "add y counter", "add count counter", "bind out count",
			   "bind count x", "bind count y", "bind x in ingress" },
		.turn = { "bind y in", "bind x in ingress" },
		.turns = 4000,
		.counted = { "x y", "count" },
	},
	{
		/* in ─► split ─ match, other ─► x or y ─► out, each port by itself */
		.name = "4000 binds of two ports",
		.setup = { "add split ethertype type=0x0800", "add x counter", "add y counter",
			   "bind out x", "bind out y", "bind x split port match",
			   "bind y split port other", "bind split in" },
		.turn = { "bind y split port match", "bind x split port other",
			  "bind x split port match", "bind y split port other" },
		.turns = 1000,
		.counted = { "x y" },
		.traffic = { .arp_every = 3 },
	},
	{
		/* in ─► turn, which sends them down: ─► x or y ─► out */
		.name = "4000 binds of egress",
		.setup = { "add turn swap_mac", "add x counter", "add y counter",
			   "bind x out egress", "bind y out egress", "bind turn x egress",
			   "bind turn in ingress" },
		.turn = { "bind turn y egress", "bind turn x egress" },
		.turns = 2000,
		.counted = { "x y" },
	},
	{
		.name = "9000 replaces that keep counters",
		.setup = { "add count counter", "bind out count", "bind count in" },
		.turn = { "replace count tally", "replace count counter" },
		.turns = 4500,
		.counted = { "count" },
	},
	{
		/* in ─► split ─ match, other ─► mid ─► way ─► out */
		.name = "2000 replaces of blocks that several ports lead to",
		.setup = { "add split ethertype type=0x0800", "add mid counter", "add way forward",
			   "bind out way", "bind way mid", "bind mid split port match",
			   "bind mid split port other", "bind split in" },
		.turn = { "replace mid tally", "replace way mark", "replace mid counter",
			  "replace way forward" },
		.turns = 500,
		.counted = { "mid" },
		.traffic = { .arp_every = 3 },
	},
	{
		.name = "400 replaces that drop counters",
		.setup = { "add mid forward", "add count counter", "bind out count",
			   "bind count mid", "bind mid in" },
		.turn = { "replace mid counter", "replace mid ttl drop-state",
			  "replace mid mark value=1 drop-state", "replace mid forward drop-state" },
		.turns = 100,
		.counted = { "count" },
	},
	{
		.name = "blocks added, bound, set and removed, 100 times",
		.setup = { "add way ttl", "add count counter", "bind out count", "bind count way",
			   "bind way in" },
		.turn = { "add guest counter", "bind count guest ingress", "bind guest way ingress",
			  "set way reserve=9", "bind count way ingress",
			  "unbind count guest ingress", "rm guest", "set way reserve=0" },
		.turns = 100,
		.counted = { "count" },
	},
	{
		/* port other of split is never bound */
		.name = "unbound at three places, 100 times",
		.setup = { "add split ethertype type=0x0800", "add mid forward",
			   "add count counter", "bind out count", "bind count mid",
			   "bind mid split port match", "bind split in" },
		.turn = { "unbind mid split port match", "bind mid split port match", "flow",
			  "unbind split in ingress", "bind split in ingress", "flow",
			  "unbind count mid ingress", "bind count mid ingress", "flow" },
		.turns = 100,
		.booked = "in:next split:match split:other mid:next",
		.counted = { "count" },
		.traffic = { .arp_every = 5 },
	},
	{
		.name = "unbound on egress, 100 times",
		.setup = { "add turn swap_mac", "add count counter", "bind count out egress",
			   "bind turn count egress", "bind turn in ingress" },
		.turn = { "unbind turn count egress", "bind turn count egress", "flow" },
		.turns = 100,
		.booked = "turn:next",
		.counted = { "count" },
	},
	{
		/* in ─► pick ─ match, other ─► x or y ─► out: the filters take other frames */
		.name = "2000 filters, one after the other",
		.setup = { "add pick filter expr=udp", "add x counter", "add y counter",
			   "bind out x", "bind out y", "bind x pick port match",
			   "bind y pick port other", "bind pick in" },
		.turn = { "set pick expr=arp", "set pick code=1,6,0,0,1", "set pick expr=udp",
			  "set pick code=1,6,0,0,0" },
		.turns = 500,
		.counted = { "x y" },
		.traffic = { .arp_every = 3 },
	},
	{
		/* All of the filters take all of the frames: port other leads nowhere. */
		.name = "1500 filters that say the same in other words",
		.setup = { "add pick filter expr=udp", "add x counter", "bind out x",
			   "bind x pick port match", "bind pick in" },
		.turn = { "set pick expr=ip", "set pick expr=ip[9]=17", "set pick expr=udp" },
		.turns = 500,
		.counted = { "x" },
	},
	{
		/* ttl takes no ARP; with reserve=254 it lets nothing through */
		.name = "1500 binds to where frames are dropped",
		.setup = { "add bin drop", "add hops ttl", "add dead ttl reserve=254",
			   "add count counter", "bind out count", "bind count hops",
			   "bind hops in" },
		.turn = { "bind bin in ingress", "bind dead in", "bind hops in" },
		.turns = 500,
		.booked = "bin:policy hops:protocol dead:protocol dead:dead",
		.counted = { "count" },
		.traffic = { .arp_every = 3 },
	},
	{
		.name = "2000 binds into a cycle and out of it",
		.setup = { "add a forward", "add b forward", "add count counter", "bind out count",
			   "bind count a", "bind b a ingress", "bind a b ingress",
			   "bind a in ingress" },
		.turn = { "bind count a ingress", "bind b a ingress" },
		.turns = 1000,
		.booked = "a:too_long",
		.booked_fused = "a:too_long b:too_long",
		.counted = { "count" },
	},
};

/*
 * in ─► f1 ─► … ─► fN ─► out. The kernel allows 33 tail calls: with a root and out itself this
 * is 32 blocks between. Longer chains are fused.
 */
static struct lana_stack *make_chain(unsigned int blocks)
{
	struct lana_stack *stack = live_open(LANA_HOOK_XDP, false);
	unsigned int i;

	for (i = blocks; i; i--) {
		live_do(stack, "add f%u forward", i);
		if (i == blocks)
			live_do(stack, "bind out f%u", i);
		else
			live_do(stack, "bind f%u f%u", i + 1, i);
	}
	return stack;
}

static void test_chain(unsigned int blocks)
{
	struct lana_stack *stack = make_chain(blocks);
	struct live_case live = {};
	char name[64];

	snprintf(name, sizeof(name), "a chain of %u blocks", blocks);
	live.name = name;
	live_do(stack, "bind f1 in");
	live_test(&live, stack);
	live_close(stack);
}

/* By turns all of a long chain and its last blocks. */
static void test_long_chain(unsigned int blocks, unsigned int turns)
{
	struct lana_stack *stack = make_chain(blocks);
	struct live_case live = { .turns = turns };
	char name[96], last[32];

	snprintf(name, sizeof(name), "%u binds to a chain of %u blocks, and past most of it",
		 2 * turns, blocks);
	snprintf(last, sizeof(last), "bind f%u in", blocks - 20);
	live.name = name;
	live.turn[0] = "bind f1 in";
	live.turn[1] = last;
	live_do(stack, "bind f%u in", blocks - 20);
	live_test(&live, stack);
	live_close(stack);
}

int main(void)
{
	size_t i;

	live_begin();
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		live_run(&cases[i], LANA_HOOK_XDP, false);
		live_run(&cases[i], LANA_HOOK_XDP, true);
	}
	test_chain(32);
	test_chain(33);
	test_chain(200);
	test_long_chain(40, 1000);
	test_long_chain(200, 300);
	return tap_done();
}
