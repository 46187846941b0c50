// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_engine_queue - how much queues hold, whom they drop, whom they serve; and ECN's marks
 */
#include <arpa/inet.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#include "engine/frame.h"
#include "engine_lab.h"
#include "tap.h"

/* ---- limits --------------------------------------------------------------------------------- */

/*
 * 100 packets of 1000 bytes come at once: one is on the wire, queued wait, and the others are
 * dropped, from first_gone on.
 */
static const struct {
	const char *settings;
	__u64 queued, first_gone;
} limits[] = {
	{ "rate=10mbit limit=10pkt", 10, 11 },
	{ "rate=10mbit limit=10pkt drop=head", 10, 1 },
	{ "rate=10mbit limit=10000b", 10, 11 },
	{ "rate=10mbit limit=10999b", 10, 11 },
	{ "rate=10mbit limit=11000b drop=head", 11, 1 },
	{ "rate=10mbit limit=8ms", 10, 11 }, /* 0.8 ms each */
	{ "rate=10mbit limit=8.7ms drop=head", 10, 1 },
	{ "rate=20mbit limit=8ms", 20, 21 },
	{ "rate=10mbit limit=8ms overhead=1000b", 5, 6 },
	{ "rate=10mbit limit=10000b overhead=1000b", 10, 11 },
	{ "rate=10mbit limit=1b", 1, 2 }, /* an empty queue takes any */
	{ "rate=10mbit limit=1b drop=head", 1, 1 },
	{ "rate=10mbit", 30, 31 },	      /* by default, 20 full frames */
	{ "rate=10mbit delay=20ms", 50, 51 }, /* twice the bandwidth-delay product */
	{ "rate=10mbit limit=10pkt queue=drr", 10, 11 },
	{ "rate=10mbit limit=10pkt queue=drr drop=head", 10, 1 },
	{ "rate=10mbit limit=10pkt queue=fq", 10, 11 },
	{ "rate=10mbit limit=10pkt queue=codel", 10, 11 },
};

static void test_limit(size_t i)
{
	struct lab *lab = engine_lab_open(100);
	struct engine_link *link = lab_link(lab, limits[i].settings);
	struct engine_counters counters;
	__u64 gone = 0;
	bool head = strstr(limits[i].settings, "drop=head");

	lab->flow = 1;
	for (__u64 n = 0; n < lab->count; n++)
		lab_send(lab, link, 1000, 0);
	counters = lab_counters(link);
	while (gone < lab->count && !lab->packets[gone].engine.drop)
		gone++;
	tap_is(counters.backlog, limits[i].queued, "%s: so many wait", limits[i].settings);
	tap_ok(gone == limits[i].first_gone &&
		       lab->packets[gone].engine.drop == (head ? ENGINE_HEAD : ENGINE_TAIL),
	       "and the others go, from number %llu on", gone);
	tap_is(head ? counters.dropped_head : counters.dropped_tail, 99 - limits[i].queued,
	       "as is counted");
	engine_lab_close(lab);
}

/* The queue is in front of the rate: what is held for the delay has no limit. */
static void test_no_rate(void)
{
	struct lab *lab = engine_lab_open(10000);
	struct engine_link *link = lab_link(lab, "delay=10ms limit=5pkt");

	for (__u64 n = 0; n < lab->count; n++)
		lab_send(lab, link, 1000, 0);
	tap_is(lab_counters(link).in_flight, 10000, "without a rate nothing queues");
	tap_is(lab_counters(link).dropped_tail, 0, "so nothing is too much");
	engine_lab_close(lab);
}

/* ---- shares --------------------------------------------------------------------------------- */

#define FLOWS 5

static const struct {
	const char *settings;
	__u32 lengths[FLOWS]; /* of each flow's packets */
	double shares[FLOWS];
	double within;
} shares[] = {
	{ "queue=drr", { 1500, 1000, 500, 100, 64 }, { .2, .2, .2, .2, .2 }, 0.02 },
	{ "queue=drr drop=head", { 1500, 1000, 500, 100, 64 }, { .2, .2, .2, .2, .2 }, 0.02 },
	{ "queue=drr quantum=256b", { 1500, 1400, 65, 64, 64 }, { .2, .2, .2, .2, .2 }, 0.02 },
	{ "queue=drr quantum=9000b", { 9000, 1400, 65, 64, 64 }, { .2, .2, .2, .2, .2 }, 0.02 },
	{ "queue=fq target=4s", { 1500, 1000, 500, 100, 64 }, { .2, .2, .2, .2, .2 }, 0.02 },
	/* fifo: by what comes, which is as many packets of each. */
	{ "queue=fifo limit=200pkt",
	  { 1500, 1000, 500, 100, 64 },
	  { .474, .316, .158, .0316, .0202 },
	  0.05 },
};

static void test_shares(size_t i)
{
	struct lab *lab = engine_lab_open(400000);
	struct engine_link *link = lab_link(lab, "rate=100mbit limit=200kb");
	double bytes[FLOWS] = {}, all = 0, worst = 0;
	__u64 now = 0;

	lab_set(link, shares[i].settings, 0);
	srandom(1);
	/* Each flow sends enough for all of it. */
	while (lab->sent + FLOWS * 24 < lab->count) {
		int first = random() % FLOWS;

		for (int j = 0; j < FLOWS; j++) {
			bool fifo = strstr(shares[i].settings, "fifo");
			int flow = (first + j) % FLOWS;
			int many = fifo ? 1 : 1 + 1500 / shares[i].lengths[flow];

			lab->stream = flow;
			lab->flow = 17 + flow;
			while (many--)
				lab_send(lab, link, shares[i].lengths[flow], now);
		}
		now += random() % 200000;
	}
	for (__u64 n = lab->left / 10; n < lab->left; n++) {
		const struct lab_packet *packet = &lab->packets[lab->order[n]];

		bytes[packet->stream] += packet->engine.length;
		all += packet->engine.length;
	}
	for (int flow = 0; flow < FLOWS; flow++)
		worst = fmax(worst, fabs(bytes[flow] / all / shares[i].shares[flow] - 1));
	tap_ok(worst < shares[i].within, "%s: shares are right to %.2f %%", shares[i].settings,
	       worst * 100);
	tap_ok(lab->dropped > 1000, "as more came than could go");
	engine_lab_close(lab);
}

/* A flow that sends little is not kept waiting by one that sends much: a round at most. */
static void test_sparse(const char *settings, __u64 longest)
{
	struct lab *lab = engine_lab_open(200000);
	struct engine_link *link = lab_link(lab, "rate=100mbit limit=1mb");
	__u64 now = 0, worst = 0, lost = 0;

	lab_set(link, settings, 0);
	while (lab->sent + 8 < lab->count) {
		lab->stream = 0;
		for (lab->flow = 1; lab->flow <= 4; lab->flow++)
			lab_send(lab, link, 1500, now);
		if (lab->sent % 50 == 0) {
			lab->stream = 1;
			lab->flow = 9;
			lab_send(lab, link, 100, now);
		}
		now += 400000;
	}
	lab_run(lab, LAB_END);
	for (__u64 n = 0; n < lab->sent; n++) {
		const struct lab_packet *packet = &lab->packets[n];

		if (!packet->stream)
			continue;
		lost += packet->engine.drop != 0;
		worst = packet->left - packet->sent > worst ? packet->left - packet->sent : worst;
	}
	tap_ok(worst <= longest && !lost, "%s: a sparse flow waits %.3f ms at most", settings,
	       worst / 1e6);
	engine_lab_close(lab);
}

/*
 * A flow that sends its next packet only when the last one has left is new each time; it shall not
 * get more than its share for that (RFC 8290, section 4.2).
 */
static void test_sly(void)
{
	struct lab *lab = engine_lab_open(60000);
	struct engine_link *link = lab_link(lab, "rate=100mbit limit=1mb queue=fq target=4s");
	__u64 now = 0, first = 0, sly = 0;

	lab->stream = 1;
	for (__u64 n = 0; n < 400; n++) {
		lab->flow = 1 + n % 4;
		lab_send(lab, link, 1500, 0);
	}
	while (lab->sent + 2 < lab->count) {
		/* What leaves is sent anew, by all flows. */
		while (first < lab->left) {
			const struct lab_packet *packet = &lab->packets[lab->order[first++]];

			if (packet->stream && lab->sent + 2 < lab->count) {
				lab->flow = packet->engine.flow;
				lab->stream = 1;
				lab_send(lab, link, 1500, now);
			}
		}
		if (!sly || lab->packets[sly].left) {
			sly = lab->sent;
			lab->stream = 0;
			lab->flow = 9;
			lab_send(lab, link, 1500, now);
		}
		now = engine_next(lab->engine);
		lab_run(lab, now);
	}
	sly = 0;
	for (__u64 n = 0; n < lab->left; n++)
		sly += !lab->packets[lab->order[n]].stream;
	tap_ok((double)sly / lab->left < 0.21,
	       "fq: a flow that is new all the time gets %.3f of 0.2", (double)sly / lab->left);
	engine_lab_close(lab);
}

/* ---- by content ----------------------------------------------------------------------------- */

struct frame4 {
	struct ethhdr eth;
	struct iphdr ip;
	__u16 ports[2];
} __attribute__((packed));

struct frame6 {
	struct ethhdr eth;
	__u16 tag[2];
	struct ipv6hdr ip;
	__u16 ports[2];
} __attribute__((packed));

static __u16 checksum(const void *header, int words)
{
	const __u16 *word = header;
	__u32 sum = 0;

	for (int i = 0; i < words; i++)
		sum += word[i];
	sum = (sum >> 16) + (sum & 0xffff);
	return sum + (sum >> 16);
}

static struct frame4 make_frame4(__u8 tos, __u16 port)
{
	struct frame4 frame = { .eth.h_proto = htons(ETH_P_IP),
				.ip = { .version = 4,
					.ihl = 5,
					.tos = tos,
					.tot_len = htons(24),
					.id = random(),
					.ttl = 64,
					.protocol = 17,
					.saddr = htonl(0x0a000001),
					.daddr = htonl(0x0a000002 + random() % 65536) },
				.ports = { htons(port), htons(9) } };

	frame.ip.check = ~checksum(&frame.ip, 10);
	return frame;
}

static void test_marks_ipv4(void)
{
	unsigned int wrong = 0;

	srandom(1);
	for (int i = 0; i < 40000; i++) {
		struct frame4 frame = make_frame4(random(), 1), before = frame;
		bool marked = frame_mark_congestion(&frame, sizeof(frame));

		wrong += marked != !!(before.ip.tos & 3);
		wrong += checksum(&frame.ip, 10) != 0xffff;
		if (marked)
			before.ip.tos |= 3;
		before.ip.check = frame.ip.check;
		wrong += memcmp(&frame, &before, sizeof(frame)) != 0;
	}
	tap_is(wrong, 0, "IPv4: ECT becomes CE, the checksum is right, nothing else changes");
}

static void test_marks_others(void)
{
	struct frame6 six = { .eth.h_proto = htons(ETH_P_8021Q),
			      .tag = { htons(5), htons(ETH_P_IPV6) },
			      .ip = { .version = 6, .priority = 0xa, .flow_lbl = { 0x2f, 1, 2 } } };
	struct frame6 plain = six, want = six;
	struct frame4 arp = make_frame4(2, 1);

	want.ip.flow_lbl[0] = 0x3f;
	tap_ok(frame_mark_congestion(&six, sizeof(six)) && !memcmp(&six, &want, sizeof(six)),
	       "IPv6 behind a VLAN tag: ECT becomes CE");
	plain.ip.flow_lbl[0] = 0x0f;
	tap_ok(!frame_mark_congestion(&plain, sizeof(plain)), "IPv6: not ECT, no mark");
	arp.eth.h_proto = htons(ETH_P_ARP);
	tap_ok(!frame_mark_congestion(&arp, sizeof(arp)), "no IP, no mark");
	arp.eth.h_proto = htons(ETH_P_IP);
	tap_ok(!frame_mark_congestion(&arp, 33), "a header that is cut off: no mark");
	for (__u32 length = 0; length < 14; length++)
		frame_mark_congestion(&arp, length);
}

static void test_flows_by_content(void)
{
	struct frame4 one = make_frame4(0, 1), two = one, part = one;
	unsigned int used = 0;
	bool seen[1024] = {};

	tap_ok(frame_flow(&one, sizeof(one), 5) == frame_flow(&two, sizeof(two), 5),
	       "flows: the same flow");
	two.ip.id++;
	two.ip.ttl--;
	tap_ok(frame_flow(&one, sizeof(one), 5) == frame_flow(&two, sizeof(two), 5),
	       "flows: of another packet, too");
	two.ports[0]++;
	tap_ok(frame_flow(&one, sizeof(one), 5) != frame_flow(&two, sizeof(two), 5),
	       "flows: another port is another flow");
	tap_ok(frame_flow(&one, sizeof(one), 5) != frame_flow(&one, sizeof(one), 6),
	       "flows: another seed, another number");
	one.ip.frag_off = htons(0x2000);
	part.ip.frag_off = htons(5);
	part.ports[0] = 4711;
	tap_ok(frame_flow(&one, sizeof(one), 5) == frame_flow(&part, sizeof(part), 5),
	       "flows: fragments are of one");
	for (int i = 0; i < 1024; i++) {
		struct frame4 frame = make_frame4(0, i);

		seen[frame_flow(&frame, sizeof(frame), 5) % 1024] = true;
	}
	for (int i = 0; i < 1024; i++)
		used += seen[i];
	/* 1024 balls into as many boxes: 1 - 1/e, with a deviation of 10. */
	tap_ok(fabs(used - 1024 * (1 - exp(-1))) < 30, "flows: spread (%u of 1024)", used);
}

/* Two flows that are told apart by their ports alone share the rate. */
static void test_drr_by_content(void)
{
	struct lab *lab = engine_lab_open(50000);
	struct engine_link *link = lab_link(lab, "rate=10mbit queue=drr limit=100pkt");
	__u64 first = 0;

	for (__u64 n = 0; n < lab->count; n++) {
		struct frame4 frame = make_frame4(0, n % 5 ? 1000 : 2000);
		unsigned char bytes[LAB_FRAME] = {};

		frame.ip.daddr = htonl(0x0a000002);
		memcpy(bytes, &frame, sizeof(frame));
		lab->frame = bytes;
		lab->stream = n % 5 != 0;
		lab_send(lab, link, LAB_FRAME, n * 10000);
	}
	for (__u64 n = 0; n < lab->left; n++)
		first += !lab->packets[lab->order[n]].stream;
	tap_ok(fabs((double)first / lab->left - 0.5) < 0.01,
	       "drr finds flows by content: %.4f of the rate", (double)first / lab->left);
	engine_lab_close(lab);
}

int main(void)
{
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
		test_limit(i);
	test_no_rate();
	for (size_t i = 0; i < sizeof(shares) / sizeof(shares[0]); i++)
		test_shares(i);
	test_sparse("queue=drr", 750000); /* 4 + 1 packets of 120 µs, and the one on the wire */
	test_sparse("queue=fq", 250000);  /* the one on the wire, and its own */
	test_sly();
	test_marks_ipv4();
	test_marks_others();
	test_flows_by_content();
	test_drr_by_content();
	return tap_done();
}
