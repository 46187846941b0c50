// SPDX-License-Identifier: GPL-2.0-only
/*
 * traffic - the user half of the traffic generator and checker; see traffic.h
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "traffic.h"
#include "traffic_endpoint.h"
#include "traffic_frame.h"
#include "traffic.skel.h"

/*
 * Frames between two looks at the softirqs. veth polls 64 frames a turn, so on an undisturbed
 * CPU the ring never holds more than this and nothing is overrun.
 */
#define BATCH 64

/* Program runs a call: setting up a call costs up to 60 ms, in which nothing is sent. */
#define RUNS_MAX (1U << 30)

/* Paced runs mostly wait; this bounds how long they go on when nobody looks (seconds). */
#define PACED_RUNS_MAX (1U << 26)

/* Numbers in a page of words */
#define WINDOW_MIN (1U << 15)

struct traffic {
	struct traffic_options options;
	struct traffic_endpoint send, check;
	struct traffic_bpf *skeleton;
	uint64_t *window;
	size_t window_size; /* bytes */
	int link;
	pthread_t thread;
	bool started;		 /* there is a thread to join */
	bool finished;		 /* written by the thread */
	int err;		 /* of the thread */
	uint64_t overrun_before; /* what the device had counted when number 0 was sent */
	double seconds;		 /* of earlier starts */
};

#define load(value)	    __atomic_load_n(&(value), __ATOMIC_RELAXED)
#define store(place, value) __atomic_store_n(&(place), (value), __ATOMIC_RELAXED)

static void sleep_ms(unsigned int ms)
{
	struct timespec time = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L };

	nanosleep(&time, NULL);
}

/* The clock of bpf_ktime_get_ns(). */
static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000ULL + time.tv_nsec;
}

/* ---- loading ---------------------------------------------------------------------------- */

static int prepare(struct traffic *t)
{
	struct traffic_bpf__rodata *rodata = t->skeleton->rodata;
	struct traffic_options *o = &t->options, plain = *o, arp = *o;
	uint8_t frame[TRAFFIC_SIZE_MAX];
	int size;

	plain.arp_every = 0;
	size = traffic_frame(&plain, 0, frame, sizeof(frame));
	if (size < 0)
		return size;
	memcpy((void *)rodata->ipv4_head, frame, sizeof(rodata->ipv4_head));
	arp.arp_every = 1;
	traffic_frame(&arp, 0, frame, sizeof(frame));
	memcpy((void *)rodata->arp_head, frame, sizeof(rodata->arp_head));

	rodata->frame_size = size;
	rodata->arp_every = o->arp_every;
	rodata->magic = TRAFFIC_MAGIC + o->flow;
	rodata->interval = o->rate ? 16000000000ULL / o->rate : 0;
	rodata->window_shift = __builtin_ctz(o->window);
	rodata->word_mask = (o->window >> TRAFFIC_WORD_SHIFT) - 1;
	if (o->check)
		rodata->concurrent = traffic_endpoint_queues(&t->check) != 1;
	bpf_program__set_autoload(t->skeleton->progs.traffic_send, o->send);
	bpf_program__set_autoload(t->skeleton->progs.traffic_receive, o->check);
	return bpf_map__set_max_entries(t->skeleton->maps.window, o->window >> TRAFFIC_WORD_SHIFT);
}

static int connect_sender(struct traffic *t)
{
	__u32 key = 0, ifindex = t->send.ifindex;
	int home, err;

	err = traffic_endpoint_overrun(&t->send, &t->overrun_before);
	if (err)
		return err;
	err = traffic_endpoint_enter(&t->send, &home);
	if (err)
		return err;
	err = bpf_map_update_elem(bpf_map__fd(t->skeleton->maps.target), &key, &ifindex, 0);
	traffic_endpoint_leave(home);
	return err;
}

static int attach_checker(struct traffic *t)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = XDP_FLAGS_DRV_MODE);
	struct bpf_map *map = t->skeleton->maps.window;
	size_t size = (t->options.window >> TRAFFIC_WORD_SHIFT) * sizeof(uint64_t);
	int home, err, fd;
	void *window;

	window = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);
	if (window == MAP_FAILED)
		return -errno;
	t->window = window;
	t->window_size = size;

	err = traffic_endpoint_enter(&t->check, &home);
	if (err)
		return err;
	fd = bpf_link_create(bpf_program__fd(t->skeleton->progs.traffic_receive), t->check.ifindex,
			     BPF_XDP, &opts);
	traffic_endpoint_leave(home);
	if (fd < 0)
		return fd;
	t->link = fd;
	return 0;
}

static int open_all(struct traffic *t)
{
	int err;

	if (t->options.send) {
		err = traffic_endpoint_open(&t->send, t->options.send);
		if (err)
			return err;
	}
	if (t->options.check) {
		err = traffic_endpoint_open(&t->check, t->options.check);
		if (err)
			return err;
	}
	t->skeleton = traffic_bpf__open();
	if (!t->skeleton)
		return -errno;
	err = prepare(t);
	if (err)
		return err;
	err = traffic_bpf__load(t->skeleton);
	if (err)
		return err;
	err = t->options.check ? attach_checker(t) : 0;
	if (!err && t->options.send)
		err = connect_sender(t);
	return err;
}

int traffic_open(const struct traffic_options *options, struct traffic **traffic)
{
	struct traffic *t;
	int err;

	if (options->window & (options->window - 1) || options->rate > 16000000000ULL)
		return -EINVAL;
	t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	t->options = *options;
	if (!t->options.window)
		t->options.window = 1 << 26;
	if (t->options.window < WINDOW_MIN || !t->options.check)
		t->options.window = WINDOW_MIN;
	t->send = t->check = (struct traffic_endpoint)TRAFFIC_ENDPOINT_CLOSED;
	t->link = -1;

	err = open_all(t);
	if (err) {
		traffic_close(t);
		return err;
	}
	*traffic = t;
	return 0;
}

void traffic_close(struct traffic *t)
{
	if (!t)
		return;
	if (t->started) {
		t->options.drain = 1;
		traffic_stop(t);
	}
	if (t->link >= 0)
		close(t->link);
	if (t->window)
		munmap(t->window, t->window_size);
	traffic_bpf__destroy(t->skeleton);
	traffic_endpoint_close(&t->send);
	traffic_endpoint_close(&t->check);
	free(t);
}

/* ---- sending ---------------------------------------------------------------------------- */

static int run_once(struct traffic *t)
{
	struct traffic_bpf__bss *bss = t->skeleton->bss;
	uint8_t frame[TRAFFIC_SIZE_MAX] = {};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .flags = BPF_F_TEST_XDP_LIVE_FRAMES,
		    .batch_size = t->options.batch ? t->options.batch : BATCH, .data_in = frame,
		    .data_size_in = t->skeleton->rodata->frame_size);
	uint64_t next = load(bss->next), limit = load(bss->limit);
	int err;

	if (next >= limit)
		return 0;
	if (t->options.rate)
		opts.repeat = PACED_RUNS_MAX;
	else if (limit - next < RUNS_MAX)
		opts.repeat = limit - next + 1; /* the last run notes the time */
	else
		opts.repeat = RUNS_MAX;

	err = bpf_prog_test_run_opts(bpf_program__fd(t->skeleton->progs.traffic_send), &opts);
	if (err == -EINTR)
		return 0;
	if (!err && !t->options.rate && load(bss->next) == next)
		return -EIO;
	return err;
}

static void *run(void *cookie)
{
	struct traffic *t = cookie;
	struct traffic_bpf__bss *bss = t->skeleton->bss;
	cpu_set_t cpus;
	int err = 0;

	if (t->options.pin) {
		CPU_ZERO(&cpus);
		CPU_SET(t->options.cpu, &cpus);
		err = -pthread_setaffinity_np(pthread_self(), sizeof(cpus), &cpus);
	}
	while (!err && load(bss->next) < load(bss->limit))
		err = run_once(t);
	t->err = err;
	__atomic_store_n(&t->finished, true, __ATOMIC_RELEASE);
	return NULL;
}

static void ignore(int signal)
{
	(void)signal;
}

/*
 * A signal whose default is to be ignored does not interrupt a test run; one with a handler does.
 */
static void catch_sigurg(void)
{
	struct sigaction action;

	if (sigaction(SIGURG, NULL, &action) || action.sa_handler != SIG_DFL)
		return;
	action.sa_handler = ignore;
	action.sa_flags = SA_RESTART;
	sigaction(SIGURG, &action, NULL);
}

int traffic_start(struct traffic *t)
{
	struct traffic_bpf__bss *bss = t->skeleton->bss;
	uint64_t count = t->options.count;
	sigset_t all, before;
	int home, err;

	if (!t->options.send)
		return -EINVAL;
	if (t->started)
		return -EBUSY;
	catch_sigurg();

	store(bss->started, 0);
	store(bss->ended, 0);
	store(bss->limit, count ? bss->next + count : UINT64_MAX);
	t->err = 0;
	t->finished = false;

	/* The thread is born in the namespace of the device, and takes no signal but ours. */
	sigfillset(&all);
	sigdelset(&all, SIGURG);
	err = traffic_endpoint_enter(&t->send, &home);
	if (err)
		return err;
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = -pthread_create(&t->thread, NULL, run, t);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	traffic_endpoint_leave(home);
	t->started = !err;
	return err;
}

bool traffic_done(struct traffic *t)
{
	struct traffic_bpf__bss *bss = t->skeleton->bss;

	if (!t->started || __atomic_load_n(&t->finished, __ATOMIC_ACQUIRE))
		return true;
	/* Runs that are left over do nothing: cut them short. */
	if (load(bss->next) >= load(bss->limit))
		pthread_kill(t->thread, SIGURG);
	return false;
}

/* Wait until all is through or none has come for a while. */
static int drain(struct traffic *t)
{
	unsigned int quiet = t->options.drain ? t->options.drain : 100, waited = 0;
	struct traffic_report report;
	uint64_t received = 0;
	int err;

	while (waited++ < quiet) {
		err = traffic_report(t, &report);
		if (err)
			return err;
		if (!t->options.check || report.lost <= 0)
			return 0;
		if (report.received != received)
			waited = 0;
		received = report.received;
		sleep_ms(1);
	}
	return 0;
}

/* A run that is cut short right after its last frame has not noted when it ended: that is now. */
int traffic_wait(struct traffic *t)
{
	struct traffic_bpf__bss *bss = t->skeleton->bss;
	int err;

	if (t->started) {
		while (!traffic_done(t))
			sleep_ms(1);
		pthread_join(t->thread, NULL);
		t->started = false;
		if (bss->started)
			t->seconds += ((bss->ended ?: now()) - bss->started) / 1e9;
	}
	err = drain(t);
	return t->err ? t->err : err;
}

int traffic_stop(struct traffic *t)
{
	store(t->skeleton->bss->limit, 0);
	return traffic_wait(t);
}

/* ---- reporting -------------------------------------------------------------------------- */

int traffic_report(struct traffic *t, struct traffic_report *report)
{
	struct traffic_bpf__bss *bss = t->skeleton->bss;
	struct traffic_report r = { .seconds = t->seconds };
	uint64_t fresh = 0, overrun;
	int i, err;

	/* Received first: a report under way must not show more received than sent. */
	for (i = 0; i < TRAFFIC_CPUS; i++) {
		const struct traffic_counts *c = &bss->counts[i];

		fresh += load(c->fresh);
		r.duplicated += load(c->duplicated);
		r.reordered += load(c->reordered);
		r.stale += load(c->stale);
		r.corrupt += load(c->corrupt);
		r.foreign += load(c->foreign);
	}
	r.received = fresh + r.duplicated;

	if (t->options.send) {
		err = traffic_endpoint_overrun(&t->send, &overrun);
		if (err)
			return err;
		r.overrun = overrun - t->overrun_before;
		r.sent = load(bss->next) - r.overrun;
		r.lost = r.sent - fresh;
	} else {
		r.lost = load(bss->expected) - fresh;
	}
	if (!t->options.check)
		r.lost = 0;
	*report = r;
	return 0;
}

bool traffic_report_good(const struct traffic_report *r)
{
	return (r->sent || r->received) && !r->lost && !r->duplicated && !r->reordered &&
	       !r->stale && !r->corrupt;
}

int traffic_reset(struct traffic *t)
{
	int err;

	if (t->started)
		return -EBUSY;
	if (t->options.send) {
		err = traffic_endpoint_overrun(&t->send, &t->overrun_before);
		if (err)
			return err;
	}
	t->seconds = 0;
	t->skeleton->bss->next = 0;
	t->skeleton->bss->expected = 0;
	memset(t->skeleton->bss->counts, 0, sizeof(t->skeleton->bss->counts));
	if (t->window)
		memset(t->window, 0, t->window_size);
	return 0;
}
