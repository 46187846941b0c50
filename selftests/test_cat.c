// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_cat - two ends of lana-cat over a wire that loses, doubles and overtakes frames
 */
#include <stdlib.h>
#include <string.h>

#include "apps/cat/session.h"
#include "tap.h"

#define WINDOW	 8
#define DATA_MAX 100
#define STREAM	 20000
#define STEPS	 200000
#define STEP_NS	 APP_MILLISECOND

struct end {
	struct session session;
	uint8_t in[STREAM], out[STREAM + DATA_MAX];
	size_t sent, written;
};

struct wire {
	unsigned int lose, twice; /* one in so many; 0: none */
	uint64_t lost[2];	  /* frames with data, to each end */
};

static uint64_t now;

static bool chance(unsigned int one_in)
{
	return one_in && rand() % one_in == 0;
}

static void carry(struct wire *wire, struct end *ends, unsigned int to, const uint8_t *frame,
		  uint32_t length)
{
	if (chance(wire->lose)) {
		wire->lost[to] += length > CAT_HEADER;
		return;
	}
	/* More than its socket takes is not even seen. */
	if (length > CAT_HEADER + ends[to].session.data_max)
		return;
	session_take(&ends[to].session, frame, length, now);
	if (chance(wire->twice))
		session_take(&ends[to].session, frame, length, now);
}

/* One turn of one end; slow: it writes a few bytes each time. */
static void turn(struct wire *wire, struct end *ends, unsigned int which, bool slow)
{
	struct end *end = &ends[which];
	struct session *session = &end->session;
	uint8_t frame[CAT_HEADER + DATA_MAX];
	const uint8_t *data;
	size_t size;

	data = session_peek(session, &size);
	if (slow && size > 7)
		size = 7;
	if (size && end->written + size <= sizeof(end->out)) {
		memcpy(end->out + end->written, data, size);
		end->written += size;
		session_wrote(session, size);
	}
	if (session_room(session) && end->sent < STREAM) {
		size = 1 + rand() % session->send_max;
		if (size > STREAM - end->sent)
			size = STREAM - end->sent;
		session_data(session, frame, size, now);
		memcpy(frame + CAT_HEADER, end->in + end->sent, size);
		end->sent += size;
		carry(wire, ends, !which, frame, CAT_HEADER + size);
	} else if (end->sent == STREAM && !session->ended) {
		session->ended = session->urgent = true;
	}
	if (now >= session_due(session, end->sent < STREAM)) {
		session_tell(session, frame, CAT_ASK, now);
		carry(wire, ends, !which, frame, CAT_HEADER);
	}
}

/* least: what one of them takes in a frame at most; the other one takes DATA_MAX. */
static struct end *ends_new(uint32_t least)
{
	struct end *ends = calloc(2, sizeof(*ends));

	for (unsigned int i = 0; i < 2; i++) {
		if (session_init(&ends[i].session, WINDOW, i ? DATA_MAX : least))
			tap_bail("no memory");
		memcpy(ends[i].session.mac, (uint8_t[]){ 2, 0, 0, 0, 0, i + 1 }, APP_MAC);
		for (size_t j = 0; j < STREAM; j++)
			ends[i].in[j] = rand();
	}
	return ends;
}

static void ends_free(struct end *ends)
{
	session_free(&ends[0].session);
	session_free(&ends[1].session);
	free(ends);
}

/* Is what was written, what was sent with pieces missing? */
static bool is_in_order(const struct end *from, const struct end *to)
{
	return from->sent == STREAM && to->written + to->session.lost_bytes == (uint64_t)STREAM &&
	       (to->session.lost || !memcmp(from->in, to->out, STREAM));
}

static void test_wire(const char *name, uint32_t least, unsigned int lose, unsigned int twice,
		      bool slow)
{
	struct end *ends = ends_new(least);
	struct wire wire = { .lose = lose, .twice = twice };
	unsigned int steps = 0;
	bool within = true;

	for (; steps < STEPS; steps++, now += STEP_NS) {
		turn(&wire, ends, 0, false);
		turn(&wire, ends, 1, slow);
		within &= ends[0].session.used <= ends[0].session.size &&
			  ends[1].session.used <= ends[1].session.size;
		if (session_state(&ends[0].session) == SESSION_COMPLETE &&
		    session_state(&ends[1].session) == SESSION_COMPLETE)
			break;
	}
	tap_ok(steps < STEPS && within, "%s: both streams are complete", name);
	tap_ok(is_in_order(&ends[0], &ends[1]) && is_in_order(&ends[1], &ends[0]),
	       "%s: what came is in order, and what did not is known", name);
	tap_ok(ends[0].session.lost == wire.lost[0] && ends[1].session.lost == wire.lost[1],
	       "%s: to the frame", name);
	tap_ok(ends[0].session.peer_lost == wire.lost[1] &&
		       ends[1].session.peer_lost == wire.lost[0],
	       "%s: at both ends", name);
	ends_free(ends);
}

/* Frames as no honest end would send them. */
static void test_strangers(void)
{
	struct end *ends = ends_new(DATA_MAX);
	struct session *session = &ends[0].session;
	uint8_t frame[CAT_HEADER + DATA_MAX] = {};
	struct cat_packet packet = { .stream = 5, .grant = 100, .length = 10, .length_max = 50 };
	const uint8_t *to = session->mac, *from = ends[1].session.mac;

	cat_packet_put(frame, to, from, &packet);
	session_take(session, frame, sizeof(frame), now);
	tap_ok(!session->open && !session->used, "data for nobody in particular are not taken");
	packet.heard = session->stream + 1;
	cat_packet_put(frame, to, from, &packet);
	session_take(session, frame, sizeof(frame), now);
	tap_ok(!session->open && session->foreign == 1, "nor those for another one");
	packet.heard = session->stream;
	cat_packet_put(frame, to, from, &packet);
	for (uint32_t length = 0; length < CAT_HEADER + 10; length++)
		session_take(session, frame, length, now);
	tap_ok(!session->open, "nor those that are cut off");
	session_take(session, frame, sizeof(frame), now);
	tap_ok(session->open && session->used == 10, "those for it are");
	tap_is(session->send_max, 50, "and tell what the other end takes");
	packet.length_max = 0;
	cat_packet_put(frame, to, from, &packet);
	tap_ok(!cat_packet_get(frame, sizeof(frame), &packet), "which cannot be nothing");
	packet.length_max = 50;
	packet.length = DATA_MAX;
	for (packet.number = 1; packet.number < 50; packet.number++) {
		packet.offset = session->next_offset;
		cat_packet_put(frame, to, from, &packet);
		session_take(session, frame, sizeof(frame), now);
	}
	tap_ok(session->used <= session->size && session->lost > 0,
	       "more than was granted is lost, and counted");
	cat_packet_put(frame, to, (uint8_t[APP_MAC]){ 2, 9 }, &packet);
	session_take(session, frame, sizeof(frame), now);
	tap_is(session->foreign, 1 + CAT_HEADER + 10 + 1, "somebody else is not listened to");
	packet = (struct cat_packet){ .stream = 6, .length_max = 50 };
	cat_packet_put(frame, to, from, &packet);
	session_take(session, frame, CAT_HEADER, now);
	tap_is(session_state(session), SESSION_RESTARTED, "another stream is another end");
	ends_free(ends);
}

int main(void)
{
	srand(1);
	now = APP_SECOND;
	test_wire("a good wire", DATA_MAX, 0, 0, false);
	test_wire("a slow reader", DATA_MAX, 0, 0, true);
	test_wire("one in five is lost", DATA_MAX, 5, 0, false);
	test_wire("one in two is lost", DATA_MAX, 2, 0, true);
	test_wire("one in three comes twice", DATA_MAX, 0, 3, false);
	test_wire("both", DATA_MAX, 4, 4, true);
	test_wire("an end that takes less", DATA_MAX / 3, 0, 0, false);
	test_wire("an end that takes less, slow", DATA_MAX / 3, 3, 3, true);
	test_strangers();
	return tap_done();
}
