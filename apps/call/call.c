// SPDX-License-Identifier: GPL-2.0-only
/* call - begin and end a call, and say how it is */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>

#include "private.h"

#define FAREWELLS   3 /* times that the peer is told of the end, as one may be lost */
#define FAREWELL_NS (5 * CLOCK_MILLISECOND)

void call_thread_begin(const char *name)
{
	/* The default slack of timers is 50 us. */
	prctl(PR_SET_TIMERSLACK, 1);
	prctl(PR_SET_NAME, name);
}

void call_wait(struct call *call)
{
	uint64_t end = clock_now() + LOOK_NS;
	struct timespec time = { .tv_sec = end / CLOCK_SECOND, .tv_nsec = end % CLOCK_SECOND };

	pthread_cond_timedwait(&call->news, &call->lock, &time);
}

static void init_lock(struct call *call)
{
	pthread_condattr_t attributes;

	pthread_mutex_init(&call->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&call->news, &attributes);
	pthread_condattr_destroy(&attributes);
}

static void forget(struct call *call)
{
	jitter_free(call->jitter);
	echo_free(call->echo);
	pthread_cond_destroy(&call->news);
	pthread_mutex_destroy(&call->lock);
	free(call);
}

static int start_unsignalled(struct call *call)
{
	int err = pthread_create(&call->listener, NULL, call_listen, call);

	if (err)
		return -err;
	err = pthread_create(&call->player, NULL, call_play, call);
	if (!err) {
		err = pthread_create(&call->talker, NULL, call_talk, call);
		if (!err)
			return 0;
		atomic_store(call->stop, true);
		pthread_join(call->player, NULL);
	}
	atomic_store(call->stop, true);
	pthread_join(call->listener, NULL);
	return -err;
}

/* Signals are for who started the call. */
static int start_threads(struct call *call)
{
	sigset_t all, before;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = start_unsignalled(call);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return err;
}

int call_start(const struct call_options *options, struct link *link, struct source *source,
	       struct sink *sink, atomic_bool *stop, struct call **call)
{
	const struct echo_options echo = { .samples = options->codec.samples };
	struct call *new = calloc(1, sizeof(*new));
	int err = 0;

	if (!new)
		return -ENOMEM;
	new->options = *options;
	new->link = link;
	new->source = source;
	new->sink = sink;
	new->stop = stop;
	new->started_at = clock_now();
	init_lock(new);
	new->jitter = jitter_new(&options->jitter);
	if (options->echo)
		new->echo = echo_new(&echo);
	if (!new->jitter || (options->echo && !new->echo))
		err = -ENOMEM;
	if (options->has_peer) {
		new->peer.known = true;
		memcpy(new->peer.address, options->peer, sizeof(options->peer));
	}
	while (!err && !new->stream)
		if (getrandom(&new->stream, sizeof(new->stream), 0) < 0)
			err = -errno;
	err = err ?: start_threads(new);
	if (err)
		forget(new);
	else
		*call = new;
	return err;
}

void call_stop(struct call *call)
{
	if (!call)
		return;
	atomic_store(call->stop, true);
	pthread_cond_broadcast(&call->news);
	pthread_join(call->talker, NULL);
	pthread_join(call->listener, NULL);
	pthread_join(call->player, NULL);
	for (unsigned int i = 0; i < FAREWELLS; i++) {
		if (i)
			clock_sleep_until(clock_now() + FAREWELL_NS);
		call_report(call, CALL_ENDED | CALL_LEAVING);
	}
	forget(call);
}

void call_mute(struct call *call, bool muted)
{
	atomic_store(&call->muted, muted);
}

/* ---- how it is ------------------------------------------------------------ */

/* Who waits to be called waits for as long as it takes. */
static bool is_silent(const struct call *call)
{
	uint64_t since = call->peer.heard_at;

	if (!since && call->options.has_peer)
		since = call->started_at;
	return since && clock_now() - since > call->options.timeout;
}

static enum call_state state_of(const struct call *call)
{
	const struct peer *peer = &call->peer;

	if (call->down)
		return CALL_DOWN;
	if (call->broken)
		return CALL_BROKEN;
	if (!peer->ever)
		return is_silent(call) ? CALL_LOST : CALL_CALLING;
	if (call->played_out && (peer->leaving || (peer->ended && call->ended)))
		return CALL_OVER;
	return is_silent(call) ? CALL_LOST : CALL_TALKING;
}

enum call_state call_state(struct call *call)
{
	enum call_state state;

	pthread_mutex_lock(&call->lock);
	state = state_of(call);
	pthread_mutex_unlock(&call->lock);
	return state;
}

const char *call_state_name(enum call_state state)
{
	static const char *const names[] = {
		[CALL_CALLING] = "calling", [CALL_TALKING] = "talking", [CALL_OVER] = "over",
		[CALL_LOST] = "lost",	    [CALL_DOWN] = "down",	[CALL_BROKEN] = "broken",
	};

	return names[state];
}

static uint64_t shortest_round_trip(const struct peer *peer)
{
	uint64_t least = 0;

	for (size_t i = 0; i < EXCHANGES; i++) {
		uint64_t value = peer->exchanges[i].round_trip;

		if (value && (!least || value < least))
			least = value;
	}
	return least;
}

static void range_merge(struct call_range *all, const struct call_range *more)
{
	if (!more->count)
		return;
	if (!all->count || more->least < all->least)
		all->least = more->least;
	if (!all->count || more->most > all->most)
		all->most = more->most;
	all->count += more->count;
	all->sum += more->sum;
}

/* With fresh what came since the last time, else all. */
static struct call_range read_range(struct call_range *now, struct call_range *before, bool fresh)
{
	struct call_range range = *now;

	range_merge(before, now);
	*now = (struct call_range){};
	return fresh ? range : *before;
}

void call_read(struct call *call, bool fresh, struct call_stats *stats)
{
	const struct link_losses losses = link_losses(call->link);
	const struct peer *peer = &call->peer;

	pthread_mutex_lock(&call->lock);
	*stats = (struct call_stats){
		.state = state_of(call),
		.stream = call->stream,
		.heard = peer->stream,
		.muted = atomic_load(&call->muted),
		.seconds = call->began_at ? (clock_now() - call->began_at) / 1e9 : 0,
		.counts = call->counts,
		.losses = losses,
		.jitter_counts = jitter_counts(call->jitter),
		.jitter = jitter_jitter(call->jitter),
		.target = jitter_target(call->jitter),
		.depth = jitter_depth(call->jitter),
		.round_trip = shortest_round_trip(peer),
		.delay = read_range(&call->delay, &call->delay_before, fresh),
		.sent_late = read_range(&call->sent_late, &call->sent_late_before, fresh),
		.peer_received = peer->report.received,
		.peer_lost = peer->report.lost,
		.peer_late = peer->report.late,
		.peer_jitter = peer->report.jitter,
	};
	memcpy(stats->own, link_address(call->link), sizeof(stats->own));
	memcpy(stats->peer, peer->address, sizeof(stats->peer));
	pthread_mutex_unlock(&call->lock);
	stats->lost = stats->jitter_counts.expected - stats->jitter_counts.received;
	stats->counts.xruns = call->source->xruns + call->sink->xruns;
}
