// SPDX-License-Identifier: GPL-2.0-only
/* file - sound from and to files and pipes: WAV, or raw samples of one channel of 48 kHz */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <speex/speex_resampler.h>

#include "audio.h"
#include "wav.h"

#define CHUNK	     1024 /* frames of the file that are converted at a time */
#define CHANNELS_MAX 16
#define LOOK_MS	     100 /* how often it is asked whether to go on waiting for a pipe */
#define SECOND	     (CODEC_RATE * sizeof(int16_t)) /* bytes of samples */

struct file_source {
	struct source source;
	int fd;
	uint8_t ahead[12]; /* what was read to see whether it is a WAV file */
	uint32_t ahead_at, ahead_count;
	struct wav format;
	uint64_t left; /* bytes of samples */
	SpeexResamplerState *resampler;
	int16_t waiting[CHUNK]; /* of the file's rate, one channel */
	uint32_t waiting_at, waiting_count;
};

struct file_sink {
	struct sink sink;
	int fd;
	const char *made; /* the name of a file that was not there before */
	bool wav, begun;
	uint64_t bytes, told; /* of samples; as the head says */
	int err;	      /* the first one */
};

/* ---- both --------------------------------------------------------------- */

static bool is_called_wav(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot && !strcmp(dot, ".wav");
}

static struct audio_file identify(int fd)
{
	struct stat status;

	if (fstat(fd, &status) || !S_ISREG(status.st_mode))
		return (struct audio_file){};
	return (struct audio_file){ status.st_dev, status.st_ino };
}

/* ---- reading ------------------------------------------------------------ */

/* Until a pipe has something, or room. False: *stop was set. */
static bool await(int fd, short events, const atomic_bool *stop)
{
	struct pollfd poll_fd = { .fd = fd, .events = events };

	for (;;) {
		int ready = poll(&poll_fd, 1, LOOK_MS);

		if (stop && atomic_load(stop))
			return false;
		if (ready > 0)
			return true;
	}
}

/* As many bytes as there are, up to count. */
static ssize_t read_some(struct file_source *file, uint8_t *bytes, size_t count)
{
	size_t done = 0;
	ssize_t got;

	for (; done < count && file->ahead_at < file->ahead_count; done++)
		bytes[done] = file->ahead[file->ahead_at++];
	while (done < count) {
		if (!await(file->fd, POLLIN, file->source.stop))
			return -ECANCELED;
		got = read(file->fd, bytes + done, count - done);
		if (got < 0 && errno != EINTR && errno != EAGAIN)
			return -errno;
		if (!got)
			break;
		done += got > 0 ? got : 0;
	}
	return done;
}

static int read_exactly(void *cookie, uint8_t *bytes, size_t count)
{
	ssize_t got = read_some(cookie, bytes, count);

	if (got < 0)
		return got;
	return (size_t)got == count ? 0 : -EBADMSG;
}

/* Up to count samples of the file's rate, of the mean of its channels. */
static int read_mono(struct file_source *file, int16_t *samples, uint32_t count)
{
	const uint32_t channels = file->format.channels;
	int16_t raw[CHUNK * 2];
	uint32_t most = sizeof(raw) / sizeof(raw[0]) / channels;
	ssize_t got;

	if (count > most)
		count = most;
	if (count > file->left / (2 * channels))
		count = file->left / (2 * channels);
	got = count ? read_some(file, (uint8_t *)raw, count * channels * 2) : 0;
	if (got < 0)
		return got;
	file->left -= got;
	count = got / (2 * channels);
	for (uint32_t i = 0; i < count; i++) {
		int32_t sum = 0;

		for (uint32_t c = 0; c < channels; c++)
			sum += (int16_t)le16toh(raw[i * channels + c]);
		samples[i] = sum / (int32_t)channels;
	}
	return count;
}

static int read_resampled(struct file_source *file, int16_t *samples, uint32_t count)
{
	uint32_t done = 0;

	while (done < count) {
		uint32_t in, out = count - done;
		int got;

		if (file->waiting_at == file->waiting_count) {
			got = read_mono(file, file->waiting, CHUNK);
			if (got < 0)
				return got;
			if (!got)
				break;
			file->waiting_at = 0;
			file->waiting_count = got;
		}
		in = file->waiting_count - file->waiting_at;
		speex_resampler_process_int(file->resampler, 0, file->waiting + file->waiting_at,
					    &in, samples + done, &out);
		file->waiting_at += in;
		done += out;
	}
	return done;
}

static int file_read(struct source *source, int16_t *samples, uint32_t count, uint64_t *taken_at)
{
	struct file_source *file = (struct file_source *)source;
	uint32_t done = 0;
	int got = 1;

	(void)taken_at;
	if (file->resampler)
		return read_resampled(file, samples, count);
	while (done < count && got > 0) {
		got = read_mono(file, samples + done, count - done);
		if (got < 0)
			return got;
		done += got;
	}
	return done;
}

static void file_source_close(struct source *source)
{
	struct file_source *file = (struct file_source *)source;

	if (file->resampler)
		speex_resampler_destroy(file->resampler);
	if (file->fd > STDERR_FILENO)
		close(file->fd);
	free(file);
}

static const struct source_ops file_source_ops = { .read = file_read, .close = file_source_close };

/* Is it a WAV file? What was read to find out is read again. */
static int find_format(struct file_source *file, const char *name, struct audio_error *error)
{
	ssize_t got = read_some(file, file->ahead, sizeof(file->ahead));
	int err;

	file->ahead_count = got > 0 ? got : 0;
	file->ahead_at = 0;
	file->format = (struct wav){ .rate = CODEC_RATE, .channels = 1, .bytes = UINT32_MAX };
	if (got < 0)
		return audio_fail(error, got, "cannot read '%.100s': %s", name, strerror(-got));
	if (got < 4 || memcmp(file->ahead, "RIFF", 4)) {
		file->left = UINT64_MAX;
		return is_called_wav(name) ? audio_fail(error, -EMEDIUMTYPE,
							"'%.100s' is no WAV file: raw samples are "
							"in files that are not called .wav",
							name)
					   : 0;
	}
	err = wav_parse(read_exactly, file, &file->format);
	if (err == -EMEDIUMTYPE)
		return audio_fail(error, err, "'%.100s' has no 16-bit PCM samples", name);
	if (err)
		return audio_fail(error, err, "'%.100s' is no whole WAV file", name);
	if (file->format.channels > CHANNELS_MAX || file->format.rate > 384000)
		return audio_fail(error, -EMEDIUMTYPE, "'%.100s' has %u channels of %u Hz", name,
				  file->format.channels, file->format.rate);
	file->left = file->format.bytes == UINT32_MAX ? UINT64_MAX : file->format.bytes;
	return 0;
}

int file_source_open(const char *name, struct source **source, struct audio_error *error)
{
	struct file_source *file = calloc(1, sizeof(*file));
	int err;

	if (!file)
		return audio_fail(error, -ENOMEM, "out of memory");
	file->source.ops = &file_source_ops;
	file->fd = strcmp(name, "-") ? open(name, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
	if (file->fd < 0) {
		err = audio_fail(error, -errno, "cannot open '%.100s': %m", name);
		free(file);
		return err;
	}
	file->source.file = identify(file->fd);
	err = find_format(file, name, error);
	if (!err && file->format.rate != CODEC_RATE) {
		file->resampler = speex_resampler_init(1, file->format.rate, CODEC_RATE,
						       SPEEX_RESAMPLER_QUALITY_DEFAULT, NULL);
		if (!file->resampler)
			err = audio_fail(error, -ENOMEM, "out of memory");
	}
	if (err)
		file_source_close(&file->source);
	else
		*source = &file->source;
	return err;
}

/* ---- writing ------------------------------------------------------------ */

static int write_all(int fd, const void *data, size_t count, const atomic_bool *stop)
{
	const uint8_t *bytes = data;

	while (count) {
		ssize_t done;

		if (!await(fd, POLLOUT, stop))
			return -ECANCELED;
		done = write(fd, bytes, count);
		if (done < 0 && errno != EINTR)
			return -errno;
		if (done > 0) {
			bytes += done;
			count -= done;
		}
	}
	return 0;
}

/* The head says how long the file is; a pipe is not told, as it cannot be told any more. */
static int write_head(struct file_sink *file)
{
	uint8_t head[WAV_HEAD];

	file->told = file->bytes;
	wav_head(head, CODEC_RATE, file->bytes < UINT32_MAX ? file->bytes : UINT32_MAX);
	if (!file->begun)
		return write_all(file->fd, head, sizeof(head), file->sink.stop);
	if (!file->sink.file.inode)
		return 0;
	return pwrite(file->fd, head, sizeof(head), 0) == sizeof(head) ? 0 : -EIO;
}

static int file_begin(struct sink *sink)
{
	struct file_sink *file = (struct file_sink *)sink;

	if (sink->file.inode && ftruncate(file->fd, 0))
		file->err = -errno;
	if (!file->err && file->wav)
		file->err = write_head(file);
	file->begun = true;
	return file->err;
}

static int file_write(struct sink *sink, const int16_t *samples, uint32_t count, uint64_t *heard_at)
{
	struct file_sink *file = (struct file_sink *)sink;
	int16_t raw[CODEC_FRAME_MAX];

	(void)heard_at;
	if (file->err)
		return file->err;
	for (uint32_t i = 0; i < count; i++)
		raw[i] = htole16(samples[i]);
	file->err = write_all(file->fd, raw, count * sizeof(*raw), sink->stop);
	file->bytes += count * sizeof(*raw);
	/* Should the program be killed, what was heard until then can be played. */
	if (!file->err && file->wav && file->bytes - file->told >= SECOND)
		file->err = write_head(file);
	return file->err ?: (int)count;
}

static int file_sink_close(struct sink *sink)
{
	struct file_sink *file = (struct file_sink *)sink;
	int err = file->err == -ECANCELED ? 0 : file->err;

	if (file->begun && file->wav && !err)
		err = write_head(file);
	if (!file->begun && file->made)
		unlink(file->made);
	if (close(file->fd))
		err = err ?: -errno;
	free(file);
	return err;
}

static const struct sink_ops file_sink_ops = { .begin = file_begin,
					       .write = file_write,
					       .close = file_sink_close };

/* A file that is there keeps what it has until the call begins. */
static int open_to_write(const char *name, struct file_sink *file)
{
	if (!strcmp(name, "-")) {
		file->fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	} else {
		file->fd = open(name, O_WRONLY | O_CLOEXEC);
		if (file->fd < 0 && errno == ENOENT) {
			file->fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
			file->made = name;
		}
	}
	return file->fd < 0 ? -errno : 0;
}

int file_sink_open(const char *name, struct sink **sink, struct audio_error *error)
{
	struct file_sink *file = calloc(1, sizeof(*file));
	int err;

	if (!file)
		return audio_fail(error, -ENOMEM, "out of memory");
	file->sink.ops = &file_sink_ops;
	file->wav = is_called_wav(name);
	err = open_to_write(name, file);
	if (err) {
		free(file);
		return audio_fail(error, err, "cannot write '%.100s': %s", name, strerror(-err));
	}
	file->sink.file = identify(file->fd);
	*sink = &file->sink;
	return 0;
}
