/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * packet.h - what the frames of lana-ping look like
 *
 *	octet  0  Ethernet: destination, source, type 0x88b5
 *	      14  "lp"
 *	      16  version: 1
 *	      17  0
 *	      18  run: a random number that lana-ping draws at its start, 8 octets
 *	      26  sequence: from 0, 8 octets
 *	      34  when it was sent, by the sender's clock, in nanoseconds, 8 octets
 *	      42  filler: the octet at offset n is n modulo 256
 *
 * Numbers are big-endian. The answer is the frame with the addresses exchanged.
 */
#ifndef PING_PACKET_H
#define PING_PACKET_H

#include <stdint.h>

#include "apps/common/app.h"

#define PING_HEADER 42

struct ping_stamp {
	uint64_t run, sequence, time;
};

enum ping_kind { PING_FOREIGN, PING_ANSWER, PING_DAMAGED };

/* Write all but what changes from frame to frame. */
void ping_packet_init(uint8_t *frame, uint32_t length, const uint8_t to[APP_MAC],
		      const uint8_t from[APP_MAC], uint64_t run);
void ping_packet_stamp(uint8_t *frame, uint64_t sequence, uint64_t time);

/* Is it an answer to a frame that was made from sent? */
enum ping_kind ping_packet_read(const uint8_t *frame, uint32_t length, const uint8_t *sent,
				uint32_t sent_length, struct ping_stamp *stamp);

#endif
