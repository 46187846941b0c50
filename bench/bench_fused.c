// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench_fused - what a packet costs in fused stacks, beside the same in one program written by hand
 *
 * The root program that is attached to the device is run by BPF_PROG_TEST_RUN, in turns with the
 * others; of each the best run counts.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <linux/if_link.h>

#include "bench.h"
#include "fused.h"

static const unsigned int lengths[] = { 1, 2, 5, 10, 20, 50, 100 };

#define RUN_SECONDS 0.003
#define ROUNDS	    (bench_quick() ? 10 : 150)

/* A 64-byte frame of UDP in IPv4. */
static unsigned char frame[64] = { [12] = 8, [14] = 0x45, [22] = 64, [23] = 17 };

/* ns a packet */
static double run(int program, double guess)
{
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame, .data_size_in = sizeof(frame),
		    .repeat = RUN_SECONDS * 1e9 / guess);
	double begin = bench_cpu_time();

	bench_must(bpf_prog_test_run_opts(program, &options) ? -errno : 0, NULL, "test run");
	bench_must(options.retval == XDP_DROP ? 0 : -EINVAL, NULL, "the packet is not dropped");
	return (bench_cpu_time() - begin) * 1e9 / options.repeat;
}

/* The best of each, taken in turns, so that both had the same disturbances. */
static void compare(int lana, int hand, double *best_lana, double *best_hand)
{
	*best_lana = *best_hand = INFINITY;
	for (int round = 0; round < ROUNDS; round++) {
		*best_lana = bench_min(*best_lana, run(lana, round ? *best_lana : 50));
		*best_hand = bench_min(*best_hand, run(hand, round ? *best_hand : 50));
	}
}

static const struct bench_column columns[] = {
	{ "stack", -24, 0 }, { "blocks", 6, 0 }, { "fused", 8, 2 },
	{ "by_hand", 8, 2 }, { "ratio", 6, 2 },
};

static double row(const char *name, unsigned int blocks, int lana, int hand)
{
	double a, b;

	compare(lana, hand, &a, &b);
	bench_row(name, (double)blocks, a, b, a / b);
	return a / b;
}

int main(void)
{
	struct fused *fused;
	double worst = 0, real;

	bench_begin("fused");
	bench_pin(BENCH_CPU_TRAFFIC);
	fused = fused_open();
	bench_table("fused", "ns a packet, the measurement's own and XDP_DROP included", columns,
		    LENGTH(columns));
	for (size_t i = 0; i < LENGTH(lengths); i++) {
		fused_chain(fused, "forward", lengths[i], true);
		row("forward / XDP_DROP", lengths[i], fused_root(fused), fused_hand(fused, "drop"));
	}
	for (size_t i = 0; i < LENGTH(lengths); i++) {
		int hand = fused_hand_count(fused, lengths[i]);
		double ratio;

		fused_chain(fused, "counter", lengths[i], true);
		ratio = row("counter", lengths[i], fused_root(fused), hand);
		if (lengths[i] == 50)
			worst = ratio;
	}
	fused_real(fused);
	real = row("twelve blocks", 12, fused_root(fused), fused_hand(fused, "real"));
	bench_goal("50 counting blocks: fused / by hand", worst, 1.05, false);
	bench_goal("the stack of twelve: fused / by hand", real, 1.10, false);
	fused_close(fused);
	return bench_end();
}
