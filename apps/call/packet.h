/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * packet.h - what the frames of a call look like
 *
 *	octet  0  Ethernet: destination, source, type
 *	      14  version, 4 bits: 1; kind, 4 bits
 *	      15  audio: duration, in units of 2.5 ms; report: flags
 *	      16  length of what follows the header, octets: short frames are padded
 *	      18  stream: a random number that its sender draws at its start, never 0
 *	      22  sequence: of the audio frame, from 0; of a report: audio frames sent so far
 *	      26  media time, in samples of 48 kHz, modulo 2^32: of the first sample; of a report:
 *		  when it was sent
 *	      30  audio: one Opus packet (RFC 6716, section 3); report: below
 *
 *	      30  stream that was heard of the other end; 0: none
 *	      34  audio frames of it that came, were lost, and came too late, 4 octets each
 *	      46  its jitter, as RFC 3550, section 6.4.1 has it, in nanoseconds, 4 octets
 *	      50  when the report was sent, by its sender's clock, in nanoseconds, 8 octets
 *	      58  the same of the latest report that came from the other end; 0: none
 *	      66  how long ago that came, in nanoseconds, 8 octets
 *
 * All numbers are big-endian. Stream, sequence and media time are RTP's SSRC, sequence number and
 * timestamp (RFC 3550, section 5.1; the clock is that of RFC 7587), and a report does what an
 * RTCP sender report and its report block do. It is not RTP, as that relies on UDP to tell the
 * length and RTP from RTCP, so that a header in front of it were needed all the same; its sequence
 * number of 16 bits is over in 164 s at 400 frames a second; and Wireshark looks for RTP behind UDP
 * only.
 */
#ifndef CALL_PACKET_H
#define CALL_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CALL_ETHERTYPE	  0x88b6 /* for experiments within a site: IEEE 802, clause 9 */
#define CALL_VERSION	  1
#define CALL_HEADER	  30   /* octets, Ethernet's included */
#define CALL_REPORT	  44   /* behind them */
#define CALL_PAYLOAD_MAX  1275 /* octets of an Opus frame at most: RFC 6716, section 3.4 */
#define CALL_PACKET_MAX	  (CALL_HEADER + CALL_PAYLOAD_MAX)
#define CALL_PACKET_LEAST 60 /* without the checksum, IEEE 802.3 */

enum call_kind { CALL_AUDIO = 1, CALL_TELL };

/* Flags of reports. */
enum {
	CALL_ENDED = 1,	  /* the stream is complete: sequence tells how long it is */
	CALL_LEAVING = 2, /* and its sender hears nothing from now on */
};

struct call_report {
	uint32_t heard;
	uint32_t received, lost, late;
	uint32_t jitter; /* ns */
	uint64_t sent;	 /* ns */
	uint64_t echo;	 /* ns */
	uint64_t held;	 /* ns */
};

struct call_packet {
	uint8_t to[6], from[6];
	enum call_kind kind;
	uint8_t duration; /* of audio */
	uint8_t flags;	  /* of a report */
	uint32_t stream, sequence, time;
	struct call_report report;
	const uint8_t *payload; /* of audio */
	uint16_t length;	/* of the payload */
};

/* Write a packet into CALL_PACKET_MAX octets. Returns its length. */
size_t call_packet_write(const struct call_packet *packet, uint16_t ethertype, uint8_t *bytes);

/*
 * Read one; the payload stays where it is. -ENOMSG: these octets are something else, or of another
 * version or kind. -EBADMSG: they contradict themselves.
 */
int call_packet_read(const uint8_t *bytes, size_t size, uint16_t ethertype,
		     struct call_packet *packet);

#endif
