// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>

#include <linux/if_ether.h>

#include "cleanup.h"
#include "clock.h"
#include "error.h"
#include "gen.h"
#include "netns.h"
#include "session.h"

#define CPUS_MAX     1024
#define RATE_KEPT    0.99
#define SLOW	     1000	  /* frames a second, below which nobody has to watch the clock */
#define SEQUENCE_MAX (1ULL << 40) /* that a stamp can tell apart */

/* ---- opening -------------------------------------------------------------------------------- */

/* The CPUs that this process may run on, in turn. */
static int choose_cpus(struct lana_gen *gen, __u32 wanted, struct lana_error *error)
{
	__u32 found = 0;
	cpu_set_t cpus;

	if (sched_getaffinity(0, sizeof(cpus), &cpus))
		return refuse(error, -errno, "which CPUs there are is not known: %s",
			      strerror(errno));
	if (wanted > (__u32)CPU_COUNT(&cpus))
		return refuse(error, -EINVAL, "there are %d CPUs to send from, not %u",
			      CPU_COUNT(&cpus), wanted);
	gen->senders = calloc(wanted, sizeof(*gen->senders));
	if (!gen->senders)
		return refuse(error, -ENOMEM, "out of memory");
	/* The last ones first: interrupts and what else goes on prefer the first. */
	for (__u32 cpu = CPU_SETSIZE; cpu-- > 0 && found < wanted;)
		if (CPU_ISSET(cpu, &cpus))
			gen->senders[found++] = (struct gen_sender){
				.gen = gen, .cpu = cpu, .state_map = -1, .program = -1
			};
	for (__u32 i = 0; i < found; i++)
		gen->senders[i].index = i;
	gen->cpus = found;
	return 0;
}

static int check(const struct lana_gen_options *options, struct lana_error *error)
{
	if (!options->device == !options->block || !options->block == !!options->stack)
		return refuse(error, -EINVAL, "either a device, or a block of a stack");
	if (options->cpus > CPUS_MAX)
		return refuse(error, -EINVAL, "more than %d CPUs", CPUS_MAX);
	if (options->stamp && options->count > SEQUENCE_MAX)
		return refuse(error, -EINVAL, "stamps number %llu frames at most",
			      (unsigned long long)SEQUENCE_MAX);
	if (options->speed < 0 || options->speed > 1e6)
		return refuse(error, -EINVAL, "a speed is a factor from 0.000001 to 1000000");
	if (options->pcap && options->cpus > 1)
		return refuse(error, -EINVAL, "a file is sent by one CPU, in its order");
	return 0;
}

/* An MTU includes neither Ethernet's header nor a tag of 802.1Q, but all that follows. */
static __u32 size_allowed(const struct lana_gen *gen, const __u8 *frame)
{
	bool is_tagged = frame[12] == 0x81 && !frame[13];

	return gen->target.mtu + ETH_HLEN + (is_tagged ? 4 : 0);
}

static int check_size(const struct lana_gen *gen, const __u8 *frame, __u32 size,
		      struct lana_error *error)
{
	if (size <= size_allowed(gen, frame))
		return 0;
	return refuse(error, -EMSGSIZE,
		      "frames of %u bytes: the MTU of %s allows %u (check sequences not counted)",
		      size, gen->target.device.name, size_allowed(gen, frame));
}

static int check_sizes(const struct lana_gen *gen, struct lana_error *error)
{
	const struct gen_plan *plan = &gen->plan;
	int err = 0;

	for (__u32 i = 0; !err && i < plan->templates.count; i++)
		err = check_size(gen, plan->templates.list[i].bytes, plan->templates.list[i].size,
				 error);
	for (size_t at = 0; !err && at < plan->records_size;) {
		const struct gen_record *record = (void *)(plan->records + at);

		err = check_size(gen, (const __u8 *)(record + 1), record->size, error);
		at = record->step ? at + record->step : plan->records_size;
	}
	return err;
}

static int open_target(struct lana_gen *gen, const struct lana_gen_options *options,
		       struct lana_error *error)
{
	int err = gen_target_open(options->device, &gen->target, error);

	if (err)
		return err;
	if (!gen->target.is_up)
		return refuse(error, -ENETDOWN, "device '%s' is down", options->device);
	err = check_sizes(gen, error);
	if (err)
		return err;
	gen->why = gen->target.unfit;
	if (!gen->why && gen_plan_pps(&gen->plan) && gen_plan_pps(&gen->plan) < SLOW)
		gen->why = "at this rate a sleeping thread is enough";
	gen->way = gen->why ? LANA_GEN_SOCKET : LANA_GEN_LIVE;
	return 0;
}

/* Where frames are counted, and where a sender's state begins. */
static void init_states(struct lana_gen *gen)
{
	__u64 each = gen->count / gen->cpus, rest = gen->count % gen->cpus;
	__u64 interval = gen_interval(&gen->plan, gen->plan.size_mean, 1);

	for (__u32 i = 0; i < gen->cpus; i++) {
		struct gen_state *state = gen->senders[i].state;

		gen_state_init(state, &gen->plan.templates, gen->seed, i);
		state->limit = gen->count ? each + (i < rest) : SEQUENCE_MAX;
		state->epoch = i * interval; /* CPUs take turns */
	}
}

static int prepare(struct lana_gen *gen, const struct lana_gen_options *options,
		   struct lana_error *error)
{
	_cleanup_(netns_leave_p) int before = -1;
	int err = netns_enter(gen->netns, &before, error);

	if (!err)
		err = options->block ? gen_block_open(gen, options->stack, options->block, error)
				     : open_target(gen, options, error);
	if (!err)
		err = gen->way == LANA_GEN_LIVE ? gen_live_prepare(gen, error)
						: gen_socket_prepare(gen, error);
	if (!err)
		init_states(gen);
	return err;
}

int lana_gen_open(const struct lana_gen_options *options, struct lana_gen **result,
		  struct lana_error *error)
{
	struct lana_gen *gen;
	int err = check(options, error);

	if (err)
		return err;
	gen = calloc(1, sizeof(*gen));
	if (!gen)
		return refuse(error, -ENOMEM, "out of memory");
	gen->target = (struct gen_target)GEN_TARGET_CLOSED;
	gen->data = gen->devices = -1;
	gen->time = options->time;
	gen->seed = options->seed;
	gen->stream = options->stream;
	snprintf(gen->netns, sizeof(gen->netns), "%s",
		 options->netns	  ? options->netns
		 : options->block ? options->stack->netns
				  : "");
	if (getrandom(&gen->run, sizeof(gen->run), 0) != sizeof(gen->run))
		err = refuse(error, -errno, "no random numbers: %s", strerror(errno));
	if (!err)
		err = gen_plan_make(options, &gen->plan, error);
	/* A file is sent once if nobody says how long. */
	gen->count = options->count ?: options->time ? 0 : gen->plan.records_count;
	if (!err)
		err = choose_cpus(gen, options->cpus ?: 1, error);
	if (!err)
		err = prepare(gen, options, error);
	if (err) {
		lana_gen_close(gen);
		return err;
	}
	*result = gen;
	return 0;
}

void lana_gen_close(struct lana_gen *gen)
{
	if (!gen)
		return;
	lana_gen_stop(gen, NULL);
	for (__u32 i = 0; i < gen->cpus; i++) {
		struct gen_sender *sender = &gen->senders[i];

		close_p(&sender->program);
		if (sender->state && sender->state_map >= 0)
			munmap(sender->state, sizeof(*sender->state));
		else
			free(sender->state);
		close_p(&sender->state_map);
	}
	session_end_p(&gen->session);
	free(gen->senders);
	close_p(&gen->data);
	close_p(&gen->devices);
	gen_target_close(&gen->target);
	gen_plan_free(&gen->plan);
	free(gen);
}

/* ---- threads -------------------------------------------------------------------------------- */

static void *run(void *cookie)
{
	struct gen_sender *sender = cookie;
	cpu_set_t cpus;
	int err;

	CPU_ZERO(&cpus);
	CPU_SET(sender->cpu, &cpus);
	err = -pthread_setaffinity_np(pthread_self(), sizeof(cpus), &cpus);
	if (!err)
		err = sender->gen->way == LANA_GEN_LIVE ? gen_live_run(sender)
							: gen_socket_run(sender);
	sender->err = err;
	if (!sender->state->ended)
		gen_write(sender->state->ended, clock_ns(CLOCK_MONOTONIC));
	__atomic_store_n(&sender->finished, true, __ATOMIC_RELEASE);
	return NULL;
}

static void ignore(int signal)
{
	(void)signal;
}

/* A signal that is ignored by default interrupts nothing, one with a handler does. */
static void catch_sigurg(void)
{
	struct sigaction action;

	if (sigaction(SIGURG, NULL, &action) || action.sa_handler != SIG_DFL)
		return;
	action.sa_handler = ignore;
	action.sa_flags = SA_RESTART;
	sigaction(SIGURG, &action, NULL);
}

/* Threads stay in the namespace that they are born in, and take no signal but ours. */
static int start(struct lana_gen *gen, struct lana_error *error)
{
	_cleanup_(netns_leave_p) int before = -1;
	int err = netns_enter(gen->netns, &before, error);
	sigset_t all, old;

	if (err)
		return err;
	sigfillset(&all);
	sigdelset(&all, SIGURG);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	for (__u32 i = 0; !err && i < gen->cpus; i++) {
		err = pthread_create(&gen->senders[i].thread, NULL, run, &gen->senders[i]);
		gen->senders[i].started = !err;
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return err ? refuse(error, -err, "cannot start a thread: %s", strerror(err)) : 0;
}

int lana_gen_start(struct lana_gen *gen, struct lana_error *error)
{
	int err;

	if (gen->began)
		return refuse(error, -EBUSY, "it has been started already");
	catch_sigurg();
	gen->refused_known = gen->way == LANA_GEN_SOCKET || gen->session ||
			     !gen_target_refused(&gen->target, &gen->refused_before);
	gen->began = clock_ns(CLOCK_MONOTONIC);
	err = start(gen, error);
	if (err)
		lana_gen_stop(gen, NULL);
	return err;
}

static bool has_finished(struct gen_sender *sender)
{
	return !sender->started || __atomic_load_n(&sender->finished, __ATOMIC_ACQUIRE);
}

static void stop_all(struct lana_gen *gen)
{
	for (__u32 i = 0; i < gen->cpus; i++)
		if (gen->senders[i].state)
			gen_write(gen->senders[i].state->limit, 0);
}

/* Have all made what they are to make? Runs that are left over are cut short. */
static bool all_finished(struct lana_gen *gen)
{
	bool all = true;

	for (__u32 i = 0; i < gen->cpus; i++) {
		struct gen_sender *sender = &gen->senders[i];

		if (has_finished(sender))
			continue;
		all = false;
		if (gen_is_done(sender) ||
		    (gen->way == LANA_GEN_LIVE && gen_read(sender->state->refused)))
			pthread_kill(sender->thread, SIGURG);
	}
	return all;
}

static int gone(const struct lana_gen *gen, struct lana_error *error)
{
	struct lana_gen_report report;

	lana_gen_report(gen, &report);
	return refuse(error, -ENODEV,
		      gen->session ? "block '%s' has been removed: %llu frames sent"
				   : "device '%s' has gone: %llu frames sent",
		      gen->session ? gen->entry.name : gen->target.device.name,
		      (unsigned long long)report.sent);
}

static int join(struct lana_gen *gen, struct lana_error *error)
{
	__u64 refused;
	int err = 0;

	for (__u32 i = 0; i < gen->cpus; i++) {
		if (gen->senders[i].started)
			pthread_join(gen->senders[i].thread, NULL);
		gen->senders[i].started = false;
		err = gen->senders[i].err ?: err;
	}
	if (gen->way == LANA_GEN_LIVE && !gen->session && gen->refused_known &&
	    !gen_target_refused(&gen->target, &refused))
		gen->refused = refused - gen->refused_before;
	if (err == -ENODEV || (!gen->session && (err == -ENXIO || err == -ENETDOWN)))
		return gone(gen, error);
	if (err)
		return refuse(error, err, "the kernel refuses to make frames: %s", strerror(-err));
	return 0;
}

int lana_gen_wait(struct lana_gen *gen, int timeout_ms, struct lana_error *error)
{
	const struct timespec moment = { .tv_nsec = 1000000 };
	__u64 end = clock_ns(CLOCK_MONOTONIC) + timeout_ms * 1000000ULL;

	while (!all_finished(gen)) {
		__u64 now = clock_ns(CLOCK_MONOTONIC);

		if (gen->time && now >= gen->began + gen->time)
			stop_all(gen);
		if (timeout_ms >= 0 && now >= end)
			return -EAGAIN;
		nanosleep(&moment, NULL);
	}
	return join(gen, error);
}

int lana_gen_stop(struct lana_gen *gen, struct lana_error *error)
{
	stop_all(gen);
	return lana_gen_wait(gen, -1, error);
}

/* ---- report --------------------------------------------------------------------------------- */

static __u64 bytes_of(const struct lana_gen *gen, const struct gen_state *state)
{
	const struct gen_templates *templates = &gen->plan.templates;
	__u64 bytes = 0;

	if (!templates->count)
		return gen_read(state->bytes);
	if (templates->count == 1)
		return gen_read(state->sent) * templates->list[0].size;
	for (__u32 i = 0; i < templates->count; i++)
		bytes += gen_read(state->made[i]) * templates->list[i].size;
	return bytes;
}

/* The last frame of a CPU may just not have been due. */
static bool rate_kept(const struct lana_gen *gen, const struct lana_gen_report *r)
{
	const struct gen_plan *plan = &gen->plan;

	if (r->asked_bits > 0)
		return 8.0 * (r->bytes + gen->cpus * plan->size_max) >=
		       RATE_KEPT * r->asked_bits * r->seconds;
	return r->sent + gen->cpus >= RATE_KEPT * r->asked * r->seconds;
}

void lana_gen_report(const struct lana_gen *gen, struct lana_gen_report *report)
{
	struct lana_gen_report r = { .way = gen->way,
				     .why = gen->why,
				     .refused_known = gen->refused_known };
	__u64 first = ~0ULL, last = 0, now = clock_ns(CLOCK_MONOTONIC), mean;

	for (__u32 i = 0; i < gen->cpus; i++) {
		const struct gen_state *state = gen->senders[i].state;
		__u64 started = gen_read(state->started), ended = gen_read(state->ended);

		r.sent += gen_read(state->sent);
		r.refused += gen_read(state->refused);
		r.bytes += bytes_of(gen, state);
		r.late += gen_read(state->late);
		if (started && started < first)
			first = started;
		if (started && (ended ?: now) > last)
			last = ended ?: now;
	}
	mean = r.sent ? r.bytes / r.sent : 0;
	r.refused += gen->refused;
	r.bytes -= r.refused * mean;
	r.sent -= r.refused;
	r.seconds = last > first ? (last - first) / 1e9 : 0;
	r.asked = gen->plan.timed ? 0 : gen_plan_pps(&gen->plan);
	r.asked_bits = gen->plan.rate.bits;
	r.rate_kept = rate_kept(gen, &r);
	*report = r;
}
