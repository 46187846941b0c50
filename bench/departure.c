// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>

#include <lana/gen.h>

#include "bench.h"
#include "departure.h"
#include "departure.skel.h"
#include "selftests/topology.h"

static struct departure *departure; /* mapped */

static double quantile(double q, uint64_t frames)
{
	uint64_t before = 0;

	for (uint32_t i = 0; i < DEPARTURE_BUCKETS; i++) {
		before += departure->late[i];
		if (before >= q * frames)
			return (i + 0.5) * DEPARTURE_NS / 1000.0;
	}
	return NAN;
}

/* Until all has come, or nothing comes any more. */
static void settle(uint64_t sent)
{
	uint64_t before = departure->frames;

	for (int quiet = 0; quiet < 10 && departure->frames < sent; quiet++) {
		usleep(50000);
		if (departure->frames != before)
			quiet = 0;
		before = departure->frames;
	}
}

struct departures departure_measure(const char *profile, const char *rate, double seconds,
				    __u64 held)
{
	const struct lana_gen_options options = { .device = "f0",
						  .netns = "/run/netns/far",
						  .profile = profile,
						  .rate = rate,
						  .time = seconds * 1e9 + held,
						  .stamp = true };
	struct lana_gen_report report;
	struct lana_error error = {};
	struct departures result = {};
	struct lana_gen *gen;
	memset(departure, 0, sizeof(*departure));
	departure->held = held;
	bench_pin(BENCH_CPU_TRAFFIC);
	bench_must(lana_gen_open(&options, &gen, &error), &error, "generator");
	bench_must(lana_gen_start(gen, &error), &error, "generator");
	while (lana_gen_wait(gen, 1000, &error) == -EAGAIN)
		;
	lana_gen_report(gen, &report);
	result.rate = departure->frames / report.seconds;
	settle(report.sent);
	lana_gen_close(gen);
	result.p50 = quantile(0.5, departure->frames);
	result.p99 = quantile(0.99, departure->frames);
	result.late = (double)departure->late[DEPARTURE_BUCKETS - 1] / departure->frames;
	result.lost = 1 - (double)departure->frames / report.sent;
	result.sent = report.sent;
	result.came = departure->frames;
	if (departure->frames > 1)
		result.paced = (departure->frames - 1) * 1e9 / (departure->last - departure->first);
	return result;
}

static void attach(const char *netns, const char *device)
{
	LIBBPF_OPTS(bpf_link_create_opts, options, .flags = XDP_FLAGS_DRV_MODE);
	struct departure_bpf *program = departure_bpf__open_and_load();
	int home = topology_enter(netns), link;

	bench_must(program ? 0 : -errno, NULL, "departure");
	link = bpf_link_create(bpf_program__fd(program->progs.departure_receive),
			       topology_ifindex(netns, device), BPF_XDP, &options);
	bench_must(link < 0 ? -errno : 0, NULL, "departure at %s", device);
	topology_leave(home);
	departure = &program->bss->counted;
}

void departure_begin(void)
{
	topology_netns("far");
	topology_netns("near");
	topology_netns("end");
	topology_veth("far", "f0", "near", "n0");
	topology_veth("near", "n1", "end", "e0");
	attach("end", "e0");
}

struct lana_stack *departure_open(void)
{
	const struct lana_hook_options how = { .hook = LANA_HOOK_XDP };
	struct lana_error error = {};
	struct lana_stack *stack;

	stack = bench_stack("near");
	bench_must(lana_hook(stack, "n0", &how, &error), &error, "hook");
	bench_must(lana_hook(stack, "n1", &how, &error), &error, "hook");
	return stack;
}
