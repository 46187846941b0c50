/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * session.h - two ends that send each other a stream
 *
 * What is known and what is to be told, without a socket or a file: frames are given to it, and
 * made of it. It is complete, at both ends, when each stream has been written at the other one and
 * both know it.
 */
#ifndef CAT_SESSION_H
#define CAT_SESSION_H

#include <stddef.h>

#include "packet.h"

enum session_state {
	SESSION_WAITING, /* for the other end */
	SESSION_OPEN,
	SESSION_COMPLETE,
	SESSION_ABORTED,   /* by the other end */
	SESSION_RESTARTED, /* the other end is another one now */
};

struct session {
	uint8_t mac[APP_MAC], peer[APP_MAC];
	bool peer_said; /* nobody else is listened to */
	uint32_t stream, peer_stream;
	bool open; /* the peer hears us */
	bool aborted, restarted, leaving;
	uint64_t heard_at, told_at;

	/* to the peer */
	uint64_t number, offset, grant;
	uint32_t send_max;  /* bytes of data in a frame: what both ends take */
	bool ended;	    /* there is no more */
	bool got;	    /* the peer has all of it */
	uint64_t peer_lost; /* frames */

	/* from the peer */
	uint64_t next_number, next_offset;
	uint64_t lost, lost_bytes;
	uint64_t late; /* frames that came after a later one, and count as lost */
	uint64_t foreign;
	bool peer_ended;
	uint64_t granted; /* what was told */
	bool urgent;	  /* tell the peer at once */

	uint8_t *buffer; /* what is to be written, a ring */
	size_t size, at, used, data_max;
};

/* -ENOMEM. window: frames, of up to data_max (< 65536) bytes, that may be on their way. */
int session_init(struct session *session, uint32_t window, uint32_t data_max);
void session_free(struct session *session);

enum session_state session_state(const struct session *session);

void session_take(struct session *session, const uint8_t *frame, uint32_t length, uint64_t now);

/* How many frames with data may be sent now. */
uint32_t session_room(const struct session *session);

/*
 * Write the header of the next frame, with so many bytes of data behind it, send_max at most;
 * which then is sent.
 */
void session_data(struct session *session, uint8_t *frame, uint16_t length, uint64_t now);

/* When to say something, if there is no data. waiting: there would be. */
uint64_t session_due(const struct session *session, bool waiting);

/* A frame without data. */
void session_tell(struct session *session, uint8_t frame[CAT_HEADER], uint8_t flags, uint64_t now);

/* What is to be written next: it is in one piece. */
const uint8_t *session_peek(const struct session *session, size_t *size);
void session_wrote(struct session *session, size_t size);

#endif
