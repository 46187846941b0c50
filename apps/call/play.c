// SPDX-License-Identifier: GPL-2.0-only
/* play - the thread that takes frames out of the jitter buffer, decodes and plays them */
#include <stdlib.h>
#include <string.h>

#include "private.h"

#define QUIET 64 /* mean of a frame's samples, up to which one more or less is not noticed */

struct player {
	struct call *call;
	struct decoder *decoder;
	uint32_t samples; /* of the peer's frames */
	uint32_t streams; /* which of the peer's streams it is */
	bool quiet, begun;
	int16_t sound[CODEC_FRAME_MAX];
	uint8_t payload[CALL_PAYLOAD_MAX];
};

/*
 * Sleep until the next frame is due, without the lock. False: it has become another time meanwhile,
 * or none is known.
 */
static bool await_due(struct call *call, uint64_t *due)
{
	uint64_t again, now;

	if (!jitter_due(call->jitter, due)) {
		call_wait(call);
		return false;
	}
	pthread_mutex_unlock(&call->lock);
	while ((now = clock_now()) < *due && !call_stopped(call))
		clock_sleep_until(*due - now < LOOK_NS ? *due : now + LOOK_NS);
	pthread_mutex_lock(&call->lock);
	return jitter_due(call->jitter, &again) && again == *due;
}

/* A new stream needs a decoder that knows nothing of the one before. */
static int follow_stream(struct player *player)
{
	struct call *call = player->call;
	uint32_t samples = call->peer.duration * CODEC_UNIT;
	int err;

	if (player->streams == call->streams || !samples)
		return 0;
	decoder_free(player->decoder);
	player->decoder = NULL;
	err = decoder_new(samples, &player->decoder);
	if (err)
		return err;
	player->samples = samples;
	player->streams = call->streams;
	return 0;
}

static int64_t ns_of(int64_t samples)
{
	return samples * 1000000 / (CODEC_RATE / 1000);
}

/* From when a frame's first sample was recorded, as the peer tells, to when it is heard. */
static void note_delay(struct call *call, uint64_t number, uint32_t samples, uint64_t heard_at)
{
	const struct peer *peer = &call->peer;
	const struct exchange *best = NULL;
	uint64_t taken_at;

	for (size_t i = 0; i < EXCHANGES; i++) {
		const struct exchange *exchange = &peer->exchanges[i];

		if (exchange->round_trip && (!best || exchange->round_trip < best->round_trip))
			best = exchange;
	}
	if (!best || !peer->timed_at)
		return;
	taken_at = peer->timed_at - best->offset +
		   ns_of((int32_t)((uint32_t)number * samples - peer->time));
	range_add(&call->delay, heard_at - taken_at + ns_of(call->lookahead));
}

static void decode(struct player *player, enum jitter_decision decision, uint16_t length)
{
	uint64_t sum = 0;

	if (decision != JITTER_PLAY) {
		decoder_conceal(player->decoder, player->sound);
	} else if (decoder_decode(player->decoder, player->payload, length, player->sound)) {
		pthread_mutex_lock(&player->call->lock);
		player->call->counts.undecoded++;
		pthread_mutex_unlock(&player->call->lock);
	}
	for (uint32_t i = 0; i < player->samples; i++)
		sum += abs(player->sound[i]);
	player->quiet = sum <= (uint64_t)QUIET * player->samples;
}

/* Play player->sound, or silence. */
static int play(struct player *player, uint32_t samples, uint64_t *heard_at)
{
	struct call *call = player->call;
	int done;

	*heard_at = clock_now();
	done = call->sink->ops->write(call->sink, player->sound, samples, heard_at);
	if (done >= 0 && call->echo)
		echo_played(call->echo, player->sound, samples, *heard_at);
	return done < 0 ? done : 0;
}

/* One tick: the lock is held, and let go of while it plays. */
static int step(struct player *player)
{
	struct call *call = player->call;
	bool clocked = call->sink->clocked;
	uint64_t due = clock_now(), heard_at;
	enum jitter_decision decision;
	struct jitter_frame frame = {};
	uint32_t samples;
	int err;

	if (!clocked && !await_due(call, &due))
		return 0;
	err = follow_stream(player);
	if (err)
		return err;
	decision = jitter_take(call->jitter, due, player->quiet, &frame);
	if (decision == JITTER_END)
		call->played_out = true;
	if (decision == JITTER_END || decision == JITTER_WAIT || !player->decoder) {
		if (!clocked) {
			call_wait(call);
			return 0;
		}
		/* A sound card has to be fed. */
		samples = call->options.codec.samples;
		memset(player->sound, 0, samples * sizeof(*player->sound));
		pthread_mutex_unlock(&call->lock);
		err = play(player, samples, &heard_at);
		pthread_mutex_lock(&call->lock);
		return err;
	}
	if (decision == JITTER_PLAY)
		memcpy(player->payload, frame.payload, frame.length);
	pthread_mutex_unlock(&call->lock);

	decode(player, decision, frame.length);
	err = play(player, player->samples, &heard_at);

	pthread_mutex_lock(&call->lock);
	if (decision == JITTER_PLAY && !err)
		note_delay(call, frame.number, player->samples, heard_at);
	return err;
}

/* Once the other end is there; the lock is held, and let go of meanwhile. */
static int begin(struct player *player)
{
	struct call *call = player->call;
	struct sink *sink = call->sink;
	int err = 0;

	if (player->begun || !call->peer.stream)
		return 0;
	player->begun = true;
	if (!sink->ops->begin)
		return 0;
	pthread_mutex_unlock(&call->lock);
	err = sink->ops->begin(sink);
	pthread_mutex_lock(&call->lock);
	return err;
}

void *call_play(void *cookie)
{
	struct player player = { .call = cookie, .quiet = true };
	struct call *call = cookie;
	int err = 0;

	call_thread_begin("play");
	pthread_mutex_lock(&call->lock);
	while (!call_stopped(call) && !err)
		err = begin(&player) ?: step(&player);
	if (err && err != -ECANCELED)
		call->broken = err;
	pthread_mutex_unlock(&call->lock);
	decoder_free(player.decoder);
	return NULL;
}
