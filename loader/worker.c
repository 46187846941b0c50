// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "cleanup.h"
#include "clock.h"
#include "error.h"
#include "worker.h"

#define SPIN_NS	    50000ULL	  /* being woken takes up to that long */
#define LOOK_NS	    1000000000ULL /* in case that nobody calls */
#define COUNT_NS    1000000ULL
#define LEAVE_NS    20000000ULL /* what is on its way when it ends has so long to arrive */
#define FRAMES_POOL 16384

/* ---- the loop ------------------------------------------------------------------------------- */

/* Sleep until something comes, or shortly before a time (0: there is none), but not beyond end. */
static int sleep_until(struct lana_worker *worker, __u64 now, __u64 deadline, __u64 end)
{
	struct pollfd fds[] = {
		{ .fd = worker->socket->parts.fds[SOCKET_FD_XSK], .events = POLLIN },
		{ .fd = worker->socket->parts.fds[SOCKET_FD_EVENTS], .events = POLLIN },
		{ .fd = worker->watch, .events = POLLIN },
	};
	__u64 left = LOOK_NS;
	struct timespec time;
	char calls[1024];

	if (deadline && deadline - now < left + SPIN_NS)
		left = deadline - now - SPIN_NS;
	if (end - now < left)
		left = end > now ? end - now : 0;
	time = (struct timespec){ left / 1000000000, left % 1000000000 };
	if (ppoll(fds, ARRAY_SIZE(fds), &time, NULL) < 0)
		return -errno;
	if (fds[2].revents && read(worker->watch, calls, sizeof(calls)) < 0)
		return 0; /* it is looked at anyway */
	return 0;
}

static bool has_changed(const struct lana_worker *worker, __u64 now)
{
	const struct registry *registry = worker->stack->registry;

	return __atomic_load_n(&registry->generation, __ATOMIC_ACQUIRE) != worker->generation ||
	       __atomic_load_n(&registry->magic, __ATOMIC_RELAXED) != REGISTRY_MAGIC ||
	       now - worker->looked > LOOK_NS;
}

static int look(struct lana_worker *worker, __u64 now)
{
	int err;

	if (worker->socket->down || socket_is_down(worker->socket))
		return -ENETDOWN;
	err = host_look(worker);
	if (err != -EWOULDBLOCK)
		worker->looked = now;
	maps_forget(worker, now);
	return err == -EWOULDBLOCK ? 0 : err;
}

/* One round: let halves have what has come and what is due. Returns whether there was anything. */
static bool work(struct lana_worker *worker, __u64 *now, __u64 *deadline)
{
	bool any = worker_receive(worker);

	*now = clock_ns(CLOCK_MONOTONIC);
	*deadline = timers_run(worker, *now);
	return any | !frames_flush(worker);
}

int lana_worker_run(struct lana_worker *worker, int timeout_ms, struct lana_error *error)
{
	__u64 start = clock_ns(CLOCK_MONOTONIC), busy = start, counted = start, now, deadline;
	__u64 end = timeout_ms < 0 ? UINT64_MAX : start + timeout_ms * 1000000ULL;
	int err = 0;

	prctl(PR_SET_TIMERSLACK, 1);
	do {
		bool idle;

		if (work(worker, &now, &deadline))
			busy = now;
		idle = !worker->options.busy && now - busy > SPIN_NS &&
		       (!deadline || deadline > now + 2 * SPIN_NS);
		if (idle || now - counted > COUNT_NS) {
			host_count(worker, now);
			counted = now;
		}
		if (has_changed(worker, now)) {
			err = look(worker, now);
			idle = false;
		}
		if (idle && !err && sleep_until(worker, now, deadline, end) == -EINTR)
			return 0;
	} while (!err && now < end);
	return err ? refuse(error, err, "the block or the device of worker '%s' was removed",
			    worker->socket->parts.name)
		   : 0;
}

/* ---- opening and closing -------------------------------------------------------------------- */

static void worker_free(struct lana_worker *worker)
{
	frames_close(worker);
	for (size_t i = 0; i < ARRAY_SIZE(worker->maps); i++)
		close_p(&worker->maps[i]);
	close_p(&worker->watch);
	if (worker->channel)
		munmap(worker->channel, sizeof(*worker->channel));
	lana_socket_close(worker->socket);
	free(worker->heap);
	free(worker);
}

void lana_worker_close(struct lana_worker *worker)
{
	__u64 until;

	if (!worker)
		return;
	/* Packets pass the blocks by from here on; what they hold leaves. */
	host_close(worker);
	until = clock_ns(CLOCK_MONOTONIC) + LEAVE_NS;
	do {
		worker_receive(worker);
		frames_flush(worker);
	} while (!socket_is_down(worker->socket) && clock_ns(CLOCK_MONOTONIC) < until);
	maps_forget(worker, UINT64_MAX);
	worker_free(worker);
}

static int check_options(const struct lana_worker_options *options, struct lana_error *error)
{
	if (options->mtu > LANA_WORKER_MTU_MAX)
		return refuse(error, -ERANGE, "MTU %u: a worker has one of at most %u",
			      options->mtu, LANA_WORKER_MTU_MAX);
	if (options->frames > LANA_WORKER_FRAMES_MAX)
		return refuse(error, -ERANGE, "%u frames: a worker has at most %u", options->frames,
			      LANA_WORKER_FRAMES_MAX);
	if (options->halves && strlen(options->halves) >= sizeof((struct lana_worker){}.halves))
		return refuse(error, -ENAMETOOLONG, "the path of the halves' folders is too long");
	return 0;
}

static int open_socket(struct lana_stack *stack, struct lana_worker *worker,
		       struct lana_error *error)
{
	const struct lana_socket_options options = {
		.mtu = worker->options.mtu,
		.receive_ring = worker->options.ring,
		.send_ring = worker->options.ring,
		.indirect = true,
	};
	const struct socket_wish wish = {
		.options = &options,
		.head = sizeof(struct lana_channel),
		.pool = worker->options.frames ?: FRAMES_POOL,
		.is_worker = true,
		.load = worker_load,
	};
	int err =
		socket_open(stack, worker->options.name ?: "worker", &wish, &worker->socket, error);

	if (err)
		return err;
	worker->stack = worker->socket->stack;
	err = frames_open(worker);
	return err ? refuse(error, err, "out of memory") : host_open(worker, error);
}

int lana_worker_open(struct lana_stack *stack, const struct lana_worker_options *options,
		     struct lana_worker **result, struct lana_error *error)
{
	static const struct lana_worker_options defaults;
	struct lana_worker *worker;
	int err;

	options = options ?: &defaults;
	err = check_options(options, error);
	if (err)
		return err;
	worker = calloc(1, sizeof(*worker));
	if (!worker)
		return refuse(error, -ENOMEM, "out of memory");
	worker->options = *options;
	worker->maps[0] = worker->maps[1] = worker->maps[2] = worker->watch = -1;
	err = open_socket(stack, worker, error);
	if (err) {
		worker_free(worker);
		return err;
	}
	*result = worker;
	return 0;
}
