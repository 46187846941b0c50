// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include <linux/perf_event.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "cleanup.h"
#include "commit.h"
#include "error.h"
#include "log.h"
#include "measure.h"
#include "session.h"

struct session {
	struct lana_stack *stack;
	__u32 number, serial;
	int folder; /* bears the lock */
	int events;
	struct page counts;
	struct perf_buffer *buffer;
	__s64 epoch;
	/* What was taken out of the buffer: first to be given away is number done. */
	struct session_event **queue;
	size_t count, capacity, done;
	bool failed;  /* no memory for one of them */
	bool stopped; /* the probes are out */
};

static __u32 counts_size(const struct lana_stack *stack)
{
	return (stack->cpus << PROBE_COUNTS_SHIFT) + sizeof(__u64);
}

/* ---- folders ------------------------------------------------------------------------------ */

static const char *folder_path(const struct lana_stack *stack, char path[320], __u32 number,
			       const char *pin)
{
	return stack_path(stack, path, 320, "probes/%u%s", number, pin);
}

static void remove_folder(const struct lana_stack *stack, __u32 number)
{
	char path[320];

	unlink(folder_path(stack, path, number, "/events"));
	unlink(folder_path(stack, path, number, "/counts"));
	rmdir(folder_path(stack, path, number, ""));
}

/* Open a session's folder and take its lock. -EWOULDBLOCK: its process lives. */
static int lock_folder(const struct lana_stack *stack, __u32 number, int *fd)
{
	_cleanup_close_ int folder = -1;
	char path[320];

	folder = open(folder_path(stack, path, number, ""),
		      O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (folder < 0 || flock(folder, LOCK_EX | LOCK_NB))
		return -errno;
	*fd = TAKE_FD(folder);
	return 0;
}

int session_open_maps(struct lana_stack *stack, __u32 number, struct session_maps *maps,
		      struct lana_error *error)
{
	char path[320];

	if (maps->events < 0)
		maps->events = bpf_obj_get(folder_path(stack, path, number, "/events"));
	if (maps->events >= 0 && maps->counts < 0)
		maps->counts = bpf_obj_get(folder_path(stack, path, number, "/counts"));
	if (maps->events < 0 || maps->counts < 0)
		return refuse(error, -errno, "a map of a trace or capture is missing: %s",
			      strerror(errno));
	return 0;
}

void session_close_maps(struct session_maps *maps)
{
	close_p(&maps->events);
	close_p(&maps->counts);
}

static void tell(struct lana_stack *stack, __u32 number, __u32 kind, const char *what)
{
	if (kind == PROBE_TRACE)
		log_note(stack, LANA_EVENT_PROBE, "a trace %s", what);
	else if (kind == PROBE_ENTRY)
		log_note(stack, LANA_EVENT_PROBE, "traffic into '%s' %s",
			 stack->registry->sessions[number].name, what);
	else
		log_note(stack, LANA_EVENT_PROBE, "a capture from '%s' %s",
			 stack->registry->sessions[number].name, what);
}

/* ---- probes in and out ---------------------------------------------------------------------- */

/*
 * Should it be refused, the place stays taken until it is not. Old code may be at work for a moment
 * yet; afterwards the counts are final.
 */
static int weave_out(struct lana_stack *stack, __u32 number, struct lana_error *error)
{
	__u32 *kind = &stack->registry->sessions[number].kind, before = *kind;
	int err;

	__atomic_store_n(kind, PROBE_NONE, __ATOMIC_RELEASE);
	err = probes_agree(stack, error);
	if (err && !stack->registry->pending)
		__atomic_store_n(kind, before, __ATOMIC_RELEASE);
	if (err)
		return err;
	stack_grace(stack);
	if (before == PROBE_ENTRY)
		commit_disable_xdp(stack);
	remove_folder(stack, number);
	tell(stack, number, before, "ends");
	return 0;
}

/* Only a lock that can be had, or a folder that is not there, says that the process has gone. */
static bool is_dead(const struct lana_stack *stack, __u32 number)
{
	_cleanup_close_ int folder = -1;
	int err = lock_folder(stack, number, &folder);

	return !err || err == -ENOENT;
}

int session_reap(struct lana_stack *stack, struct lana_error *error)
{
	for (__u32 n = 0; n < PROBE_SESSIONS; n++) {
		int err = 0;

		if (stack->registry->sessions[n].kind != PROBE_NONE && is_dead(stack, n))
			err = weave_out(stack, n, error);
		if (err && stack->registry->pending)
			return err;
	}
	return 0;
}

void session_forget(struct lana_stack *stack)
{
	for (__u32 n = 0; n < PROBE_SESSIONS; n++)
		if (is_dead(stack, n))
			__atomic_store_n(&stack->registry->sessions[n].kind, PROBE_NONE,
					 __ATOMIC_RELEASE);
}

void session_tidy(struct lana_stack *stack)
{
	for (__u32 n = 0; n < PROBE_SESSIONS; n++)
		if (stack->registry->sessions[n].kind == PROBE_NONE)
			remove_folder(stack, n);
}

static int choose_number(const struct lana_stack *stack, const struct probe_session *wanted,
			 __u32 *number, struct lana_error *error)
{
	const struct probe_session *sessions = stack->registry->sessions;
	__u32 free = PROBE_SESSIONS;

	for (__u32 n = PROBE_SESSIONS; n-- > 0;) {
		if (sessions[n].kind == PROBE_NONE)
			free = n;
		else if (sessions[n].kind == PROBE_TRACE && wanted->kind == PROBE_TRACE)
			return refuse(error, -EBUSY, "the stack is being traced already");
	}
	if (free == PROBE_SESSIONS)
		return refuse(error, -EBUSY, "there are %d traces and captures already",
			      PROBE_SESSIONS);
	*number = free;
	return 0;
}

/* Make the folder, lock it, and make and pin the maps. */
static int make_maps(struct session *session, __s64 left)
{
	struct lana_stack *stack = session->stack;
	char path[320], pin[32];
	int err;

	remove_folder(stack, session->number); /* of one that was killed */
	if (mkdir(folder_path(stack, path, session->number, ""), 0700) && errno != EEXIST)
		return -errno;
	err = lock_folder(stack, session->number, &session->folder);
	if (err)
		return err;
	session->events = bpf_map_create(BPF_MAP_TYPE_PERF_EVENT_ARRAY, "lana_events",
					 sizeof(__u32), sizeof(__u32), stack->cpus, NULL);
	if (session->events < 0 ||
	    bpf_obj_pin(session->events, folder_path(stack, path, session->number, "/events")))
		return -errno;
	snprintf(pin, sizeof(pin), "probes/%u/counts", session->number);
	err = stack_map_page(stack, "lana_counts", pin, counts_size(stack), &session->counts);
	if (!err)
		*(__s64 *)(session->counts.cells + (stack->cpus << PROBE_COUNTS_SHIFT)) = left;
	return err;
}

/* ---- the buffer --------------------------------------------------------------------------- */

/* Of PERF_SAMPLE_RAW alone: see perf_event_open(2). */
struct sample {
	struct perf_event_header header;
	__u32 size;
	struct probe_record record;
	__u8 bytes[];
} __attribute__((packed));

static bool make_room(struct session *session)
{
	size_t capacity = session->capacity ? 2 * session->capacity : 64;
	void *grown;

	if (session->count < session->capacity)
		return true;
	grown = reallocarray(session->queue, capacity, sizeof(*session->queue));
	if (!grown)
		return false;
	session->queue = grown;
	session->capacity = capacity;
	return true;
}

static enum bpf_perf_event_ret take(void *cookie, int cpu, struct perf_event_header *header)
{
	const struct sample *sample = (void *)header;
	struct session *session = cookie;
	struct session_event *event;
	__u32 size;

	(void)cpu;
	if (header->type != PERF_RECORD_SAMPLE || sample->size < sizeof(sample->record))
		return LIBBPF_PERF_EVENT_CONT;
	size = sample->size - sizeof(sample->record);
	event = make_room(session) ? malloc(sizeof(*event) + size) : NULL;
	if (!event) {
		session->failed = true;
		return LIBBPF_PERF_EVENT_CONT;
	}
	event->record = sample->record;
	event->size = size;
	memcpy(event->bytes, sample->bytes, size);
	session->queue[session->count++] = event;
	return LIBBPF_PERF_EVENT_CONT;
}

static int open_buffer(struct session *session, size_t size)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_BPF_OUTPUT,
		.sample_type = PERF_SAMPLE_RAW,
		.sample_period = 1,
		.watermark = 1,
		.wakeup_watermark = size / 4,
	};
	struct perf_buffer *buffer;

	libbpf_hush();
	buffer = perf_buffer__new_raw(session->events, size / getpagesize(), &attr, take, session,
				      NULL);
	libbpf_speak();
	if (libbpf_get_error(buffer))
		return libbpf_get_error(buffer);
	session->buffer = buffer;
	return 0;
}

static int compare_time(const void *a, const void *b)
{
	const struct session_event *const *x = a, *const *y = b;

	return ((*x)->record.time > (*y)->record.time) - ((*x)->record.time < (*y)->record.time);
}

static int fill_queue(struct session *session, int timeout_ms)
{
	int err;

	session->count = session->done = 0;
	err = perf_buffer__poll(session->buffer, timeout_ms);
	if (err == -EINTR)
		err = 0;
	if (err >= 0) /* of each CPU, be it less than the watermark: packets are told of in order */
		err = perf_buffer__consume(session->buffer);
	if (err < 0)
		return err;
	qsort(session->queue, session->count, sizeof(*session->queue), compare_time);
	return 0;
}

int session_next(struct session *session, int timeout_ms, struct session_event **event,
		 struct lana_error *error)
{
	int err = 0;

	if (session->done == session->count)
		err = fill_queue(session, timeout_ms);
	if (err || session->failed)
		return refuse(error, err ?: -ENOMEM, "cannot read what the probes send: %s",
			      strerror(err ? -err : ENOMEM));
	if (session->done < session->count) {
		*event = session->queue[session->done];
		session->queue[session->done++] = NULL;
		return 0;
	}
	if (session->stack->registry->magic != REGISTRY_MAGIC)
		return refuse(error, -ENOENT, "stack '%s' has been flushed", session->stack->name);
	return -EAGAIN;
}

/* ------------------------------------------------------------------------------------------- */

static __s64 clock_ns(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static void session_free(struct session *session)
{
	perf_buffer__free(session->buffer);
	for (size_t i = session->done; i < session->count; i++)
		free(session->queue[i]);
	free(session->queue);
	stack_unmap_page(&session->counts, counts_size(session->stack));
	close_p(&session->events);
	close_p(&session->folder);
	free(session);
}

static int begin(struct session *session, struct probe_session *wanted, __s64 left, size_t buffer,
		 struct lana_error *error)
{
	struct registry *registry = session->stack->registry;
	struct probe_session *place;
	__u32 kind;
	int err = choose_number(session->stack, wanted, &session->number, error);

	if (err)
		return err;
	err = make_maps(session, left);
	if (!err)
		err = open_buffer(session, buffer);
	if (err) {
		remove_folder(session->stack, session->number);
		return refuse(error, err, "cannot make what probes send records by: %s%s",
			      strerror(-err),
			      err == -EPERM || err == -EACCES ? " (CAP_PERFMON is needed)" : "");
	}
	registry->probe_serial = registry->probe_serial % 255 + 1;
	session->serial = wanted->serial = registry->probe_serial;
	/* Whoever finds it after a kill sees all of it, or none. */
	place = &registry->sessions[session->number];
	kind = wanted->kind;
	wanted->kind = PROBE_NONE;
	*place = *wanted;
	__atomic_store_n(&place->kind, kind, __ATOMIC_RELEASE);
	err = probes_agree(session->stack, error);
	if (err && !registry->pending) {
		place->kind = PROBE_NONE;
		remove_folder(session->stack, session->number);
	}
	if (!err)
		tell(session->stack, session->number, place->kind, "begins");
	return err;
}

int session_begin(struct lana_stack *stack, struct probe_session *wanted, __s64 left, size_t buffer,
		  struct session **result, struct lana_error *error)
{
	struct session *session = calloc(1, sizeof(*session));
	int err;

	if (!session)
		return refuse(error, -ENOMEM, "out of memory");
	session->stack = stack;
	session->folder = session->events = -1;
	session->epoch = clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_MONOTONIC);
	err = begin(session, wanted, left, buffer, error);
	if (err)
		session_free(session);
	else
		*result = session;
	return err;
}

int session_stop(struct session *session, struct lana_error *error)
{
	int err = session->stopped ? 0 : stack_lock(session->stack, error);

	if (err || session->stopped)
		return err;
	LOCKED(session->stack);

	/* Another one's, should this one have been taken for dead. */
	if (session->stack->registry->sessions[session->number].serial == session->serial)
		err = weave_out(session->stack, session->number, error);
	session->stopped = !err;
	return err;
}

void session_end(struct session *session)
{
	session_stop(session, NULL);
	session_free(session);
}

void session_end_p(struct session **session)
{
	if (*session)
		session_end(*session);
}

struct probe_counts session_counts(const struct session *session)
{
	struct probe_counts sum = {};

	for (__u32 cpu = 0; cpu < session->stack->cpus; cpu++) {
		const struct probe_counts *part =
			session->counts.cells + (cpu << PROBE_COUNTS_SHIFT);

		sum.seen += part->seen;
		sum.lost += part->lost;
	}
	return sum;
}

bool session_is_over(const struct session *session)
{
	const __s64 *left = session->counts.cells + (session->stack->cpus << PROBE_COUNTS_SHIFT);

	return __atomic_load_n(left, __ATOMIC_RELAXED) <= 0;
}

__u64 session_now(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

__s64 session_epoch(const struct session *session)
{
	return session->epoch;
}
