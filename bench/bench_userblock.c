// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench_userblock - what a block in user space costs, and how true its times are
 *
 *	far                 near                        end
 *	f0 ─────────────── n0 ── block ── n1 ────────── e0
 *	                          ║
 *	                        worker
 *
 * Frames are made at f0, and counted and timed where they come to e0, by an XDP program. The
 * sender, with all that its softirq does, keeps to one CPU, the worker to the other. Beside: the
 * same with a block in the kernel, and with a program on a socket that sends on what it receives.
 * What is told is the best of short rounds: a CPU that does something else is not what is measured.
 */
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>

#include <lana/gen.h>
#include <lana/socket.h>
#include <lana/worker.h>

#include "bench.h"
#include "departure.h"
#include "departure.skel.h"
#include "selftests/topology.h"

#define ROUNDS	(bench_quick() ? 1 : 20)
#define SECONDS 0.05
#define FRAMES	(1 << 18) /* that the worker may hold: of 100 ms at a million a second, and more */

static struct lana_stack *stack;
static struct departure *departure; /* mapped */

/* ---- what stands between n0 and n1 ---------------------------------------------------------- */

static bool stopping;

static void *run_worker(void *cookie)
{
	struct lana_error error = {};

	bench_pin(BENCH_CPU_CHANGE);
	while (!__atomic_load_n(&stopping, __ATOMIC_RELAXED))
		bench_must(lana_worker_run(cookie, 10, &error), &error, "worker");
	return NULL;
}

static void *run_program(void *cookie)
{
	struct lana_frame frames[256];

	bench_pin(BENCH_CPU_CHANGE);
	while (!__atomic_load_n(&stopping, __ATOMIC_RELAXED)) {
		int got = lana_socket_borrow(cookie, frames, LENGTH(frames), 10000000);

		if (got > 0)
			lana_socket_submit(cookie, frames, got, LANA_SOCKET_FOREVER);
	}
	return NULL;
}

struct between {
	const char *name, *type; /* of the block; NULL: a program on a socket */
	bool user;
	/* While it is there. */
	struct lana_worker *worker;
	struct lana_socket *socket;
	pthread_t thread;
};

static void put(struct between *between, const char *option, bool busy)
{
	const struct lana_worker_options options = { .frames = FRAMES, .busy = busy };
	const char *const block_options[] = { option, NULL };
	const struct lana_bind_options in = { .ingress = true }, out = { .egress = true };
	struct lana_error error = {};
	int err;

	stopping = false;
	if (between->type) {
		bench_must(lana_block_add(stack, "b", between->type, block_options, &error), &error,
			   "add");
		bench_must(lana_bind(stack, "n1", "b", &in, &error), &error, "bind");
		bench_must(lana_bind(stack, "b", "n0", &in, &error), &error, "bind");
	} else {
		bench_must(lana_socket_open(stack, "app", NULL, &between->socket, &error), &error,
			   "socket");
		bench_must(lana_bind(stack, "app", "n0", &in, &error), &error, "bind");
		bench_must(lana_bind(stack, "app", "n1", &out, &error), &error, "bind");
		err = pthread_create(&between->thread, NULL, run_program, between->socket);
		bench_must(-err, NULL, "thread");
	}
	if (between->user) {
		bench_must(lana_worker_open(stack, &options, &between->worker, &error), &error,
			   "worker");
		err = pthread_create(&between->thread, NULL, run_worker, between->worker);
		bench_must(-err, NULL, "thread");
	}
	bench_must(lana_stack_fuse(stack, true, &error), &error, "fuse");
}

static void take_away(struct between *between)
{
	const struct lana_bind_options in = { .ingress = true };
	struct lana_error error = {};

	__atomic_store_n(&stopping, true, __ATOMIC_RELAXED);
	if (between->user || !between->type)
		pthread_join(between->thread, NULL);
	lana_worker_close(between->worker);
	lana_socket_close(between->socket);
	between->worker = NULL;
	between->socket = NULL;
	if (!between->type)
		return;
	bench_must(lana_unbind(stack, "b", "n0", &in, &error), &error, "unbind");
	bench_must(lana_unbind(stack, "n1", "b", &in, &error), &error, "unbind");
	bench_must(lana_block_rm(stack, "b", &error), &error, "rm");
}

/* ---- sending and counting ------------------------------------------------------------------- */

struct result {
	double rate;	 /* packets a second that came */
	double p50, p99; /* us beyond the time that they were to be held */
	double late;	 /* of all, beyond what is told of */
	double lost;	 /* of all that were sent */
};

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

static struct result measure(const char *profile, const char *rate, uint64_t held)
{
	const struct lana_gen_options options = { .device = "f0",
						  .netns = "/run/netns/far",
						  .profile = profile,
						  .rate = rate,
						  .time = (SECONDS + held / 1e9) * 1e9,
						  .stamp = true };
	struct lana_gen_report report;
	struct lana_error error = {};
	struct result result = {};
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
	return result;
}

static struct result measure_best(const char *rate, uint64_t held)
{
	struct result best = measure("64", rate, held);

	for (int round = 1; round < ROUNDS; round++) {
		struct result now = measure("64", rate, held);

		if (now.lost < best.lost || (now.lost == best.lost && now.p99 < best.p99))
			best = now;
	}
	return best;
}

/* ---- tables --------------------------------------------------------------------------------- */

static void bench_rates(void)
{
	static const struct bench_column columns[] = { { "between", -28, 0 },
						       { "frames", -8, 0 },
						       { "Mpps", 8, 2 } };
	static const char *const profiles[] = { "64", "1518" };
	struct between all[] = { { "forward, in the kernel", "forward", false, NULL, NULL, 0 },
				 { "a program on a socket", NULL, false, NULL, NULL, 0 },
				 { "userforward", "userforward", true, NULL, NULL, 0 },
				 { "hold, 1 ms", "hold", true, NULL, NULL, 0 } };

	bench_table("rates", "frames sent as fast as can be", columns, LENGTH(columns));
	for (size_t p = 0; p < LENGTH(profiles); p++)
		for (size_t i = 0; i < LENGTH(all); i++) {
			bool holds = all[i].type && !strcmp(all[i].type, "hold");
			double best = 0;

			put(&all[i], holds ? "delay=1000000" : NULL, false);
			for (int round = 0; round < ROUNDS; round++)
				best = bench_max(best, measure(profiles[p], "max", 0).rate);
			take_away(&all[i]);
			bench_row(all[i].name, profiles[p], best / 1e6);
		}
}

static void bench_latency(void)
{
	static const struct bench_column columns[] = {
		{ "between", -28, 0 }, { "rate", -10, 0 }, { "p50_us", 8, 1 },
		{ "p99_us", 8, 1 },    { "lost", 10, 6 },
	};
	static const char *const rates[] = { "10kpps", "100kpps" };
	struct between all[] = { { "forward, in the kernel", "forward", false, NULL, NULL, 0 },
				 { "a program on a socket", NULL, false, NULL, NULL, 0 },
				 { "userforward", "userforward", true, NULL, NULL, 0 },
				 { "userforward, busy", "userforward", true, NULL, NULL, 0 } };

	bench_table("latency", "time from being made to coming, 64 bytes", columns,
		    LENGTH(columns));
	for (size_t r = 0; r < LENGTH(rates); r++)
		for (size_t i = 0; i < LENGTH(all); i++) {
			struct result best;

			put(&all[i], NULL, i == LENGTH(all) - 1);
			best = measure_best(rates[r], 0);
			take_away(&all[i]);
			bench_row(all[i].name, rates[r], best.p50, best.p99, best.lost);
		}
}

static void bench_holding(void)
{
	static const struct bench_column columns[] = {
		{ "delay", -8, 0 }, { "rate", -10, 0 },	 { "worker", -8, 0 }, { "p50_us", 8, 1 },
		{ "p99_us", 8, 1 }, { "beyond", 10, 6 }, { "lost", 10, 6 },
	};
	static const char *const rates[] = { "10kpps", "100kpps", "1mpps" };
	static const struct {
		const char *name, *option;
		uint64_t ns;
	} delays[] = { { "1 ms", "delay=1000000", 1000000 },
		       { "10 ms", "delay=10000000", 10000000 },
		       { "100 ms", "delay=100000000", 100000000 } };
	double worst = 0;

	bench_table("holding", "how late frames leave a hold, 64 bytes, the way included", columns,
		    LENGTH(columns));
	for (size_t d = 0; d < LENGTH(delays); d++)
		for (size_t r = 0; r < LENGTH(rates); r++)
			for (int busy = 0; busy < 2; busy++) {
				struct between hold = { "hold", "hold", true, NULL, NULL, 0 };
				struct result best;

				put(&hold, delays[d].option, busy);
				best = measure_best(rates[r], delays[d].ns);
				take_away(&hold);
				bench_row(delays[d].name, rates[r], busy ? "busy" : "sleeps",
					  best.p50, best.p99, best.late, best.lost);
				if (busy)
					worst = bench_max(worst, best.p99);
			}
	bench_goal("p99 of departures, a busy worker, us", worst, 50, false);
}

/* ------------------------------------------------------------------------------------------- */

static void attach_departure(void)
{
	LIBBPF_OPTS(bpf_link_create_opts, options, .flags = XDP_FLAGS_DRV_MODE);
	struct departure_bpf *program = departure_bpf__open_and_load();
	int home = topology_enter("end"), link;

	bench_must(program ? 0 : -errno, NULL, "departure");
	link = bpf_link_create(bpf_program__fd(program->progs.departure_receive),
			       topology_ifindex("end", "e0"), BPF_XDP, &options);
	bench_must(link < 0 ? -errno : 0, NULL, "departure at e0");
	topology_leave(home);
	departure = &program->bss->counted;
}

int main(void)
{
	const struct lana_hook_options how = { .hook = LANA_HOOK_XDP };
	struct lana_error error = {};

	topology_begin();
	bench_begin("userblock");
	topology_netns("far");
	topology_netns("near");
	topology_netns("end");
	topology_veth("far", "f0", "near", "n0");
	topology_veth("near", "n1", "end", "e0");
	attach_departure();
	stack = bench_stack("near");
	bench_must(lana_hook(stack, "n0", &how, &error), &error, "hook");
	bench_must(lana_hook(stack, "n1", &how, &error), &error, "hook");
	bench_rates();
	bench_latency();
	bench_holding();
	bench_must(lana_stack_flush(stack, &error), &error, "flush");
	return bench_end();
}
