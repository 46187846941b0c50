// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_gen - the packet language: texts and the frames that they stand for, and what is refused
 *
 * The frames were made by a program in another language, from the RFCs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <loader/cleanup.h>
#include <loader/gen_plan.h>

#include "tap.h"

static const struct frame {
	const char *text;
	unsigned int number;
	const char *bytes;
} frames[] = {
	{ "eth payload(1, 0xff)", 0,
	  "02000000000202000000000188b5ff00000000000000000000000000000000000000000000000000"
	  "0000000000000000000000000000000000000000" },
	{ "eth(dst=ff:ff:ff:ff:ff:ff, src=02:00:00:00:00:01+) payload(1)", 258,
	  "ffffffffffff02000000010388b50000000000000000000000000000000000000000000000000000"
	  "0000000000000000000000000000000000000000" },
	{ "eth(type=0x1234) bytes(0a0b 0c:0d) payload(\"hi\")", 0,
	  "02000000000202000000000112340a0b0c0d68690000000000000000000000000000000000000000"
	  "0000000000000000000000000000000000000000" },
	{ "eth arp(op=2, spa=10.0.0.7, tha=02:00:00:00:00:02)", 0,
	  "020000000002020000000001080600010800060400020200000000010a0000070200000000020a00"
	  "0002000000000000000000000000000000000000" },
	{ "eth vlan(id=4094..4095, pcp=7) vlan(dei=1) ip4 udp", 3,
	  "0200000000020200000000018100efff8100100108004500001c00000000401166cf0a0000010a00"
	  "0002000900090008ebc900000000000000000000" },
	{ "eth ip4(ttl=3..9+3, id=65535+, dscp=46, ecn=1, df=1) udp(dport=[7, 80]) payload(3, 1)",
	  5,
	  "020000000002020000000001080045b9001fffff400009115d130a0000010a00000200090050000b"
	  "e97b010101000000000000000000000000000000" },
	{ "eth ip4(src=10.0.0.1..10.0.0.3, dst=[10.0.0.2, 192.168.1.1]) tcp(seq=4294967295+, "
	  "flags=syn|ack, window=1)",
	  1,
	  "020000000002020000000001080045000028000000004006af250a000002c0a8010100090009ffff"
	  "ffff0000000050120001e4140000000000000000" },
	{ "eth ip4 icmp(id=1, seq=0+) payload(\"odd\")", 300,
	  "02000000000202000000000108004500001f00000000400166dc0a0000010a0000020800236e0001"
	  "012c6f6464000000000000000000000000000000" },
	{ "eth ip6(src=2001:db8::ff..2001:db8::1:ff, flow=0xfffff, hop=1) udp payload(2)", 1,
	  "02000000000202000000000186dd600fffff000a110120010db80000000000000000000001002001"
	  "0db800000000000000000000000200090009000aa3540000" },
	{ "eth ip6(dst=[2001:db8::2, fe80::1]) tcp(flags=ack)", 1,
	  "02000000000202000000000186dd600000000014064020010db8000000000000000000000001fe80"
	  "00000000000000000000000000010009000900000000000000005010ffff83870000" },
	{ "eth ip6 icmp6(seq=[1, 2, 3]) payload(1, 255)", 5,
	  "02000000000202000000000186dd6000000000093a4020010db80000000000000000000000012001"
	  "0db80000000000000000000000028000254300000003ff" },
	{ "eth ip4 ip6 udp(sport=1+)", 2,
	  "020000000002020000000001080045000044000000004029668f0a0000010a000002600000000008"
	  "114020010db800000000000000000000000120010db8000000000000000000000002000300090008"
	  "a45d" },
	{ "eth ip4 udp(dport=4789) bytes(0800 0000 0000 0700) eth ip4(src=10.1.0.1, dst=10.1.0.2, "
	  "id=0+) udp(sport=1+) payload(\"x\")",
	  4,
	  "02000000000202000000000108004500004f000000004011669c0a0000010a000002000912b5003b"
	  "d1d3080000000000070002000000000202000000000108004500001d00040000401166c80a010001"
	  "0a01000200050009000973c978" },
	{ "eth ip4(check=0xdead, len=21, proto=99) udp(check=0, len=9)", 0,
	  "020000000002020000000001080045000015000000004063dead0a0000010a000002000900090009"
	  "0000000000000000000000000000000000000000" },
	{ "eth ip4(ihl=6) bytes(94040000) udp", 0,
	  "0200000000020200000000010800460000200000000040fdd0da0a0000010a000002940400000009"
	  "00090008ebc90000000000000000000000000000" },
	{ "eth ip4 udp(sport=60370)", 0,
	  "02000000000202000000000108004500001c00000000401166cf0a0000010a000002ebd200090008"
	  "ffff000000000000000000000000000000000000" },
	{ "eth ip4 udp(sport=60369+)", 1,
	  "02000000000202000000000108004500001c00000000401166cf0a0000010a000002ebd200090008"
	  "ffff000000000000000000000000000000000000" },
};

static const struct refusal {
	const char *text, *error;
} refusals[] = {
	{ "", "t:1:1: the text ends where a protocol is expected" },
	{ "eth; ; eth", "t:1:6: a protocol is expected, not ';'" },
	{ "eth ip5", "t:1:5: no protocol 'ip5'" },
	{ "eth\n ip4(ttl=64,\n  tos=3)", "t:3:3: ip4 has no field 'tos'" },
	{ "eth # a comment (\nip4(ttl=256)", "t:2:9: 256 is more than 'ttl' holds: 255 at most" },
	{ "eth ip4(ttl=)", "t:1:13: '' is not a number" },
	{ "eth ip4(ttl=ten)", "t:1:13: 'ten' is not a number" },
	{ "eth ip4(ttl=1, ttl=2)", "t:1:16: 'ttl' is given twice" },
	{ "eth ip4(ttl=1 dst=10.0.0.1)", "t:1:15: ')' is expected" },
	{ "eth ip4(ttl=1", "t:1:14: the text ends where ')' is expected" },
	{ "eth ip4(ttl 1)", "t:1:13: '=' is expected" },
	{ "eth ip4(src=10.0.0)", "t:1:13: '10.0.0' is not an IPv4 address" },
	{ "eth ip4(src=10.0.0.1..)", "t:1:23: '' is not an IPv4 address" },
	{ "eth ip4(src=10.0.0.9..10.0.0.1)", "t:1:23: the range ends before it begins" },
	{ "eth ip4(src=10.0.0.1+0)", "t:1:22: a step of 0 leads nowhere" },
	{ "eth ip4(ttl=1+300)", "t:1:15: a step of 300 is more than 'ttl' holds: 255 at most" },
	{ "eth ip6(hop=1..9+256)", "t:1:18: a step of 256 is more than 'hop' holds: 255 at most" },
	{ "eth(dst=02:00:00:00:00) ip4", "t:1:9: '02:00:00:00:00' is not a MAC address" },
	{ "eth(dst=0x:0:0:0:0:2) ip4", "t:1:9: '0x:0:0:0:0:2' is not a MAC address" },
	{ "eth ip6(src=2001:db8::1..2001:db9::1)",
	  "t:1:26: the upper 64 bits of both addresses must be the same" },
	{ "eth ip6(src=random)", "t:1:19: random IPv6 addresses need a range: random(FROM..TO)" },
	{ "eth udp(sport=random(1))", "t:1:23: a range is expected: FROM..TO" },
	{ "eth udp(sport=random(1..2, sed=1))", "t:1:28: 'seed' is expected" },
	{ "eth udp(sport=random(seed=x))", "t:1:27: 'x' is not a seed, a number" },
	{ "eth udp(sport=[1, 2)", "t:1:20: ']' is expected" },
	{ "eth udp(sport=[])", "t:1:16: '' is not a number" },
	{ "eth tcp(flags=syn|ak)", "t:1:15: 'syn|ak' is not flags" },
	{ "eth payload(3) udp", "t:1:16: nothing can follow the payload" },
	{ "eth payload(99999)", "t:1:13: '99999' is not a size, a number from 0 to 3400" },
	{ "eth payload(3400)", "t:1:17: a packet has 3400 bytes at most" },
	{ "eth payload(1, 256)", "t:1:16: '256' is not a byte" },
	{ "eth payload(\"x)", "t:1:13: the text has no closing '\"'" },
	{ "eth bytes(0a0)", "t:1:13: a byte has two hexadecimal digits" },
	{ "eth bytes()", "t:1:11: bytes are expected" },
	{ "eth bytes", "t:1:10: the text ends where '(' is expected" },
	{ "0 * eth", "t:1:1: none of a packet is no packet" },
	{ "2 eth", "t:1:3: '*' is expected" },
	{ "eth eth eth eth eth eth eth eth eth eth eth eth eth eth eth eth eth",
	  "t:1:65: more than 16 protocols in a packet" },
};

static void hex(const __u8 *bytes, size_t size, char *text)
{
	for (size_t i = 0; i < size; i++)
		sprintf(text + 2 * i, "%02x", bytes[i]);
	text[2 * size] = 0;
}

static void check_frame(const struct frame *frame)
{
	struct gen_completion completion = { .name = "t" };
	_cleanup_(gen_templates_free) struct gen_templates templates = {};
	static char text[2 * GEN_SIZE_MAX + 1];
	static __u8 bytes[GEN_SIZE_MAX];
	struct lana_error error = {};

	if (gen_parse("t", frame->text, strlen(frame->text), &templates, &error) ||
	    gen_complete(&templates.list[0], &completion, &error)) {
		tap_ok(false, "%s: %s", frame->text, error.text);
		return;
	}
	gen_render(&templates.list[0], frame->number, 0, 0, NULL, bytes);
	hex(bytes, templates.list[0].size, text);
	tap_is_text(text, frame->bytes, "%s: frame %u", frame->text, frame->number);
}

static void check_refusal(const struct refusal *refusal)
{
	struct gen_templates templates = {};
	struct lana_error error = {};
	int err = gen_parse("t", refusal->text, strlen(refusal->text), &templates, &error);

	if (!tap_ok(err && !templates.list &&
			    !strncmp(error.text, refusal->error, strlen(refusal->error)),
		    "refused: %s", refusal->error))
		tap_note("%d: '%s', want '%s'", err, error.text, refusal->error);
	if (!err)
		gen_templates_free(&templates);
}

/* ---- rates, profiles ---------------------------------------------------------------------- */

static const struct {
	const char *text;
	double packets, bits; /* both 0: refused */
} rates[] = {
	{ "1pps", 1, 0 },      { "10kpps", 1e4, 0 },  { "1.5Mpps", 1.5e6, 0 },
	{ "100mbit", 0, 1e8 }, { "1Gbit", 0, 1e9 },   { "0.5kbit", 0, 500 },
	{ "10k", 0, 0 },       { "1000", 0, 0 },      { "kpps", 0, 0 },
	{ "-1pps", 0, 0 },     { "0pps", 0, 0 },      { "1e15pps", 0, 0 },
	{ "nanpps", 0, 0 },    { "10 kpps x", 0, 0 }, { "", 0, 0 },
};

static void check_rates(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(rates); i++) {
		struct gen_rate rate = {};
		struct lana_error error = {};
		int err = gen_rate_parse(rates[i].text, &rate, &error);
		bool refused = !rates[i].packets && !rates[i].bits;

		tap_ok(refused ? err && *error.text : !err, "rate '%s' is %s", rates[i].text,
		       refused ? "refused" : "taken");
		tap_ok(rate.packets == rates[i].packets && rate.bits == rates[i].bits,
		       "it is %g packets, %g bits", rates[i].packets, rates[i].bits);
	}
}

static int plan(struct lana_gen_options options, struct gen_plan *plan, struct lana_error *error)
{
	if (options.packet)
		options.packet_size = strlen(options.packet);
	return gen_plan_make(&options, plan, error);
}

static void check_profiles(void)
{
	struct lana_error error = {};
	struct gen_plan made = {};
	__u32 sizes[3] = {}, row = 0, longest = 0;

	tap_ok(!plan((struct lana_gen_options){ .profile = "imix" }, &made, &error), "imix");
	tap_is(made.order_count, 12, "has a round of 12 frames");
	for (__u32 i = 0; i < made.order_count && made.order[i] < 3; i++) {
		sizes[made.order[i]]++;
		row = i && made.order[i] == made.order[i - 1] ? row + 1 : 1;
		longest = row > longest ? row : longest;
	}
	tap_ok(sizes[0] == 7 && sizes[1] == 4 && sizes[2] == 1, "7, 4 and 1 of each size");
	tap_ok(longest <= 2, "which are spread");
	tap_ok(made.templates.list[0].size == 60 && made.templates.list[1].size == 590 &&
		       made.templates.list[2].size == 1514,
	       "of 60, 590 and 1514 bytes without check sequence");
	gen_plan_free(&made);

	tap_ok(!plan((struct lana_gen_options){ .profile = "rfc2544", .stamp = true }, &made,
		     &error),
	       "rfc2544, with stamps");
	tap_is(made.order_count, 7, "seven sizes");
	tap_is(made.templates.list[0].stamp_at, 42, "even the shortest frame has room for a stamp");
	gen_plan_free(&made);

	tap_ok(plan((struct lana_gen_options){ .profile = "64", .packet = "eth ip6 udp" }, &made,
		    &error),
	       "a size that the headers do not fit into");
	tap_is_text(error.text, "packet: headers of 62 bytes do not fit into frames of 60",
		    "is refused");
	tap_ok(plan((struct lana_gen_options){ .profile = "63" }, &made, &error),
	       "a size that no frame has");
	tap_ok(plan((struct lana_gen_options){ .profile = "fast" }, &made, &error), "no profile");
	tap_ok(plan((struct lana_gen_options){ .packet = "eth payload(17)", .stamp = true }, &made,
		    &error),
	       "a payload that has no room for a stamp");
	tap_is_text(error.text, "packet: a stamp needs 18 bytes, the payload has 17", "is refused");

	tap_ok(!plan((struct lana_gen_options){ .packet = "4 * eth; 2 * eth payload(99); # end\n" },
		     &made, &error),
	       "shares");
	tap_is(made.order_count, 3, "are reduced");
	gen_plan_free(&made);
	tap_ok(plan((struct lana_gen_options){ .packet = "1000*eth; 999*eth; 998*eth; 997*eth; "
							 "996*eth" },
		    &made, &error),
	       "a round of more than 4096 frames is refused");
}

int main(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(frames); i++)
		check_frame(&frames[i]);
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++)
		check_refusal(&refusals[i]);
	check_rates();
	check_profiles();
	return tap_done();
}
