// SPDX-License-Identifier: GPL-2.0-only
/* listen - the thread that receives frames, and sends reports */
#include <string.h>

#include "private.h"

#define REPORT_NS      (500 * CLOCK_MILLISECOND)
#define REPORT_SOON_NS (100 * CLOCK_MILLISECOND) /* while the peer waits for one */
#define SUSPECT_NS     (60 * CLOCK_SECOND)	 /* a round trip that long is none */

/* ---- reports ------------------------------------------------------------ */

static void fill_report(struct call *call, uint8_t flags, uint64_t now, struct call_packet *packet)
{
	const struct peer *peer = &call->peer;
	const struct jitter_counts counts = jitter_counts(call->jitter);
	uint64_t spoken = call->began_at && now > call->began_at ? now - call->began_at : 0;

	*packet = (struct call_packet){
		.kind = CALL_TELL,
		.flags = flags | (call->ended ? CALL_ENDED : 0),
		.stream = call->stream,
		.sequence = call->frames,
		.time = spoken * (CODEC_RATE / 1000) / 1000000,
		.report = { .heard = peer->stream,
			    .received = counts.received,
			    .lost = counts.expected - counts.received,
			    .late = counts.late,
			    .jitter = jitter_jitter(call->jitter),
			    .sent = now,
			    .echo = peer->report.sent,
			    .held = peer->report.sent ? now - peer->reported_at : 0 },
	};
	memcpy(packet->to, peer->address, sizeof(packet->to));
}

void call_report(struct call *call, uint8_t flags)
{
	uint8_t bytes[CALL_PACKET_MAX];
	struct call_packet packet;
	uint64_t now;
	size_t size;
	bool known;
	int err;

	pthread_mutex_lock(&call->lock);
	now = clock_now();
	known = call->peer.known;
	fill_report(call, flags, now, &packet);
	call->report_at = now + (call->peer.hears_us && !call->ended ? REPORT_NS : REPORT_SOON_NS);
	pthread_mutex_unlock(&call->lock);
	if (!known)
		return;

	memcpy(packet.from, link_address(call->link), sizeof(packet.from));
	size = call_packet_write(&packet, call->options.ethertype, bytes);
	err = link_send(call->link, bytes, size);
	if (!err || err == -EAGAIN)
		return;
	pthread_mutex_lock(&call->lock);
	call->down = err;
	pthread_mutex_unlock(&call->lock);
}

/*
 * Times were exchanged: as in NTP (RFC 5905, section 8), the clocks' difference is known to half of
 * the round trip, which is why the shortest one counts.
 */
static void note_exchange(struct peer *peer, const struct call_report *report, uint64_t arrival)
{
	int64_t round_trip = arrival - report->echo - report->held;
	int64_t there = report->sent - report->held - report->echo;
	int64_t back = report->sent - arrival;

	if (!report->echo || round_trip <= 0 || round_trip > (int64_t)SUSPECT_NS)
		return;
	peer->exchanges[peer->exchanges_count++ % EXCHANGES] = (struct exchange){
		.round_trip = round_trip,
		.offset = there / 2 + back / 2,
	};
}

static void take_report(struct call *call, const struct call_packet *packet, uint64_t arrival)
{
	struct peer *peer = &call->peer;

	if (packet->report.heard == call->stream) {
		note_exchange(peer, &packet->report, arrival);
		peer->hears_us = true;
		peer->ever = true;
	}
	peer->report = packet->report;
	peer->reported_at = arrival;
	if (packet->sequence) {
		peer->timed_at = packet->report.sent;
		peer->time = packet->time;
	}
	if (packet->flags & CALL_ENDED) {
		jitter_end(call->jitter, packet->sequence);
		peer->ended = true;
	}
	if (packet->flags & CALL_LEAVING)
		peer->leaving = true;
}

/* ---- frames ------------------------------------------------------------ */

static void begin_stream(struct call *call, uint32_t stream)
{
	struct peer *peer = &call->peer;

	if (peer->stream)
		call->counts.restarts++;
	peer->stream_before = peer->stream;
	peer->stream = stream;
	peer->duration = 0;
	peer->hears_us = peer->ended = peer->leaving = false;
	peer->report = (struct call_report){};
	peer->timed_at = 0;
	memset(peer->exchanges, 0, sizeof(peer->exchanges));
	jitter_reset(call->jitter, 0);
	call->streams++;
	call->played_out = false;
	/* It waits for a word. */
	call->report_at = 0;
}

static void take_audio(struct call *call, const struct call_packet *packet, uint64_t arrival)
{
	struct peer *peer = &call->peer;

	if (!peer->duration) {
		peer->duration = packet->duration;
		jitter_reset(call->jitter, packet->duration * (CLOCK_SECOND / 400));
	}
	if (packet->duration != peer->duration) {
		call->counts.bad++;
		return;
	}
	jitter_put(call->jitter, packet->sequence, packet->payload, packet->length, arrival);
}

static bool is_ours(struct call *call, const struct call_packet *packet)
{
	struct peer *peer = &call->peer;

	if (memcmp(packet->to, link_address(call->link), sizeof(packet->to)))
		return false;
	if (!peer->known) {
		memcpy(peer->address, packet->from, sizeof(peer->address));
		peer->known = true;
	}
	return !memcmp(packet->from, peer->address, sizeof(peer->address)) &&
	       packet->stream != peer->stream_before;
}

static void take(struct call *call, const uint8_t *frame, size_t size, uint64_t arrival)
{
	struct call_packet packet;
	int err = call_packet_read(frame, size, call->options.ethertype, &packet);

	pthread_mutex_lock(&call->lock);
	if (err == -EBADMSG) {
		call->counts.bad++;
	} else if (err || !is_ours(call, &packet)) {
		call->counts.foreign++;
	} else {
		call->peer.heard_at = clock_now();
		if (packet.stream != call->peer.stream)
			begin_stream(call, packet.stream);
		if (packet.kind == CALL_AUDIO)
			take_audio(call, &packet, arrival);
		else
			take_report(call, &packet, arrival);
		pthread_cond_broadcast(&call->news);
	}
	pthread_mutex_unlock(&call->lock);
}

static bool report_due(struct call *call)
{
	bool due;

	pthread_mutex_lock(&call->lock);
	due = clock_now() >= call->report_at;
	pthread_mutex_unlock(&call->lock);
	return due;
}

void *call_listen(void *cookie)
{
	uint8_t frame[CALL_PACKET_MAX];
	struct call *call = cookie;

	call_thread_begin("listen");
	while (!call_stopped(call)) {
		uint64_t arrival = 0;
		ssize_t length = link_receive(call->link, frame, sizeof(frame), &arrival, LOOK_NS);

		/* What is longer than any frame of a call was cut. */
		if (length > 0)
			take(call, frame, length < CALL_PACKET_MAX ? length : CALL_PACKET_MAX,
			     arrival);
		if (length < 0 && length != -EAGAIN && length != -EINTR) {
			pthread_mutex_lock(&call->lock);
			call->down = length;
			pthread_mutex_unlock(&call->lock);
			break;
		}
		if (report_due(call))
			call_report(call, 0);
	}
	return NULL;
}
