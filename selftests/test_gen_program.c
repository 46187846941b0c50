// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_gen_program - the program that a text becomes makes the frames that the text says
 *
 * Random texts: frame by frame, what the program writes in a test run is compared with what
 * gen_render() makes in user space, and each frame's lengths and checksums are looked at by a
 * reader of its own. GEN_SEED repeats a run.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include <bpf/bpf.h>

#include <lana/stamp.h>
#include <loader/cleanup.h>
#include <loader/clock.h>
#include <loader/gen.h>

#include "gen_texts.h"
#include "tap.h"
#include "topology.h"

#define TEXTS  150
#define FRAMES 40

static unsigned int seed;

/* A generator as it is before it starts, by live frames. */
static struct lana_gen *prepare(const char *text, bool stamp)
{
	struct lana_gen_options options = {
		.packet = text, .packet_size = strlen(text), .stamp = stamp, .stream = 0x1234
	};
	struct lana_gen *gen = calloc(1, sizeof(*gen));
	struct lana_error error = {};

	gen->data = gen->devices = -1;
	gen->cpus = 1;
	gen->seed = seed;
	gen->run = 0xabcd;
	gen->stream = options.stream;
	gen->target.control = -1;
	gen->target.device.ifindex = 1; /* lo: nothing is sent */
	gen->senders = calloc(1, sizeof(*gen->senders));
	*gen->senders = (struct gen_sender){ .gen = gen, .state_map = -1, .program = -1 };
	if (gen_plan_make(&options, &gen->plan, &error) || gen_live_prepare(gen, &error)) {
		tap_note("%s: %s", text, error.text);
		lana_gen_close(gen);
		return NULL;
	}
	gen_state_init(gen->senders->state, &gen->plan.templates, seed, 0);
	gen->senders->state->limit = ~0ULL;
	return gen;
}

/* One frame; its size, or 0. */
static size_t run(struct lana_gen *gen, __u8 *frame)
{
	__u8 in[GEN_SIZE_MAX] = {};
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = in, .data_size_in = gen->plan.size_max,
		    .data_out = frame, .data_size_out = GEN_SIZE_MAX, .repeat = 1);

	memset(in, 0xa5, sizeof(in));
	if (bpf_prog_test_run_opts(gen->senders->program, &options) || options.retval != 4)
		return 0;
	return options.data_size_out;
}

/* The stamp's time is the program's to choose: what it says, if it is near. */
static bool read_time(const struct gen_template *template, const __u8 *frame, __u64 *time)
{
	const __u8 *stamp = frame + template->stamp_at;
	__u64 now = clock_ns(CLOCK_MONOTONIC);

	*time = (__u64)stamp[9] << 32 | (__u32)stamp[14] << 24 | stamp[15] << 16 | stamp[16] << 8 |
		stamp[17];
	return ((now - *time) & 0xffffffffff) < 10000000000;
}

static bool check_frame(struct lana_gen *gen, __u64 n, const char *text)
{
	static __u8 made[GEN_SIZE_MAX], wanted[GEN_SIZE_MAX];
	const struct gen_plan *plan = &gen->plan;
	const struct gen_template *template =
		&plan->templates.list[plan->order[n % plan->order_count]];
	struct gen_moment moment = { .key = 0xabcd1234, .sequence = n };
	const char *wrong = "";
	size_t size = run(gen, made);
	__u64 number = 0;

	for (__u64 before = 0; before < n; before++)
		number += plan->order[before % plan->order_count] ==
			  plan->order[n % plan->order_count];
	if (size != template->size) {
		tap_note("frame %llu has %zu bytes, not %u: %s", n, size, template->size, text);
		return false;
	}
	if (template->stamp_at && !read_time(template, made, &moment.time)) {
		tap_note("frame %llu has no time: %s", n, text);
		return false;
	}
	gen_render(template, number, seed, 0, &moment, wanted);
	for (size_t i = 0; i < size; i++)
		if (made[i] != wanted[i]) {
			tap_note("frame %llu differs in byte %zu: %s", n, i, text);
			return false;
		}
	if (!gen_frame_sound(made, size, &wrong)) {
		tap_note("frame %llu: %s is wrong: %s", n, wrong, text);
		return false;
	}
	return true;
}

static bool check_text(const char *text, bool stamp)
{
	struct lana_gen *gen = prepare(text, stamp);
	bool good = gen;

	for (__u64 n = 0; good && n < FRAMES; n++)
		good = check_frame(gen, n, text);
	lana_gen_close(gen);
	return good;
}

/* Fields that wrap while frames are made, and all kinds side by side. */
static const char *const fixed[] = {
	"eth ip4(src=10.0.0.1..10.0.0.3) udp payload(18)",
	"eth ip4(id=65530+, ttl=[1, 255]) tcp(seq=4294967290+, dport=random) payload(18)",
	"eth(src=02:00:00:ff:ff:fe+, dst=random) ip6(dst=2001:db8::ffff:ffff:ffff:fffe+) udp "
	"payload(18)",
	"eth ip6(dst=[2001:db8::1, fe80::1, ff02::1], flow=0xffffe+) icmp6(id=random) payload(19)",
	"eth ip6(src=random(::..::ffff:ffff:ffff:ffff)) udp payload(1400)",
	"eth ip6(src=random(::1..::ffff:ffff:ffff:ffff)) udp payload(130)",
	"eth vlan(id=4090..4095, pcp=random, dei=[0, 1]) ip4(dscp=60+, ecn=random) udp payload(18)",
	"3 * eth ip4 udp payload(18); eth ip6 tcp(seq=1+) payload(1200); 2 * eth ip4 icmp(seq=1+) "
	"payload(99)",
	"eth ip4 bytes(ff) payload(19)",
	"eth ip4 udp(sport=60360+)", /* of which one has a sum of zero */
	"eth ip4 ip6 ip4 udp(sport=1+) bytes(01 02 03) payload(20)",
};

int main(void)
{
	const char *given = getenv("GEN_SEED");
	char text[4096];

	topology_begin();
	seed = given ? strtoul(given, NULL, 0) : (unsigned long)time(NULL);
	tap_note("GEN_SEED=%u", seed);
	for (size_t i = 0; i < ARRAY_SIZE(fixed); i++) {
		tap_ok(check_text(fixed[i], false), "%s", fixed[i]);
		tap_ok(check_text(fixed[i], true), "the same with stamps");
	}
	for (unsigned int draws = seed, good = 0, i = 1; i <= TEXTS; i++) {
		gen_text_random(&draws, text, sizeof(text));
		good += check_text(text, i % 2 && strstr(text, "payload"));
		if (i == TEXTS)
			tap_is(good, TEXTS, "random texts");
	}
	return tap_done();
}
