// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <string.h>

#include "error.h"
#include "notice.h"
#include "subscribe.h"

/* Find subscriber and publisher as a step names them. */
static int find_both(const struct commit *commit, const struct op *op, __u32 *subscriber,
		     __u32 *publisher, struct lana_error *error)
{
	int err = commit_find(commit, op->name, subscriber, error);

	return err ?: commit_find(commit, op->other, publisher, error);
}

static size_t count_subscribers(const struct record *record)
{
	size_t count = 0;

	while (count < LANA_SUBSCRIBERS_MAX && record->subscribers[count])
		count++;
	return count;
}

int op_subscribe(struct commit *commit, const struct op *op, struct lana_error *error)
{
	const struct record *hearer, *record;
	__u32 subscriber, publisher;
	size_t count;
	int err = find_both(commit, op, &subscriber, &publisher, error);

	if (err)
		return err;
	hearer = commit_record(commit, subscriber);
	record = commit_record(commit, publisher);
	count = count_subscribers(record);
	if (!hearer->hears)
		return refuse(error, -EINVAL, "'%s' (type '%s') has no event function",
			      hearer->name, hearer->type);
	if (subscriber == publisher)
		return refuse(error, -EINVAL, "'%s' is told of itself anyway", hearer->name);
	if (record->device.hook != LANA_HOOK_NONE)
		return refuse(error, -EINVAL, "'%s' is a device: it publishes nothing",
			      record->name);
	if (notice_hears(record, subscriber))
		return refuse(error, -EEXIST, "'%s' is subscribed to '%s' already", hearer->name,
			      record->name);
	if (count == LANA_SUBSCRIBERS_MAX)
		return refuse(error, -ENOSPC, "'%s' has %d subscribers, which is the most",
			      record->name, LANA_SUBSCRIBERS_MAX);
	commit_edit(commit, publisher)->subscribers[count] = subscriber;
	return 0;
}

void unsubscribe(struct record *publisher, __u32 subscriber)
{
	__u16 *list = publisher->subscribers;
	int kept = 0;

	for (int i = 0; i < LANA_SUBSCRIBERS_MAX; i++)
		if (list[i] && list[i] != subscriber)
			list[kept++] = list[i];
	memset(list + kept, 0, (LANA_SUBSCRIBERS_MAX - kept) * sizeof(*list));
}

int op_unsubscribe(struct commit *commit, const struct op *op, struct lana_error *error)
{
	__u32 subscriber, publisher;
	int err = find_both(commit, op, &subscriber, &publisher, error);

	if (err)
		return err;
	if (!notice_hears(commit_record(commit, publisher), subscriber))
		return refuse(error, -ENOENT, "'%s' is not subscribed to '%s'", op->name,
			      op->other);
	unsubscribe(commit_edit(commit, publisher), subscriber);
	return 0;
}

/* A subscriber must still know the events by their numbers. */
static int check_events(const struct commit *commit, const struct record *record,
			const struct type *old, const struct type *new, struct lana_error *error)
{
	for (__u32 i = 0; record->subscribers[0] && i < old->events_count; i++)
		if (i >= new->events_count || strcmp(old->events[i], new->events[i]))
			return refuse(error, -EINVAL,
				      "'%s' is subscribed to '%s', and type '%s' does not publish "
				      "'%s' as its event %u",
				      commit_record(commit, record->subscribers[0])->name,
				      record->name, new->name, old->events[i], i);
	return 0;
}

int check_subscriptions(const struct commit *commit, __u32 idp, const struct type *old,
			const struct type *new, struct lana_error *error)
{
	const struct record *record = commit_record(commit, idp);

	for (__u32 other = 1; !new->event &&other < commit_limit(commit); other++) {
		const struct record *publisher = commit_record(commit, other);

		if (publisher->name[0] && notice_hears(publisher, idp))
			return refuse(error, -EINVAL,
				      "'%s' is subscribed to '%s', and type '%s' has no event "
				      "function",
				      record->name, publisher->name, new->name);
	}
	return check_events(commit, record, old, new, error);
}

/* ---- one at a time ---------------------------------------------------------------------- */

static int alone(struct lana_stack *stack,
		 int (*run)(struct commit *commit, const struct op *op, struct lana_error *error),
		 const char *name, const char *publisher, struct lana_error *error)
{
	const struct op op = { .run = run, .name = name, .other = publisher };

	return op_alone(stack, &op, error);
}

int lana_subscribe(struct lana_stack *stack, const char *name, const char *publisher,
		   struct lana_error *error)
{
	return alone(stack, op_subscribe, name, publisher, error);
}

int lana_unsubscribe(struct lana_stack *stack, const char *name, const char *publisher,
		     struct lana_error *error)
{
	return alone(stack, op_unsubscribe, name, publisher, error);
}

int lana_commit_subscribe(struct lana_commit *commit, const char *name, const char *publisher)
{
	return steps_add(commit,
			 (struct op){ .run = op_subscribe, .name = name, .other = publisher });
}

int lana_commit_unsubscribe(struct lana_commit *commit, const char *name, const char *publisher)
{
	return steps_add(commit,
			 (struct op){ .run = op_unsubscribe, .name = name, .other = publisher });
}
