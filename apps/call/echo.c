// SPDX-License-Identifier: GPL-2.0-only
/* echo - takes out of what a microphone hears what the loudspeaker beside it plays */
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <speex/speex_echo.h>
#include <speex/speex_preprocess.h>

#include "codec.h"
#include "echo.h"

#define TAIL_MS	 150
#define HISTORY	 (1 << 17) /* samples: 2.7 s, a power of two */
#define SLACK_NS 20000000  /* by which times may be off before the two are aligned anew */

struct echo {
	uint32_t samples;
	SpeexEchoState *canceller;
	SpeexPreprocessState *preprocessor;

	pthread_mutex_t lock; /* for what follows */
	int16_t history[HISTORY];
	uint64_t played;    /* samples so far: the next one goes to history[played % HISTORY] */
	uint64_t played_at; /* when that one will be heard */
	/* The recorder's: */
	bool aligned;
	uint64_t next; /* sample of the history that belongs to the next one recorded */
};

struct echo *echo_new(const struct echo_options *options)
{
	const int tail = CODEC_RATE / 1000 * (options->tail_ms ?: TAIL_MS);
	struct echo *echo = calloc(1, sizeof(*echo));
	int rate = CODEC_RATE;

	if (!echo)
		return NULL;
	pthread_mutex_init(&echo->lock, NULL);
	echo->samples = options->samples;
	echo->canceller = speex_echo_state_init(options->samples, tail);
	echo->preprocessor = speex_preprocess_state_init(options->samples, rate);
	if (!echo->canceller || !echo->preprocessor) {
		echo_free(echo);
		return NULL;
	}
	speex_echo_ctl(echo->canceller, SPEEX_ECHO_SET_SAMPLING_RATE, &rate);
	speex_preprocess_ctl(echo->preprocessor, SPEEX_PREPROCESS_SET_ECHO_STATE, echo->canceller);
	return echo;
}

void echo_free(struct echo *echo)
{
	if (!echo)
		return;
	if (echo->preprocessor)
		speex_preprocess_state_destroy(echo->preprocessor);
	if (echo->canceller)
		speex_echo_state_destroy(echo->canceller);
	pthread_mutex_destroy(&echo->lock);
	free(echo);
}

static int64_t samples_of(int64_t ns)
{
	return ns * (CODEC_RATE / 1000) / 1000000;
}

static int64_t ns_of(int64_t samples)
{
	return samples * 1000000 / (CODEC_RATE / 1000);
}

void echo_played(struct echo *echo, const int16_t *samples, uint32_t count, uint64_t heard_at)
{
	pthread_mutex_lock(&echo->lock);
	for (uint32_t i = 0; i < count; i++)
		echo->history[(echo->played + i) % HISTORY] = samples[i];
	echo->played += count;
	echo->played_at = heard_at + ns_of(count);
	pthread_mutex_unlock(&echo->lock);
}

/*
 * What was played while a frame was recorded. Times of sound cards are coarse: once aligned, sample
 * follows sample until the two are off by more than that.
 */
static void find_played(struct echo *echo, uint64_t taken_at, int16_t *played)
{
	int64_t at = echo->played + samples_of((int64_t)(taken_at - echo->played_at));

	if (!echo->aligned || llabs((int64_t)echo->next - at) > samples_of(SLACK_NS)) {
		echo->next = at > 0 ? at : 0;
		echo->aligned = at > 0;
	}
	for (uint32_t i = 0; i < echo->samples; i++, echo->next++) {
		bool known = echo->aligned && echo->next < echo->played &&
			     echo->next + HISTORY > echo->played;

		played[i] = known ? echo->history[echo->next % HISTORY] : 0;
	}
}

void echo_cancel(struct echo *echo, int16_t *samples, uint64_t taken_at)
{
	int16_t played[CODEC_FRAME_MAX], left[CODEC_FRAME_MAX];

	pthread_mutex_lock(&echo->lock);
	find_played(echo, taken_at, played);
	pthread_mutex_unlock(&echo->lock);

	speex_echo_cancellation(echo->canceller, samples, played, left);
	speex_preprocess_run(echo->preprocessor, left);
	memcpy(samples, left, echo->samples * sizeof(*samples));
}
