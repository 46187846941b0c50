// SPDX-License-Identifier: GPL-2.0-only
/* alsa - sound from and to sound cards, and whatever else libasound calls a PCM */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include <alsa/asoundlib.h>

#include "audio.h"
#include "clock.h"

#define FRAMES	2   /* that wait to be played or read, as long as all goes well */
#define LOOK_MS 100 /* how often it is asked whether to go on waiting */

struct alsa_source {
	struct source source;
	snd_pcm_t *pcm;
};

struct alsa_sink {
	struct sink sink;
	snd_pcm_t *pcm;
};

/* libasound talks of its own accord otherwise. */
static void say_nothing(const char *file, int line, const char *function, int err,
			const char *format, ...)
{
	(void)file;
	(void)line;
	(void)function;
	(void)err;
	(void)format;
}

static int set_hardware(snd_pcm_t *pcm, uint32_t frame)
{
	snd_pcm_uframes_t period = frame, buffer = 4 * frame;
	snd_pcm_hw_params_t *params;
	int err;

	snd_pcm_hw_params_alloca(&params);
	err = snd_pcm_hw_params_any(pcm, params);
	if (err < 0)
		return err;
	err = snd_pcm_hw_params_set_access(pcm, params, SND_PCM_ACCESS_RW_INTERLEAVED);
	err = err ?: snd_pcm_hw_params_set_format(pcm, params, SND_PCM_FORMAT_S16);
	err = err ?: snd_pcm_hw_params_set_channels(pcm, params, 1);
	err = err ?: snd_pcm_hw_params_set_rate(pcm, params, CODEC_RATE, 0);
	err = err ?: snd_pcm_hw_params_set_period_size_near(pcm, params, &period, NULL);
	err = err ?: snd_pcm_hw_params_set_buffer_size_near(pcm, params, &buffer);
	return err ?: snd_pcm_hw_params(pcm, params);
}

static int set_software(snd_pcm_t *pcm, snd_pcm_stream_t stream, uint32_t frame)
{
	snd_pcm_sw_params_t *params;
	int err;

	snd_pcm_sw_params_alloca(&params);
	err = snd_pcm_sw_params_current(pcm, params);
	if (stream == SND_PCM_STREAM_PLAYBACK)
		err = err ?: snd_pcm_sw_params_set_start_threshold(pcm, params, FRAMES * frame);
	err = err ?: snd_pcm_sw_params_set_avail_min(pcm, params, frame);
	return err ?: snd_pcm_sw_params(pcm, params);
}

static int open_pcm(const char *name, snd_pcm_stream_t stream, uint32_t frame, snd_pcm_t **pcm,
		    struct audio_error *error)
{
	snd_pcm_t *opened;
	int err;

	snd_lib_error_set_handler(say_nothing);
	err = snd_pcm_open(&opened, name, stream, SND_PCM_NONBLOCK);
	if (err < 0)
		return audio_fail(error, err, "no ALSA device '%.100s' to %s: %s", name,
				  stream == SND_PCM_STREAM_PLAYBACK ? "play" : "record",
				  snd_strerror(err));
	err = set_hardware(opened, frame) ?: set_software(opened, stream, frame);
	if (err < 0) {
		snd_pcm_close(opened);
		return audio_fail(error, err, "ALSA device '%.100s' has no 48 kHz mono: %s", name,
				  snd_strerror(err));
	}
	*pcm = opened;
	return 0;
}

/* ALSA's devices for tests take and give at once. */
static bool has_clock(snd_pcm_t *pcm)
{
	snd_pcm_type_t type = snd_pcm_type(pcm);

	return type != SND_PCM_TYPE_NULL && type != SND_PCM_TYPE_FILE;
}

static uint64_t ns_of(snd_pcm_sframes_t samples)
{
	return samples > 0 ? samples * 1000000000ULL / CODEC_RATE : 0;
}

/*
 * Samples were not taken or given: wait, or recover. 0: try again.
 */
static int mend(snd_pcm_t *pcm, snd_pcm_sframes_t err, const atomic_bool *stop, uint64_t *xruns)
{
	if (stop && atomic_load(stop))
		return -ECANCELED;
	if (err == -EAGAIN) {
		err = snd_pcm_wait(pcm, LOOK_MS);
		if (err >= 0)
			return 0;
	}
	if (err == -EPIPE)
		++*xruns;
	return snd_pcm_recover(pcm, err, 1);
}

static int alsa_read(struct source *source, int16_t *samples, uint32_t count, uint64_t *taken_at)
{
	struct alsa_source *alsa = (struct alsa_source *)source;
	snd_pcm_sframes_t waiting = 0;
	uint32_t done = 0;

	while (done < count) {
		snd_pcm_sframes_t got = snd_pcm_readi(alsa->pcm, samples + done, count - done);
		int err = got < 0 ? mend(alsa->pcm, got, source->stop, &source->xruns) : 0;

		if (err)
			return err;
		done += got > 0 ? got : 0;
	}
	snd_pcm_delay(alsa->pcm, &waiting);
	*taken_at = clock_now() - ns_of(waiting + count);
	return count;
}

static void alsa_source_close(struct source *source)
{
	struct alsa_source *alsa = (struct alsa_source *)source;

	snd_pcm_close(alsa->pcm);
	free(alsa);
}

static const struct source_ops alsa_source_ops = { .read = alsa_read, .close = alsa_source_close };

static int alsa_write(struct sink *sink, const int16_t *samples, uint32_t count, uint64_t *heard_at)
{
	struct alsa_sink *alsa = (struct alsa_sink *)sink;
	snd_pcm_sframes_t waiting = 0;
	uint32_t done = 0;

	if (snd_pcm_delay(alsa->pcm, &waiting) < 0)
		waiting = 0;
	*heard_at = clock_now() + ns_of(waiting);
	while (done < count) {
		snd_pcm_sframes_t put = snd_pcm_writei(alsa->pcm, samples + done, count - done);
		int err = put < 0 ? mend(alsa->pcm, put, sink->stop, &sink->xruns) : 0;

		if (err)
			return err;
		done += put > 0 ? put : 0;
	}
	return count;
}

static int alsa_sink_close(struct sink *sink)
{
	struct alsa_sink *alsa = (struct alsa_sink *)sink;

	snd_pcm_nonblock(alsa->pcm, 0);
	snd_pcm_drain(alsa->pcm);
	snd_pcm_close(alsa->pcm);
	free(alsa);
	return 0;
}

static const struct sink_ops alsa_sink_ops = { .write = alsa_write, .close = alsa_sink_close };

int alsa_source_open(const char *name, uint32_t frame, struct source **source,
		     struct audio_error *error)
{
	struct alsa_source *alsa = calloc(1, sizeof(*alsa));
	int err;

	if (!alsa)
		return audio_fail(error, -ENOMEM, "out of memory");
	err = open_pcm(name, SND_PCM_STREAM_CAPTURE, frame, &alsa->pcm, error);
	if (err) {
		free(alsa);
		return err;
	}
	alsa->source = (struct source){ .ops = &alsa_source_ops, .clocked = has_clock(alsa->pcm) };
	*source = &alsa->source;
	return 0;
}

int alsa_sink_open(const char *name, uint32_t frame, struct sink **sink, struct audio_error *error)
{
	struct alsa_sink *alsa = calloc(1, sizeof(*alsa));
	int err;

	if (!alsa)
		return audio_fail(error, -ENOMEM, "out of memory");
	err = open_pcm(name, SND_PCM_STREAM_PLAYBACK, frame, &alsa->pcm, error);
	if (err) {
		free(alsa);
		return err;
	}
	alsa->sink = (struct sink){ .ops = &alsa_sink_ops, .clocked = has_clock(alsa->pcm) };
	*sink = &alsa->sink;
	return 0;
}
