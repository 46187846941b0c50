/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * audio.h - where sound comes from and goes to: one channel, 48 kHz, 16 bits
 *
 * Kinds of sources and sinks are tables of functions. What has no clock of its own (files, pipes)
 * is read and written when whoever calls says so; a sound card lets its caller wait.
 */
#ifndef CALL_AUDIO_H
#define CALL_AUDIO_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "codec.h"

/* What went wrong, in one line. */
struct audio_error {
	char text[256];
};

struct source;
struct sink;

struct source_ops {
	/*
	 * Read count samples; *taken_at is when the first one was recorded (CLOCK_MONOTONIC, ns),
	 * if the source knows that. Returns how many there were: fewer at the end, then 0.
	 * -ECANCELED: *stop was set; other errors are the source's end as well.
	 */
	int (*read)(struct source *source, int16_t *samples, uint32_t count, uint64_t *taken_at);
	void (*close)(struct source *source);
};

struct sink_ops {
	/* The call begins. Until then what is there already stays as it is. NULL: nothing to do */
	int (*begin)(struct sink *sink);
	/* Write count samples, once begun; *heard_at is when the first one will be heard. */
	int (*write)(struct sink *sink, const int16_t *samples, uint32_t count, uint64_t *heard_at);
	/* -errno: not all that was written is where it should be. */
	int (*close)(struct sink *sink);
};

/* Which file it is; inode 0: no regular file. */
struct audio_file {
	dev_t device;
	ino_t inode;
};

/* What all sources, or sinks, begin with. */
struct source {
	const struct source_ops *ops;
	struct audio_file file;
	bool clocked;
	const atomic_bool *stop;
	uint64_t xruns; /* times when a sound card was not read, or fed, in time */
};

struct sink {
	const struct sink_ops *ops;
	struct audio_file file;
	bool clocked;
	const atomic_bool *stop;
	uint64_t xruns;
};

static inline bool audio_same_file(const struct source *source, const struct sink *sink)
{
	return source->file.inode && source->file.inode == sink->file.inode &&
	       source->file.device == sink->file.device;
}

/*
 * NAME is "alsa" or "alsa:PCM", "-" (raw samples on standard input or output), "silence" or "none",
 * or a file: a WAV file if it is called .wav, or (to be read) begins as one, else raw samples.
 * frame is how many samples will be read or written at a time. -errno: error says why.
 */
int source_open(const char *name, uint32_t frame, const atomic_bool *stop, struct source **source,
		struct audio_error *error);
int sink_open(const char *name, uint32_t frame, const atomic_bool *stop, struct sink **sink,
	      struct audio_error *error);
void source_close(struct source *source);
int sink_close(struct sink *sink);

/* The kinds; name is what follows the kind's word. */
int alsa_source_open(const char *name, uint32_t frame, struct source **source,
		     struct audio_error *error);
int alsa_sink_open(const char *name, uint32_t frame, struct sink **sink, struct audio_error *error);
int file_source_open(const char *name, struct source **source, struct audio_error *error);
int file_sink_open(const char *name, struct sink **sink, struct audio_error *error);

/* Say what went wrong; returns err. */
int audio_fail(struct audio_error *error, int err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
