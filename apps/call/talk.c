// SPDX-License-Identifier: GPL-2.0-only
/* talk - the thread that records, encodes and sends */
#include <stdlib.h>
#include <string.h>

#include "private.h"

static bool await_peer(struct call *call)
{
	bool heard;

	pthread_mutex_lock(&call->lock);
	while (!call->peer.hears_us && !call_stopped(call))
		call_wait(call);
	heard = call->peer.hears_us;
	pthread_mutex_unlock(&call->lock);
	return heard && !call_stopped(call);
}

static uint64_t ns_of(uint64_t samples)
{
	return samples * 1000000 / (CODEC_RATE / 1000);
}

static void note(struct call *call, int err, size_t length, uint64_t late)
{
	pthread_mutex_lock(&call->lock);
	call->frames++;
	if (!err) {
		call->counts.sent++;
		call->counts.sent_bytes += length;
	} else if (err == -EAGAIN) {
		call->counts.unsent++;
	} else {
		call->down = err;
	}
	if (!call->source->clocked)
		range_add(&call->sent_late, late);
	pthread_mutex_unlock(&call->lock);
}

static void send_frame(struct call *call, uint32_t number, const uint8_t *payload, uint16_t length,
		       uint64_t due)
{
	struct call_packet packet = {
		.kind = CALL_AUDIO,
		.duration = call->options.codec.samples / CODEC_UNIT,
		.stream = call->stream,
		.sequence = number,
		.time = number * call->options.codec.samples,
		.payload = payload,
		.length = length,
	};
	uint8_t bytes[CALL_PACKET_MAX];
	uint64_t now = clock_now();
	size_t size;

	pthread_mutex_lock(&call->lock);
	memcpy(packet.to, call->peer.address, sizeof(packet.to));
	pthread_mutex_unlock(&call->lock);
	memcpy(packet.from, link_address(call->link), sizeof(packet.from));
	size = call_packet_write(&packet, call->options.ethertype, bytes);
	note(call, link_send(call->link, bytes, size), size, now > due ? now - due : 0);
}

/* When the first sample of the stream was recorded, as each frame tells anew. */
static void note_began(struct call *call, uint64_t began_at)
{
	pthread_mutex_lock(&call->lock);
	call->began_at = began_at;
	pthread_mutex_unlock(&call->lock);
}

/*
 * A file is read as a microphone would give it: a frame is there once its last sample is. Returns
 * the number of samples, less than a frame at the end.
 */
static int record(struct call *call, uint64_t began_at, uint32_t number, int16_t *samples)
{
	const uint32_t count = call->options.codec.samples;
	uint64_t taken_at = began_at + ns_of((uint64_t)number * count);
	int got;

	if (!call->source->clocked)
		clock_sleep_until(taken_at + ns_of(count));
	got = call->source->ops->read(call->source, samples, count, &taken_at);
	if (got <= 0)
		return got;
	memset(samples + got, 0, (count - got) * sizeof(*samples));
	if (call->source->clocked)
		note_began(call, taken_at - ns_of((uint64_t)number * count));
	if (call->echo)
		echo_cancel(call->echo, samples, taken_at);
	if (atomic_load(&call->muted))
		memset(samples, 0, count * sizeof(*samples));
	return got;
}

static void talk(struct call *call, struct encoder *encoder)
{
	const uint64_t interval = ns_of(call->options.codec.samples);
	const uint64_t duration = call->options.duration;
	const uint64_t began_at = clock_now();
	int16_t samples[CODEC_FRAME_MAX];
	uint8_t payload[CALL_PAYLOAD_MAX];

	note_began(call, began_at);
	for (uint32_t n = 0; !call_stopped(call); n++) {
		int length;

		if (duration && n * interval >= duration)
			break;
		if (record(call, began_at, n, samples) <= 0)
			break;
		length = encoder_encode(encoder, samples, payload);
		if (length < 0)
			break;
		send_frame(call, n, payload, length, began_at + (n + 1) * interval);
	}
}

void *call_talk(void *cookie)
{
	struct encoder *encoder = NULL;
	struct call *call = cookie;

	call_thread_begin("talk");
	if (encoder_new(&call->options.codec, &encoder)) {
		pthread_mutex_lock(&call->lock);
		call->broken = -EINVAL;
		pthread_mutex_unlock(&call->lock);
		return NULL;
	}
	call->lookahead = encoder_lookahead(encoder);
	if (await_peer(call))
		talk(call, encoder);
	encoder_free(encoder);

	pthread_mutex_lock(&call->lock);
	call->ended = true;
	pthread_mutex_unlock(&call->lock);
	/* Before the other end misses a frame. */
	call_report(call, 0);
	return NULL;
}
