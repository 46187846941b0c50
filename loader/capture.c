// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"
#include "names.h"
#include "session.h"
#include "types.h"

#define BUFFER (1 << 22) /* bytes a CPU */

struct lana_capture {
	struct session *session;
	struct names names;
	char block[LANA_NAME_MAX];
	__u32 snaplen;
	struct session_event *event; /* the last one given away */
};

void lana_capture_close(struct lana_capture *capture)
{
	if (!capture)
		return;
	session_end_p(&capture->session);
	names_free(&capture->names);
	free(capture->event);
	free(capture);
}

static int find_way(const struct type *type, const char *text, __u32 *way, struct lana_error *error)
{
	if (!text)
		*way = PROBE_ANY_WAY;
	else if (!strcmp(text, "drop"))
		*way = PROBE_ANY_DROP;
	else if (!strcmp(text, "pass"))
		*way = LANA_PASS;
	else if (!strcmp(text, "all"))
		*way = LANA_ALL;
	else if (!strcmp(text, "sent"))
		*way = LANA_SENT;
	else if (type_port(type, text, way))
		return refuse(
			error, -ENOENT,
			"type '%s' has no port '%s' (and it is none of pass, sent, all, drop)",
			type->name, text);
	return 0;
}

/* The stack is locked. */
static int describe(struct lana_stack *stack, const struct lana_capture_options *options,
		    struct probe_session *wanted, struct lana_error *error)
{
	bool both = options->ingress == options->egress;
	const struct type *type;
	__u32 idp;
	int err;

	err = stack_find(stack, options->block, &idp, error);
	if (!err)
		err = types_get(stack, stack->registry->records[idp].type,
				stack->registry->records[idp].version, &type, error);
	if (!err)
		err = find_way(type, options->way, &wanted->way, error);
	if (err)
		return err;
	wanted->kind = PROBE_CAPTURE;
	wanted->paths = (both || options->ingress ? 1U << LANA_INGRESS : 0) |
			(both || options->egress ? 1U << LANA_EGRESS : 0);
	wanted->snaplen = options->snaplen ?: LANA_SNAPLEN_MAX;
	strcpy(wanted->name, stack->registry->records[idp].name);
	return 0;
}

int lana_capture_open(struct lana_stack *stack, const struct lana_capture_options *options,
		      struct lana_capture **result, struct lana_error *error)
{
	_cleanup_free_ struct probe_session *wanted = calloc(1, sizeof(*wanted));
	struct lana_capture *capture = calloc(1, sizeof(*capture));
	int err = 0;

	if (!capture || !wanted)
		err = refuse(error, -ENOMEM, "out of memory");
	if (!err && options->snaplen > LANA_SNAPLEN_MAX)
		err = refuse(error, -ERANGE, "snaplen %u is more than %d", options->snaplen,
			     LANA_SNAPLEN_MAX);
	if (!err)
		err = classic_compile(options->filter, &wanted->filter, error);
	if (!err) /* probes are at all hooks, and at those to come */
		err = classic_check(&wanted->filter, LANA_XDP, error);
	if (!err)
		err = stack_lock(stack, error);
	if (!err) {
		LOCKED(stack);

		err = describe(stack, options, wanted, error);
		if (!err)
			err = session_begin(stack, wanted, 0, BUFFER, &capture->session, error);
	}
	if (err) {
		free(capture);
		return err;
	}
	capture->names.stack = stack;
	strcpy(capture->block, wanted->name);
	capture->snaplen = wanted->snaplen;
	*result = capture;
	return 0;
}

/* Nothing comes: is that because the block has gone? */
static int check_block(struct lana_capture *capture, struct lana_error *error)
{
	int err = names_refresh(&capture->names, 0, error);

	if (!err && !names_has(&capture->names, capture->block))
		err = refuse(error, -ENOENT, "block '%s' has been removed", capture->block);
	return err ?: -EAGAIN;
}

int lana_capture_next(struct lana_capture *capture, int timeout_ms, struct lana_captured *packet,
		      struct lana_error *error)
{
	struct session_event *event = NULL;
	const struct probe_record *record;
	int err = session_next(capture->session, timeout_ms, &event, error);

	if (err)
		return err == -EAGAIN ? check_block(capture, error) : err;
	free(capture->event);
	capture->event = event;
	record = &event->record;
	err = names_refresh(&capture->names, record->idp, error);
	if (err)
		return err;
	if (event->size < record->length && event->size < capture->snaplen)
		return refuse(error, -EPROTO, "a record has %u bytes of a packet of %u",
			      event->size, record->length);
	*packet = (struct lana_captured){
		.path = record->path,
		.time = record->time + session_epoch(capture->session),
		.length = record->length,
		.captured = record->length < capture->snaplen ? record->length : capture->snaplen,
		.bytes = event->bytes,
	};
	strcpy(packet->block, capture->block);
	if (record->idp < capture->names.limit)
		names_way(&capture->names, record, &packet->way);
	return 0;
}

int lana_capture_stop(struct lana_capture *capture, struct lana_error *error)
{
	return session_stop(capture->session, error);
}

struct lana_capture_counts lana_capture_counts(struct lana_capture *capture)
{
	struct probe_counts counts = session_counts(capture->session);

	return (struct lana_capture_counts){ counts.seen, counts.lost };
}
