// SPDX-License-Identifier: GPL-2.0-only
/*
 * gen_socket - frames made in user space and sent by a packet socket
 *
 * For devices that take no frames of XDP, and for rates at which a program that watches the clock
 * all the time would be a waste: between frames the thread sleeps, but for the last moment.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>

#include <linux/if_packet.h>

#include "cleanup.h"
#include "clock.h"
#include "error.h"
#include "gen.h"

#define BATCH 32 /* frames a call, if there is no pace */

/* So long before a frame is due a sleeping thread shall wake: what that takes, and some more. */
#define WAKE_NS 60000

/* So long it sleeps at most, for it may be stopped. */
#define SLEEP_NS 50000000

struct sending {
	struct gen_sender *sender;
	int socket;
	bool paced;
	__u64 due; /* ticks */
	__u8 frames[BATCH][GEN_SIZE_MAX];
};

static int open_socket(const struct lana_gen *gen)
{
	struct sockaddr_ll address = { .sll_family = AF_PACKET,
				       .sll_ifindex = gen->target.device.ifindex };
	_cleanup_close_ int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	int on = 1;

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) ||
	    setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof(on)))
		return -errno;
	return TAKE_FD(fd);
}

int gen_socket_prepare(struct lana_gen *gen, struct lana_error *error)
{
	int fd = open_socket(gen);

	if (fd == -EPERM)
		return refuse(error, fd, "not permitted to open packet sockets: root is needed");
	if (fd < 0)
		return refuse(error, fd, "cannot open a packet socket: %s", strerror(-fd));
	close(fd);
	for (__u32 i = 0; i < gen->cpus; i++) {
		gen->senders[i].state = calloc(1, sizeof(struct gen_state));
		if (!gen->senders[i].state)
			return refuse(error, -ENOMEM, "out of memory");
	}
	return 0;
}

/* ---- frames --------------------------------------------------------------------------------- */

static __u64 ticks(void)
{
	return clock_ns(CLOCK_MONOTONIC) << GEN_TICK_SHIFT;
}

/* A frame of a capture, and when it is due. */
static __u32 next_record(struct sending *s, __u8 *frame)
{
	const struct gen_plan *plan = &s->sender->gen->plan;
	struct gen_state *state = s->sender->state;
	const struct gen_record *record = (void *)(plan->records + state->next);

	memcpy(frame, record + 1, record->size);
	if (plan->timed)
		s->due = state->epoch + record->when;
	state->next = record->step ? state->next + record->step : 0;
	state->epoch += record->step ? 0 : plan->period;
	return record->size;
}

/* Its stamp is still to be written. */
static const struct gen_template *next_template(struct sending *s, __u32 *index)
{
	const struct gen_plan *plan = &s->sender->gen->plan;
	struct gen_state *state = s->sender->state;

	*index = plan->order[state->next];
	state->next = (state->next + 1) % plan->order_count;
	return &plan->templates.list[*index];
}

/* Sleep, and then watch the clock. False: it is to stop. */
static bool wait_until(struct sending *s, __u64 due)
{
	for (;;) {
		__u64 now = ticks(), left = due > now ? (due - now) >> GEN_TICK_SHIFT : 0;

		if (due <= now)
			return true;
		if (gen_is_done(s->sender))
			return false;
		if (left > WAKE_NS) {
			__u64 sleep = left - WAKE_NS < SLEEP_NS ? left - WAKE_NS : SLEEP_NS;

			nanosleep(&(struct timespec){ .tv_nsec = sleep }, NULL);
		}
	}
}

/* The next frame, made when it is due. 0: it is to stop. */
static __u32 make_frame(struct sending *s, __u8 *frame)
{
	struct lana_gen *gen = s->sender->gen;
	struct gen_state *state = s->sender->state;
	const struct gen_template *template = NULL;
	struct gen_moment moment;
	__u64 late;
	__u32 size = 0, index = 0;

	if (gen->plan.templates.count)
		template = next_template(s, &index);
	else
		size = next_record(s, frame);
	if (s->paced && !wait_until(s, s->due))
		return 0;
	if (template) {
		moment = (struct gen_moment){ gen_key(s->sender), state->sent,
					      clock_ns(CLOCK_MONOTONIC) };
		gen_render(template, state->made[index], gen->seed, s->sender->index, &moment,
			   frame);
		size = template->size;
	}
	if (!s->paced)
		return size;
	late = ticks() - s->due;
	if (late > (__u64)GEN_LATE_NS << GEN_TICK_SHIFT)
		gen_write(state->late, state->late + 1);
	if (late > (__u64)GEN_GIVE_UP_NS << GEN_TICK_SHIFT) {
		s->due += late;
		state->epoch += gen->plan.timed ? late : 0;
	}
	if (!gen->plan.timed)
		s->due +=
			gen_interval(&gen->plan, template ? size : gen->plan.size_mean, gen->cpus);
	return size;
}

static void count(struct gen_sender *sender, __u32 index, __u32 size)
{
	struct gen_state *state = sender->state;

	gen_write(state->made[index], state->made[index] + 1);
	gen_write(state->bytes, state->bytes + size);
	gen_write(state->sent, state->sent + 1);
}

/* ---- sending -------------------------------------------------------------------------------- */

/* Send the frames; those that the device has no room for are counted as refused. */
static int send_all(struct sending *s, struct mmsghdr *messages, int number)
{
	struct gen_state *state = s->sender->state;

	for (int done = 0; done < number;) {
		int sent = sendmmsg(s->socket, messages + done, number - done, 0);

		if (sent > 0) {
			done += sent;
			continue;
		}
		if (errno == EINTR)
			continue;
		if (errno != ENOBUFS && errno != EAGAIN)
			return -errno;
		gen_write(state->refused, state->refused + 1);
		done++;
	}
	return 0;
}

static int send_batch(struct sending *s)
{
	struct gen_sender *sender = s->sender;
	struct mmsghdr messages[BATCH] = {};
	struct iovec pieces[BATCH];
	int number = 0, wanted = s->paced ? 1 : BATCH;

	while (number < wanted && !gen_is_done(sender)) {
		const struct gen_plan *plan = &sender->gen->plan;
		__u32 index = plan->templates.count ? plan->order[sender->state->next] : 0;
		__u32 size = make_frame(s, s->frames[number]);

		if (!size)
			break;
		pieces[number] = (struct iovec){ s->frames[number], size };
		messages[number].msg_hdr.msg_iov = &pieces[number];
		messages[number].msg_hdr.msg_iovlen = 1;
		count(sender, index, size);
		number++;
	}
	return send_all(s, messages, number);
}

int gen_socket_run(struct gen_sender *sender)
{
	const struct gen_plan *plan = &sender->gen->plan;
	_cleanup_free_ struct sending *s = calloc(1, sizeof(*s));
	_cleanup_close_ int fd = open_socket(sender->gen);
	int err = 0;

	if (!s || fd < 0)
		return s ? fd : -ENOMEM;
	prctl(PR_SET_TIMERSLACK, 1);
	s->sender = sender;
	s->socket = fd;
	s->paced = plan->timed || plan->rate.packets || plan->rate.bits;
	gen_write(sender->state->started, clock_ns(CLOCK_MONOTONIC));
	sender->state->epoch += ticks();
	s->due = sender->state->epoch;
	while (!err && !gen_is_done(sender))
		err = send_batch(s);
	return err;
}
