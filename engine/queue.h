/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * queue - packets that wait for the transmitter, and which of them is next
 *
 * For each discipline (enum link_queue) there is a struct queue_kind. What they have in common is
 * here: how much there may be, what there is, and what becomes of a packet for which there is no
 * room.
 */
#ifndef ENGINE_QUEUE_H
#define ENGINE_QUEUE_H

#include "line.h"
#include "red.h"
#include "slab.h"

struct flows; /* flows.c */

/* RFC 8289, section 5.3. */
struct codel {
	__u64 first_above; /* when to act, if the delay stays above the target; 0: it is below */
	__u64 drop_next;
	__u32 count, last_count;
	bool dropping;
};

struct queue {
	const struct queue_kind *kind;
	__u64 packets, bytes;
	__u64 wire; /* bytes that they take of the rate */
	__u64 most_packets, most_bytes, most_wire;
	__u32 longest; /* bytes of the longest packet that ever came */
	struct line line;
	struct codel codel;
	struct red red;
	struct flows *flows;
};

struct queue_kind {
	/* A packet came. It is queued, or dropped, or others are. */
	void (*put)(struct engine_link *link, struct engine_packet *packet, __u64 now);

	/* The next one to be sent, at now; NULL: none is left. */
	struct engine_packet *(*take)(struct engine_link *link, __u64 now);

	/* The same without judging anything, to move packets to another discipline. */
	void (*append)(struct engine_link *link, struct engine_packet *packet);
	struct engine_packet *(*remove)(struct engine_link *link);

	bool flows; /* it has a table of flows */
};

extern const struct queue_kind queue_fifo, queue_codel, queue_red, queue_drr, queue_fq;

/* -ENOMEM. Flows are kept until the link is closed. */
int flows_make(struct slab *slab, struct flows **flows);

/* No packets are there, and what another discipline knew of flows is of no use. */
void flows_forget(struct flows *flows);

/*
 * Change settings: take out all packets, in the order in which they would be sent; let the link's
 * config apply; put them back, whatever the limit. If neither the discipline nor overheads change,
 * the second step alone will do.
 */
void queue_empty(struct engine_link *link, struct line *all);
void queue_configure(struct engine_link *link);
void queue_refill(struct engine_link *link, struct line *all);
const struct queue_kind *queue_kind_of(const struct link_config *config);

/* ---- for the disciplines ------------------------------------------------------------------- */

/* Keep the sums right: what goes in, what comes out. */
void queue_in(struct engine_link *link, const struct engine_packet *packet);
void queue_out(struct engine_link *link, const struct engine_packet *packet);

/* Is there no room for one packet more? An empty queue takes any. */
bool queue_is_full(const struct engine_link *link, const struct engine_packet *packet);

/* Is more in the queue than may be? A packet alone never is too much. */
bool queue_is_over(const struct engine_link *link);

/* A full queue drops a packet, of the tail or of the head. */
void queue_drop(struct engine_link *link, struct engine_packet *packet, bool head);

/* Instead of dropping it: false if that is not wanted, or not possible. */
bool queue_mark(struct engine_link *link, struct engine_packet *packet);

/*
 * Take the next packet of a line, as CoDel would: those that have waited too long for too long are
 * dropped before, or marked.
 */
struct engine_packet *codel_take(struct engine_link *link, struct codel *codel, struct line *line,
				 __u64 now);

#endif
