// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench_gen - how fast and how evenly the generator makes frames, beside a bare loop and trafgen
 *
 *	out                      sink
 *	o ────────────────────── s   an XDP program counts, or notes the time, and drops
 *
 * All senders send into the same veth and are counted at its other end. The bare loop is a
 * live-frames run of a program that redirects a frame as it is. Frames have 64 bytes with their
 * check sequence. With an argument, only gaps are measured.
 */
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>

#include <lana/gen.h>

#include "bench.h"
#include "gen_bare.skel.h"
#include "selftests/topology.h"
#include "selftests/traffic_endpoint.h"

#define CPUS 2

static struct gen_bare_bpf *bare;
static int link_fd = -1;

/* ---- the receiving end ------------------------------------------------------------------ */

static void receive(bool timing)
{
	LIBBPF_OPTS(bpf_link_create_opts, options, .flags = XDP_FLAGS_DRV_MODE);
	__u32 key = 0, ifindex = topology_ifindex("out", "o");
	int home;

	if (link_fd >= 0)
		close(link_fd);
	gen_bare_bpf__destroy(bare);
	bare = gen_bare_bpf__open();
	bench_must(bare ? 0 : -errno, NULL, "programs");
	bare->rodata->timing = timing;
	bench_must(gen_bare_bpf__load(bare), NULL, "programs");
	home = topology_enter("out");
	bench_must(bpf_map_update_elem(bpf_map__fd(bare->maps.target), &key, &ifindex, 0), NULL,
		   "target");
	topology_leave(home);
	home = topology_enter("sink");
	link_fd = bpf_link_create(bpf_program__fd(bare->progs.bare_receive),
				  topology_ifindex("sink", "s"), BPF_XDP, &options);
	bench_must(link_fd < 0 ? link_fd : 0, NULL, "receiver");
	topology_leave(home);
}

static __u64 received(void)
{
	__u64 sum = 0;

	for (int cpu = 0; cpu < 64; cpu++)
		sum += __atomic_load_n(&bare->bss->received[cpu].frames, __ATOMIC_RELAXED);
	return sum;
}

static void sleep_ms(unsigned int ms)
{
	struct timespec time = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L };

	nanosleep(&time, NULL);
}

/* ---- senders ---------------------------------------------------------------------------- */

/* A sender starts and stops; all take turns. */
struct sender {
	const char *name;
	unsigned int cpus;
	void (*start)(const struct sender *sender);
	void (*stop)(void);
	struct lana_gen_options options;
	const char *command; /* of trafgen */
};

static pthread_t threads[CPUS];
static volatile bool stopping;
static unsigned int threads_count;

static void nothing(int signal)
{
	(void)signal;
}

static void *loop(void *cookie)
{
	char frame[60] = {};
	LIBBPF_OPTS(bpf_test_run_opts, options, .flags = BPF_F_TEST_XDP_LIVE_FRAMES,
		    .batch_size = 64, .data_in = frame, .data_size_in = sizeof(frame),
		    .repeat = 1 << 30);
	int home = topology_enter("out");

	bench_pin((size_t)cookie);
	while (!stopping)
		bpf_prog_test_run_opts(bpf_program__fd(bare->progs.bare_send), &options);
	topology_leave(home);
	return NULL;
}

static void start_bare(const struct sender *sender)
{
	struct sigaction action = { .sa_handler = nothing };

	sigaction(SIGURG, &action, NULL);
	stopping = false;
	threads_count = sender->cpus;
	for (size_t i = 0; i < threads_count; i++)
		bench_must(-pthread_create(&threads[i], NULL, loop, (void *)(CPUS - 1 - i)), NULL,
			   "thread");
}

static void stop_bare(void)
{
	stopping = true;
	for (size_t i = 0; i < threads_count; i++) {
		while (pthread_kill(threads[i], SIGURG), pthread_tryjoin_np(threads[i], NULL))
			sleep_ms(1);
	}
}

static struct lana_gen *gen;

static void start_gen(const struct sender *sender)
{
	struct lana_gen_options options = sender->options;
	struct lana_error error = {};

	options.device = "o";
	options.netns = "/run/netns/out";
	options.cpus = sender->cpus;
	if (options.packet)
		options.packet_size = strlen(options.packet);
	bench_must(lana_gen_open(&options, &gen, &error), &error, "generator");
	bench_must(lana_gen_start(gen, &error), &error, "generator");
}

static void stop_gen(void)
{
	struct lana_error error = {};

	bench_must(lana_gen_stop(gen, &error), &error, "generator");
	lana_gen_close(gen);
}

static pid_t trafgen;

static void start_trafgen(const struct sender *sender)
{
	trafgen = topology_spawn("exec nsenter --net=/run/netns/out %s %s",
				 "trafgen --no-sock-mem --notouch-irq -C -o o", sender->command);
	bench_must(trafgen < 0 ? trafgen : 0, NULL, "trafgen");
}

static void stop_trafgen(void)
{
	kill(-trafgen, SIGKILL); /* its workers too */
	waitpid(trafgen, NULL, 0);
}

/* ---- packets a second --------------------------------------------------------------------- */

#define VARYING "eth ip4(src=10.0.0.1..10.0.0.254, dst=10.0.0.2+) udp(sport=random) payload(18)"

#define TRAFGEN(fields)                                                                        \
	"'{ eth(da=02:00:00:00:00:02, sa=02:00:00:00:00:01), ipv4(sa=10.0.0.1, da=10.0.0.2), " \
	"udp(" fields "dp=9), fill(0, 18) }'"

static const struct sender senders[] = {
	{ "bare loop", 1, start_bare, stop_bare, {}, NULL },
	{ "gen", 1, start_gen, stop_gen, {}, NULL },
	{ "gen, stamped", 1, start_gen, stop_gen, { .stamp = true }, NULL },
	{ "gen, 3 fields, checksums", 1, start_gen, stop_gen, { .packet = VARYING }, NULL },
	{ "gen, imix", 1, start_gen, stop_gen, { .profile = "imix" }, NULL },
	{ "gen, 1518 bytes", 1, start_gen, stop_gen, { .profile = "1518" }, NULL },
	{ "trafgen", 1, start_trafgen, stop_trafgen, {}, "-P 1 " TRAFGEN("sp=9, ") },
	{ "trafgen, a field", 1, start_trafgen, stop_trafgen, {}, "-P 1 " TRAFGEN("sp=drnd(), ") },
	{ "bare loop", 2, start_bare, stop_bare, {}, NULL },
	{ "gen", 2, start_gen, stop_gen, {}, NULL },
	{ "gen, 3 fields, checksums", 2, start_gen, stop_gen, { .packet = VARYING }, NULL },
	{ "trafgen", 2, start_trafgen, stop_trafgen, {}, "-P 2 " TRAFGEN("sp=9, ") },
};

enum { BARE, GEN, STAMPED, FIELDS, IMIX, LARGE, TRAFGEN_1, TRAFGEN_FIELD, BARE_2, GEN_2 };

#define ROUNDS	  (bench_quick() ? 1 : 7)
#define WINDOWS	  16
#define WINDOW_MS 3
#define LOOK_MAX  100e-6 /* a look at the counters that took longer (seconds) was interrupted */

struct result {
	double rates[7 * WINDOWS];
	size_t count;
};

/* Windows are shorter than a time slice: the best twentieth is what an idle machine does. */
static void watch(struct result *result)
{
	double last_time = 0, begin, now;
	__u64 last = 0, count;

	for (int window = 0; window <= WINDOWS; window++) {
		begin = bench_now();
		count = received();
		now = bench_now();
		if (now - begin > LOOK_MAX) {
			last_time = 0;
			continue;
		}
		if (last_time > 0)
			result->rates[result->count++] = (count - last) / (now - last_time);
		last = count;
		last_time = now;
		sleep_ms(WINDOW_MS);
	}
}

static void run(const struct sender *sender, struct result *result)
{
	__u64 before = received();

	sender->start(sender);
	for (int ms = 0; received() == before; ms++) {
		bench_must(ms > 5000 ? -ETIMEDOUT : 0, NULL, "%s sends nothing", sender->name);
		sleep_ms(1);
	}
	sleep_ms(20);
	watch(result);
	sender->stop();
}

static const struct bench_column rate_columns[] = {
	{ "sender", -26, 0 }, { "cpus", 4, 0 },	       { "Mpps", 6, 2 },
	{ "of_bare", 7, 2 },  { "of_trafgen", 10, 2 },
};

static void rates(void)
{
	static struct result results[LENGTH(senders)];
	double rate[LENGTH(senders)];

	receive(false);
	for (int round = 0; round < ROUNDS; round++)
		for (size_t i = 0; i < LENGTH(senders); i++)
			run(&senders[i], &results[i]);
	for (size_t i = 0; i < LENGTH(senders); i++)
		rate[i] = bench_quantile(results[i].rates, results[i].count, 0.95);

	bench_table("rates", "frames a second into a veth", rate_columns, LENGTH(rate_columns));
	for (size_t i = 0; i < LENGTH(senders); i++)
		bench_row(senders[i].name, (double)senders[i].cpus, rate[i] / 1e6,
			  rate[i] / rate[senders[i].cpus == 1 ? BARE : BARE_2],
			  rate[i] / rate[senders[i].cpus == 1 ? TRAFGEN_1 : LENGTH(senders) - 1]);
	bench_goal("gen / bare loop, 1 CPU", rate[GEN] / rate[BARE], 0.9, true);
	bench_goal("gen / bare loop, 2 CPUs", rate[GEN_2] / rate[BARE_2], 0.9, true);
	bench_goal("gen / trafgen", rate[GEN] / rate[TRAFGEN_1], 3, true);
	bench_goal("gen with fields / trafgen with one", rate[FIELDS] / rate[TRAFGEN_FIELD], 3,
		   true);
}

/* ---- gaps ------------------------------------------------------------------------------- */

static const struct pace {
	const char *sender, *rate;
	double pps;
	void (*start)(const struct sender *sender);
	void (*stop)(void);
	const char *command;
} paces[] = {
	{ "gen", "10kpps", 1e4, start_gen, stop_gen, NULL },
	{ "gen", "100kpps", 1e5, start_gen, stop_gen, NULL },
	{ "gen", "1mpps", 1e6, start_gen, stop_gen, NULL },
	{ "trafgen", "10kpps", 1e4, start_trafgen, stop_trafgen, "-t 100us" },
	{ "trafgen", "100kpps", 1e5, start_trafgen, stop_trafgen, "-t 10us" },
};

static const struct bench_column gap_columns[] = {
	{ "sender", -10, 0 },	   { "rate", -8, 0 },	      { "reached_pps", 12, 0 },
	{ "error_p50_us", 13, 2 }, { "error_p99_us", 13, 2 },
};

/* Gaps at the other end, all frames of a run. */
static void gaps(const struct pace *pace)
{
	static double errors[1 << 20];
	struct sender sender = { .options = { .rate = pace->rate }, .cpus = 1 };
	char command[512];
	size_t count;

	snprintf(command, sizeof(command), "-P 1 %s %s", pace->command, TRAFGEN("sp=9, "));
	sender.command = command;
	receive(true);
	pace->start(&sender);
	sleep_ms(bench_quick() ? 300 : 1200);
	pace->stop();
	/* All on the CPU that sends, but for trafgen, which chooses its own. */
	count = received();
	if (count > LENGTH(errors))
		count = LENGTH(errors);
	for (size_t i = 1; i < count; i++)
		errors[i - 1] =
			fabs(bare->bss->times[i] - bare->bss->times[i - 1] - 1e9 / pace->pps);
	bench_row(pace->sender, pace->rate,
		  count > 1
			  ? (count - 1) * 1e9 / (bare->bss->times[count - 1] - bare->bss->times[0])
			  : NAN,
		  bench_quantile(errors, count - 1, 0.5) / 1e3,
		  bench_quantile(errors, count - 1, 0.99) / 1e3);
}

int main(int argc, char **argv)
{
	(void)argv;
	bench_begin("gen");
	topology_netns("out");
	topology_netns("sink");
	topology_veth("out", "o", "sink", "s");
	if (argc < 2)
		rates();
	bench_table("gaps", "error of the gaps between frames, at the other end of a veth",
		    gap_columns, LENGTH(gap_columns));
	for (size_t i = 0; i < LENGTH(paces); i++)
		gaps(&paces[i]);
	close(link_fd);
	gen_bare_bpf__destroy(bare);
	return bench_end();
}
