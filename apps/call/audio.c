// SPDX-License-Identifier: GPL-2.0-only
/* audio - choose the kind of a source or sink by its name; and those that are nothing */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audio.h"

int audio_fail(struct audio_error *error, int err, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	vsnprintf(error->text, sizeof(error->text), format, list);
	va_end(list);
	return err;
}

/* What follows the kind in the name, if it is of that kind: "alsa:hw:1" */
static const char *behind(const char *name, const char *kind, const char *otherwise)
{
	const size_t length = strlen(kind);

	if (strncmp(name, kind, length) || (name[length] && name[length] != ':'))
		return NULL;
	return name[length] ? name + length + 1 : otherwise;
}

static int silence_read(struct source *source, int16_t *samples, uint32_t count, uint64_t *taken_at)
{
	(void)source;
	(void)taken_at;
	memset(samples, 0, count * sizeof(*samples));
	return count;
}

static void silence_close(struct source *source)
{
	free(source);
}

static const struct source_ops silence_ops = { .read = silence_read, .close = silence_close };

static int none_write(struct sink *sink, const int16_t *samples, uint32_t count, uint64_t *heard_at)
{
	(void)sink;
	(void)samples;
	(void)heard_at;
	return count;
}

static int none_close(struct sink *sink)
{
	free(sink);
	return 0;
}

static const struct sink_ops none_ops = { .write = none_write, .close = none_close };

static int silence_open(struct source **source, struct audio_error *error)
{
	*source = calloc(1, sizeof(**source));
	if (!*source)
		return audio_fail(error, -ENOMEM, "out of memory");
	(*source)->ops = &silence_ops;
	return 0;
}

static int none_open(struct sink **sink, struct audio_error *error)
{
	*sink = calloc(1, sizeof(**sink));
	if (!*sink)
		return audio_fail(error, -ENOMEM, "out of memory");
	(*sink)->ops = &none_ops;
	return 0;
}

int source_open(const char *name, uint32_t frame, const atomic_bool *stop, struct source **source,
		struct audio_error *error)
{
	const char *pcm = behind(name, "alsa", "default");
	int err;

	if (pcm)
		err = alsa_source_open(pcm, frame, source, error);
	else if (!strcmp(name, "silence"))
		err = silence_open(source, error);
	else
		err = file_source_open(name, source, error);
	if (!err)
		(*source)->stop = stop;
	return err;
}

int sink_open(const char *name, uint32_t frame, const atomic_bool *stop, struct sink **sink,
	      struct audio_error *error)
{
	const char *pcm = behind(name, "alsa", "default");
	int err;

	if (pcm)
		err = alsa_sink_open(pcm, frame, sink, error);
	else if (!strcmp(name, "none"))
		err = none_open(sink, error);
	else
		err = file_sink_open(name, sink, error);
	if (!err)
		(*sink)->stop = stop;
	return err;
}

void source_close(struct source *source)
{
	if (source)
		source->ops->close(source);
}

int sink_close(struct sink *sink)
{
	return sink ? sink->ops->close(sink) : 0;
}
