/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * traffic.h - send numbered frames into a veth, and check how they come out of another
 *
 * The verdict is exact. Frames are made by an XDP program in a live-frames test run and redirected
 * into the device `send`, whose peer is the entry of what is tested. They are all numbered. The
 * receive ring of a veth has room for 256 frames. One that finds it full was never received, so it
 * must not be blamed on what is tested; veth counts it (tx_queue_*_xdp_xmit_errors), and nothing
 * that is in the ring leaves it but to the entry. So sent = made - overrun. An overrun number is a
 * hole in the sequence, which does not deceive the checker, as it counts the numbers that it sees
 * for the first time: lost = sent - (received - duplicated).
 *
 * Frames that the entry cannot take because it is down, or has neither an XDP program nor GRO,
 * are lost: a hook that goes missing for a moment shows.
 *
 * Nobody else may redirect frames by XDP into `send` meanwhile.
 *
 * Functions return 0 or a negative errno. One thread at a time may use a struct traffic.
 */
#ifndef TRAFFIC_H
#define TRAFFIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct traffic;

/* Zero is the default everywhere. */
struct traffic_options {
	const char *send;  /* "NETNS:DEV" or "DEV": where frames go in; NULL: none are made */
	const char *check; /* where they come out; NULL: nowhere. Its number of queues must
			      not change meanwhile. */
	unsigned int size; /* of a frame without FCS: 60 … 1514 bytes; 0: 64 */
	uint64_t count;	   /* frames a start; 0: until stopped */
	uint64_t rate;	   /* frames a second, roughly; 0: full speed */
	bool pin;	   /* run the sender on this CPU */
	unsigned int cpu;
	unsigned int batch; /* frames sent at once; 0: 64. Fewer spare the rings of what multiplies
			       frames. */
	unsigned int arp_every; /* every n-th frame is an ARP request; 0: all are UDP in IPv4 */
	unsigned int flow;	/* a checker takes the frames of other flows for foreign */
	unsigned int window;	/* numbers the checker remembers, a power of 2; 0: 64 Mi */
	unsigned int drain;	/* ms without a frame after which those missing are lost; 0: 100 */
	uint8_t source_mac[6], target_mac[6]; /* 0: 02:00:00:00:00:01, …:02 */
	uint32_t source_ip, target_ip;	      /* network byte order; 0: 10.0.0.1, 10.0.0.2 */
	uint16_t source_port, target_port;    /* host byte order; 0: 9, 9 (discard) */
};

struct traffic_report {
	uint64_t sent;	   /* frames offered to the peer of `send`; 0 without a sender */
	uint64_t overrun;  /* frames made that found its ring full: not in sent */
	uint64_t received; /* test frames with a sound stamp, duplicates included */
	int64_t lost; /* exact once wait() or stop() returned. Below 0: others sent test frames.
		         Without a sender: the holes below the highest number received. */
	uint64_t duplicated;
	uint64_t reordered; /* arrived after one with a higher number (RFC 4737) */
	uint64_t stale;	  /* more than a window late, and so perhaps a duplicate; not in received */
	uint64_t corrupt; /* bad stamp (not in received), IPv4 checksum, version or length */
	uint64_t foreign; /* other frames; the kernel got them */
	double seconds; /* from the first frame sent to the last, pauses between starts left out */
};

/*
 * Attach the checker and prepare the sender. Both namespaces are left as soon as this returns.
 * -EOPNOTSUPP: `send` is no veth. -EBUSY: an XDP program is attached to `check`.
 */
int traffic_open(const struct traffic_options *options, struct traffic **traffic);

/* Stop, detach, free; NULL is nothing. */
void traffic_close(struct traffic *traffic);

/*
 * Send options.count more frames, in a thread of its own. Numbers go on where they stopped.
 * SIGURG interrupts that thread: if it has no handler, it is given one that does nothing.
 */
int traffic_start(struct traffic *traffic);

/* Whether the sender has finished, because of its count or of an error. */
bool traffic_done(struct traffic *traffic);

/* Wait until the count is reached and the frames are through, or will not come any more. */
int traffic_wait(struct traffic *traffic);

/* The same without waiting for the count. Returns the error that ended the sender, if one did. */
int traffic_stop(struct traffic *traffic);

/* While frames are under way, these are counted as lost. */
int traffic_report(struct traffic *traffic, struct traffic_report *report);

/* Whether nothing was lost, duplicated, reordered or damaged, and something was there at all. */
bool traffic_report_good(const struct traffic_report *report);

/* Begin anew with number 0 and no counts. -EBUSY: the sender runs. */
int traffic_reset(struct traffic *traffic);

/*
 * Write the frame of a number, to be sent by other means; its size, or -ENOSPC. What the
 * sender makes is the same.
 */
int traffic_frame(const struct traffic_options *options, uint64_t sequence, void *frame,
		  size_t room);

#endif
