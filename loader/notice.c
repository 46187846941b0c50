// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <string.h>

#include <bpf/bpf.h>

#include "cleanup.h"
#include "clock.h"
#include "error.h"
#include "notice.h"
#include "subscribe.h"
#include "types.h"

void notice_add(struct commit *commit, __u32 idp, enum lana_occasion occasion)
{
	struct change *change;

	commit_edit(commit, idp);
	change = commit_change(commit, idp);
	if (change)
		change->notice.occasions |= 1U << occasion;
}

bool notice_hears(const struct record *record, __u32 subscriber)
{
	for (int i = 0; i < LANA_SUBSCRIBERS_MAX; i++)
		if (record->subscribers[i] == subscriber)
			return true;
	return false;
}

void notice_removal(struct commit *commit, __u32 idp)
{
	struct change *change = commit_change(commit, idp);

	for (__u32 other = 1; other < commit_limit(commit); other++)
		if (commit_record(commit, other)->name[0] &&
		    notice_hears(commit_record(commit, other), idp))
			unsubscribe(commit_edit(commit, other), idp);
	if (!change)
		return; /* no memory */
	change->notice.occasions = 1U << LANA_ON_RM;
	memcpy(change->notice.subscribers, change->new.subscribers,
	       sizeof(change->notice.subscribers));
}

/* ---- who is told what ------------------------------------------------------------------- */

/* Those that a change is told: the block itself, then its subscribers. How many. */
static size_t find_hearers(const struct commit *commit, const struct change *change,
			   enum lana_occasion occasion, __u32 idps[LANA_SUBSCRIBERS_MAX + 1])
{
	bool own = occasion == LANA_ON_SET || occasion == LANA_ON_REPLACE;
	const __u16 *subscribers =
		change->new.name[0] ? change->new.subscribers : change->notice.subscribers;
	size_t count = 0;

	if (!(change->notice.occasions & 1U << occasion))
		return 0;
	if (own && change->new.hears)
		idps[count++] = change->idp;
	for (int i = 0; i < LANA_SUBSCRIBERS_MAX && subscribers[i]; i++)
		if (commit_record(commit, subscribers[i])->hears)
			idps[count++] = subscribers[i];
	return count;
}

static struct hearing *find_hearing(const struct commit *commit, __u32 idp)
{
	for (size_t i = 0; i < commit->hearings_count; i++)
		if (commit->hearings[i].idp == idp)
			return &commit->hearings[i];
	return NULL;
}

static int prepare_hearing(struct commit *commit, __u32 idp, struct lana_error *error)
{
	struct hearer hearer = { .idp = idp, .record = commit_record(commit, idp) };
	struct hearing *grown;
	int err;

	if (find_hearing(commit, idp))
		return 0;
	grown = reallocarray(commit->hearings, commit->hearings_count + 1, sizeof(*grown));
	if (!grown)
		return refuse(error, -ENOMEM, "out of memory");
	commit->hearings = grown;
	grown += commit->hearings_count;
	grown->idp = idp;
	err = types_get(commit->stack, hearer.record->type, hearer.record->version, &hearer.type,
			error);
	if (!err)
		err = hearing_program(commit->stack, &hearer, &grown->program, error);
	commit->hearings_count += !err;
	return err;
}

int notice_prepare(struct commit *commit, struct lana_error *error)
{
	__u32 idps[LANA_SUBSCRIBERS_MAX + 1];
	int err = 0;

	for (size_t i = 0; i < commit->changes_count; i++)
		for (int occasion = 0; occasion < LANA_OCCASIONS; occasion++) {
			size_t count = find_hearers(commit, commit->changes[i], occasion, idps);

			for (size_t j = 0; !err && j < count; j++)
				err = prepare_hearing(commit, idps[j], error);
		}
	return err;
}

/* ---- telling it --------------------------------------------------------------------------- */

/* What a program finds as its packet: the rest is an Ethernet header that says nothing. */
struct packet {
	__u8 header[LANA_EVENT_OFFSET - sizeof(__u64)];
	__u64 number;
	struct lana_event_data event;
};

static int run(const struct hearing *hearing, const struct packet *packet)
{
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = packet, .data_size_in = sizeof(*packet),
		    .repeat = 1);

	return bpf_prog_test_run_opts(hearing->program, &options) ? -errno : 0;
}

/* Tell of one change, as event functions number *number and the following ones. */
static int tell(const struct commit *commit, const struct change *change,
		enum lana_occasion occasion, __u64 *number)
{
	__u32 idps[LANA_SUBSCRIBERS_MAX + 1];
	size_t count = find_hearers(commit, change, occasion, idps);
	int err = 0;

	for (size_t i = 0; !err && i < count; i++) {
		const struct packet packet = {
			.number = (*number)++,
			.event = {
				.time = clock_ns(CLOCK_MONOTONIC),
				.publisher = change->idp,
				.occasion = occasion,
				.own = idps[i] == change->idp,
			},
		};

		if (packet.number >= commit->stack->registry->notified)
			err = run(find_hearing(commit, idps[i]), &packet);
	}
	return err;
}

int notice_tell(struct commit *commit)
{
	__u64 number = 0;
	int err = 0;

	for (size_t i = 0; i < commit->changes_count; i++)
		for (int occasion = 0; !err && occasion < LANA_OCCASIONS; occasion++)
			err = tell(commit, commit->changes[i], occasion, &number);
	return err;
}
