// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "session.h"

#define CALL_EVERY  (100 * APP_MILLISECOND) /* until the other end is heard */
#define ASK_EVERY   (20 * APP_MILLISECOND)  /* while something is awaited */
#define ALIVE_EVERY (200 * APP_MILLISECOND) /* else */

int session_init(struct session *session, uint32_t window, uint32_t data_max)
{
	*session = (struct session){ .data_max = data_max,
				     .send_max = data_max,
				     .size = (size_t)window * data_max };
	memset(session->peer, 0xff, APP_MAC);
	session->buffer = malloc(session->size);
	while (session->buffer && !session->stream)
		if (getrandom(&session->stream, sizeof(session->stream), 0) < 0)
			return -errno;
	return session->buffer ? 0 : -ENOMEM;
}

void session_free(struct session *session)
{
	free(session->buffer);
}

static bool has_all(const struct session *session)
{
	return session->peer_ended && !session->used;
}

enum session_state session_state(const struct session *session)
{
	if (session->restarted)
		return SESSION_RESTARTED;
	if (has_all(session) && session->ended && session->got)
		return SESSION_COMPLETE;
	if (session->aborted)
		return SESSION_ABORTED;
	return session->open ? SESSION_OPEN : SESSION_WAITING;
}

/* ---- receiving --------------------------------------------------------------------------- */

static void store(struct session *session, const uint8_t *data, size_t length)
{
	size_t end = (session->at + session->used) % session->size;
	size_t first = session->size - end < length ? session->size - end : length;

	memcpy(session->buffer + end, data, first);
	memcpy(session->buffer, data + first, length - first);
	session->used += length;
}

/* Is it from whom it should be, to us, and of the right stream? */
static bool is_ours(struct session *session, const uint8_t *frame, const struct cat_packet *packet)
{
	const uint8_t *from = frame + APP_MAC;

	if (!memcmp(from, session->mac, APP_MAC) ||
	    (!(frame[0] & 1) && memcmp(frame, session->mac, APP_MAC)))
		return false;
	if ((session->peer_said || session->open) && memcmp(from, session->peer, APP_MAC))
		return false;
	/* It talks to somebody else, or to whoever was here before. */
	if (packet->heard && packet->heard != session->stream)
		return false;
	session->restarted |= session->open && packet->stream != session->peer_stream;
	return !session->restarted;
}

static void take_state(struct session *session, const struct cat_packet *packet)
{
	session->open = true;
	if (packet->length_max < session->send_max)
		session->send_max = packet->length_max;
	if (packet->grant > session->grant)
		session->grant = packet->grant;
	if (packet->lost > session->peer_lost)
		session->peer_lost = packet->lost;
	session->got |= packet->flags & CAT_GOT;
	session->leaving |= packet->flags & CAT_LEAVING;
	session->aborted |= packet->flags & CAT_ABORT;
	session->urgent |= packet->flags & CAT_ASK;
}

static void take_data(struct session *session, const uint8_t *data, const struct cat_packet *packet)
{
	bool fits = packet->length <= session->size - session->used;

	if (packet->number < session->next_number || packet->offset < session->next_offset) {
		session->late += packet->length > 0;
		return;
	}
	session->lost += packet->number - session->next_number;
	session->lost_bytes += packet->offset - session->next_offset;
	session->next_number = packet->number + (packet->length > 0);
	session->next_offset = packet->offset + packet->length;
	/* More than was granted: who sends that does not keep to the rules. */
	session->lost += !fits;
	session->lost_bytes += fits ? 0 : packet->length;
	if (fits)
		store(session, data, packet->length);
	if (packet->flags & CAT_END && !session->peer_ended) {
		session->peer_ended = true;
		session->urgent |= has_all(session);
	}
}

/* One is told what one may send when it is a good deal more than before, or one has none left. */
static uint64_t grant(const struct session *session)
{
	return session->next_number + (session->size - session->used) / session->data_max;
}

static void review_grant(struct session *session)
{
	uint64_t now = grant(session), window = session->size / session->data_max;

	if (now > session->granted &&
	    (now - session->granted >= window / 4 || session->granted <= session->next_number))
		session->urgent = true;
}

void session_take(struct session *session, const uint8_t *frame, uint32_t length, uint64_t now)
{
	struct cat_packet packet;

	if (!cat_packet_get(frame, length, &packet) || !is_ours(session, frame, &packet)) {
		session->foreign++;
		return;
	}
	if (!session->open) {
		session->urgent |= session->peer_stream != packet.stream;
		session->peer_stream = packet.stream;
		memcpy(session->peer, frame + APP_MAC, APP_MAC);
	}
	session->heard_at = now;
	if (packet.heard != session->stream)
		return;
	take_state(session, &packet);
	take_data(session, frame + CAT_HEADER, &packet);
	review_grant(session);
}

const uint8_t *session_peek(const struct session *session, size_t *size)
{
	size_t piece = session->size - session->at;

	*size = session->used < piece ? session->used : piece;
	return session->buffer + session->at;
}

void session_wrote(struct session *session, size_t size)
{
	session->at = (session->at + size) % session->size;
	session->used -= size;
	session->urgent |= has_all(session);
	review_grant(session);
}

/* ---- sending ----------------------------------------------------------------------------- */

uint32_t session_room(const struct session *session)
{
	uint64_t room = session->grant > session->number ? session->grant - session->number : 0;

	return session->open ? room : 0;
}

static void put(struct session *session, uint8_t *frame, uint8_t flags, uint16_t length,
		uint64_t now)
{
	const struct cat_packet packet = {
		.flags = flags | (has_all(session) ? CAT_GOT : 0),
		.stream = session->stream,
		.heard = session->peer_stream,
		.number = session->number,
		.offset = session->offset,
		.grant = grant(session),
		.lost = session->lost,
		.length = length,
		.length_max = session->data_max,
	};

	cat_packet_put(frame, session->peer, session->mac, &packet);
	session->granted = packet.grant;
	session->told_at = now;
}

void session_data(struct session *session, uint8_t *frame, uint16_t length, uint64_t now)
{
	put(session, frame, 0, length, now);
	session->number++;
	session->offset += length;
}

uint64_t session_due(const struct session *session, bool waiting)
{
	if (session->urgent)
		return 0;
	if (!session->open)
		return session->told_at + CALL_EVERY;
	if (waiting || (session->ended && !session->got))
		return session->told_at + ASK_EVERY;
	return session->told_at + ALIVE_EVERY;
}

void session_tell(struct session *session, uint8_t frame[CAT_HEADER], uint8_t flags, uint64_t now)
{
	put(session, frame, flags | (session->ended ? CAT_END : 0), 0, now);
	session->urgent = false;
}
