// SPDX-License-Identifier: GPL-2.0-only
/*
 * trace - put the records of a packet together to the way that it took
 */
#include <errno.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"
#include "names.h"
#include "session.h"

#define BUFFER	 (1 << 18) /* bytes a CPU */
#define OPEN_MAX 64	   /* packets on their way at once, in the eyes of the reader */
#define AGE_MAX	 50000000  /* ns without a word of a packet, until it is given up */

/* A packet that is on its way. */
struct pending {
	__u32 number;	   /* 0: the place is free */
	__u32 idp;	   /* of the block that it left last */
	__u64 start, last; /* CLOCK_MONOTONIC, ns */
	__u32 ends;	   /* that are still to be seen: several if it is copied */
	bool copied;
	bool over; /* its end has been seen, or is not waited for */
	bool cut;  /* there were more hops than there is room for */
	struct lana_traced packet;
};

struct lana_trace {
	struct session *session;
	struct names names;
	__u32 serial;
	uint64_t left; /* packets still to be told of */
	__u64 now;     /* time of the newest record */
	struct pending pending[OPEN_MAX];
};

void lana_trace_close(struct lana_trace *trace)
{
	if (!trace)
		return;
	session_end_p(&trace->session);
	names_free(&trace->names);
	free(trace);
}

int lana_trace_open(struct lana_stack *stack, const struct lana_trace_options *options,
		    struct lana_trace **result, struct lana_error *error)
{
	_cleanup_free_ struct probe_session *wanted = calloc(1, sizeof(*wanted));
	struct lana_trace *trace = calloc(1, sizeof(*trace));
	uint64_t count = options && options->count ? options->count : INT64_MAX;
	int err = 0;

	if (!trace || !wanted)
		err = refuse(error, -ENOMEM, "out of memory");
	if (!err)
		err = classic_compile(options ? options->filter : NULL, &wanted->filter, error);
	if (!err) /* probes are at all hooks, and at those to come */
		err = classic_check(&wanted->filter, LANA_XDP, error);
	if (!err)
		err = stack_lock(stack, error);
	if (!err) {
		LOCKED(stack);

		wanted->kind = PROBE_TRACE;
		err = session_begin(stack, wanted, count < INT64_MAX ? count : INT64_MAX, BUFFER,
				    &trace->session, error);
	}
	if (err) {
		free(trace);
		return err;
	}
	trace->names.stack = stack;
	trace->serial = wanted->serial;
	trace->left = count;
	*result = trace;
	return 0;
}

/* ---- putting together ------------------------------------------------------------------------ */

/* Number 0: a free place. */
static struct pending *find(struct lana_trace *trace, __u32 number)
{
	for (size_t i = 0; i < OPEN_MAX; i++)
		if (trace->pending[i].number == number)
			return &trace->pending[i];
	return NULL;
}

static void end_one(struct pending *pending)
{
	if (pending->ends)
		pending->ends--;
	pending->over = !pending->ends;
}

/* It left by a port that has come to lead nowhere, and what is heard of is another copy. */
static void end_unbound(struct lana_trace *trace, struct pending *pending)
{
	struct lana_way *way;

	if (!pending->packet.hops_count)
		return;
	way = &pending->packet.hops[pending->packet.hops_count - 1].way;
	if (!names_unbound(&trace->names, pending->idp, way))
		return;
	way->kind = LANA_WAY_UNBOUND;
	end_one(pending);
}

static void add_hop(struct lana_trace *trace, struct pending *pending,
		    const struct probe_record *record)
{
	struct lana_traced *packet = &pending->packet;
	struct lana_hop *hop = &packet->hops[packet->hops_count];

	if (packet->hops_count == LANA_HOPS_MAX) {
		pending->over = pending->cut = true;
		return;
	}
	end_unbound(trace, pending);
	*hop = (struct lana_hop){ .path = record->path,
				  .length = record->length,
				  .ns = record->time - pending->start };
	strcpy(hop->block, trace->names.blocks[record->idp].block);
	names_way(&trace->names, record, &hop->way);
	if (hop->way.kind == LANA_WAY_PASS || hop->way.kind == LANA_WAY_SENT) {
		end_one(pending);
	} else if (hop->way.kind == LANA_WAY_ALL) {
		__u32 bound = trace->names.blocks[record->idp].bound[record->path];

		pending->copied = true;
		pending->ends += bound ? __builtin_popcount(bound) - 1 : 0;
	}
	packet->hops_count++;
}

/* Why the packet got no further than where it was going. */
static void add_loss(struct lana_trace *trace, struct pending *pending,
		     const struct probe_record *record)
{
	if (pending->copied && pending->idp != record->idp)
		end_one(pending);
	if (!pending->packet.hops_count || pending->idp != record->idp)
		return;
	names_way(&trace->names, record, &pending->packet.hops[pending->packet.hops_count - 1].way);
	end_one(pending);
}

static int take_record(struct lana_trace *trace, const struct probe_record *record,
		       struct lana_error *error)
{
	struct pending *pending = record->trace ? find(trace, record->trace) : NULL;
	int err;

	if (record->trace >> PROBE_SERIAL_SHIFT != trace->serial)
		return 0;
	err = names_refresh(&trace->names, record->idp, error);
	if (err || record->idp >= trace->names.limit || !trace->names.blocks[record->idp].block[0])
		return err;
	if (record->time > trace->now)
		trace->now = record->time;
	if (record->point == PROBE_ROOT) {
		pending = find(trace, 0); /* there is one, see find_over() */
		memset(pending, 0, offsetof(struct pending, packet.hops));
		pending->number = record->trace;
		pending->ends = 1;
		pending->start = record->time;
		pending->packet.time = record->time + session_epoch(trace->session);
	}
	if (!pending) /* the probes came while it was on its way */
		return 0;
	if (record->point == PROBE_LOST)
		add_loss(trace, pending, record);
	else
		add_hop(trace, pending, record);
	pending->idp = record->idp;
	pending->last = record->time;
	return 0;
}

/*
 * One whose end was not seen: it left by a port that has come to lead nowhere, or records of it
 * were lost.
 */
static void conclude(struct lana_trace *trace, struct pending *pending)
{
	struct lana_traced *packet = &pending->packet;
	struct lana_way *way = &packet->hops[packet->hops_count - 1].way;

	packet->whole = pending->over && !pending->cut;
	if (!pending->over && pending->ends == 1 &&
	    names_unbound(&trace->names, pending->idp, way)) {
		way->kind = LANA_WAY_UNBOUND;
		packet->whole = true;
	}
}

/*
 * A packet whose way is over, or of which nothing is heard any more; or, for another one to have
 * its place, that of which nothing was heard for longest.
 */
static struct pending *find_over(struct lana_trace *trace)
{
	struct pending *oldest = &trace->pending[0];
	bool full = true;

	for (size_t i = 0; i < OPEN_MAX; i++) {
		struct pending *pending = &trace->pending[i];

		if (!pending->number)
			full = false;
		else if (pending->over || pending->last + AGE_MAX < trace->now)
			return pending;
		else if (pending->last < oldest->last)
			oldest = pending;
	}
	return full ? oldest : NULL;
}

int lana_trace_next(struct lana_trace *trace, int timeout_ms, struct lana_traced *packet,
		    struct lana_error *error)
{
	struct pending *pending = find_over(trace);
	int err = 0;

	while (trace->left && !pending && !err) {
		_cleanup_free_ struct session_event *event = NULL;

		err = session_next(trace->session, timeout_ms, &event, error);
		if (!err)
			err = take_record(trace, &event->record, error);
		if (err == -EAGAIN) /* so nothing is on its way to the reader */
			trace->now = session_now();
		pending = find_over(trace);
	}
	if (!pending && err == -EAGAIN && session_is_over(trace->session))
		return -ENODATA; /* the others were lost */
	if (!pending)
		return trace->left ? err : -ENODATA;
	conclude(trace, pending);
	*packet = pending->packet;
	pending->number = 0;
	trace->left--;
	return 0;
}

uint64_t lana_trace_lost(struct lana_trace *trace)
{
	return session_counts(trace->session).lost;
}
