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
#include "selftests/topology.h"

#define ROUNDS	(bench_quick() ? 1 : 20)
#define SECONDS 0.05
#define FRAMES	(1 << 18) /* that the worker may hold: of 100 ms at a million a second, and more */

static struct lana_stack *stack;

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

static struct departures measure_best(const char *rate, uint64_t held)
{
	struct departures best = departure_measure("64", rate, SECONDS, held);

	for (int round = 1; round < ROUNDS; round++) {
		struct departures now = departure_measure("64", rate, SECONDS, held);

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
				best = bench_max(
					best,
					departure_measure(profiles[p], "max", SECONDS, 0).rate);
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
			struct departures best;

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
				struct departures best;

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

int main(void)
{
	struct lana_error error = {};

	topology_begin();
	bench_begin("userblock");
	departure_begin();
	stack = departure_open();
	bench_rates();
	bench_latency();
	bench_holding();
	bench_must(lana_stack_flush(stack, &error), &error, "flush");
	return bench_end();
}
