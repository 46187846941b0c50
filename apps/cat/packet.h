/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * packet.h - what the frames of lana-cat look like
 *
 *	octet  0  Ethernet: destination, source, type 0x88b5
 *	      14  "lc"
 *	      16  version: 2
 *	      17  flags, below
 *	      18  stream: a random number that its sender draws at its start, never 0; 4 octets
 *	      22  stream that was heard of the other end, 0: none; 4 octets
 *	      26  number of the frame among those with data, or, without data, of the next one to
 *		  have some; 8 octets
 *	      34  offset in the stream of its first octet of data, or of the next one; 8 octets
 *	      42  grant: frames with data whose number is less may be sent to its sender; 8 octets
 *	      50  frames with data that its sender has missed so far; 8 octets
 *	      58  octets of data, 2 octets
 *	      60  octets of data that its sender takes in a frame at most, never 0; 2 octets
 *	      62  data
 *
 * Numbers are big-endian. Every frame tells all of it, so none of them has to arrive: the next one
 * shows what is missing, and gives back the grant of what was lost.
 */
#ifndef CAT_PACKET_H
#define CAT_PACKET_H

#include <stdbool.h>
#include <stdint.h>

#include "apps/common/app.h"

#define CAT_HEADER 62

enum {
	CAT_ASK = 1,	 /* answer at once: the sender of this waits for a grant, or for GOT */
	CAT_END = 2,	 /* the stream is complete: number and offset are where it ends */
	CAT_GOT = 4,	 /* the other end's stream is complete here, and written */
	CAT_LEAVING = 8, /* both streams are; the sender of this is about to end */
	CAT_ABORT = 16,	 /* it ends, and leaves its stream incomplete */
};

struct cat_packet {
	uint8_t flags;
	uint32_t stream, heard;
	uint64_t number, offset, grant, lost;
	uint16_t length, length_max;
};

void cat_packet_put(uint8_t *frame, const uint8_t to[APP_MAC], const uint8_t from[APP_MAC],
		    const struct cat_packet *packet);

/* False: it is none. */
bool cat_packet_get(const uint8_t *frame, uint32_t length, struct cat_packet *packet);

#endif
