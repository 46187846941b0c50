// SPDX-License-Identifier: GPL-2.0-only
/*
 * file_subscribe - the subscriptions of a stack file, and how a stack comes to have them
 */
#include <errno.h>
#include <string.h>

#include "file.h"
#include "notice.h"
#include "subscribe.h"

int file_check_subscriptions(const struct file *file, struct lana_error *error)
{
	for (size_t i = 0; i < file->subscriptions_count; i++) {
		const struct file_subscription *one = &file->subscriptions[i];
		const char *missing = file_find(file, one->name) < 0 ? one->name : one->publisher;

		if (file_find(file, missing) < 0)
			return file_refuse(file, one->place, error, -ENOENT,
					   "no block '%s' in this file", missing);
		for (size_t j = 0; j < i; j++)
			if (!strcmp(file->subscriptions[j].name, one->name) &&
			    !strcmp(file->subscriptions[j].publisher, one->publisher))
				return file_refuse(file, one->place, error, -EINVAL,
						   "'%s' is subscribed to '%s' twice", one->name,
						   one->publisher);
	}
	return 0;
}

static bool has(const struct file *file, const char *name, const char *publisher)
{
	for (size_t i = 0; i < file->subscriptions_count; i++)
		if (!strcmp(file->subscriptions[i].name, name) &&
		    !strcmp(file->subscriptions[i].publisher, publisher))
			return true;
	return false;
}

/* What is removed ends its subscriptions itself, and those that it has are told so. */
static int plan_unsubscribe(const struct file *file, const struct commit *commit,
			    struct lana_commit *steps, const struct record *publisher)
{
	int err = 0;

	if (file_find(file, publisher->name) < 0)
		return 0;
	for (int i = 0; !err && i < LANA_SUBSCRIBERS_MAX && publisher->subscribers[i]; i++) {
		const char *name = commit_record(commit, publisher->subscribers[i])->name;

		if (file_find(file, name) >= 0 && !has(file, name, publisher->name))
			err = steps_add(steps, (struct op){ .run = op_unsubscribe,
							    .name = name,
							    .other = publisher->name });
	}
	return err;
}

int file_plan_unsubscribe(const struct file *file, const struct commit *commit,
			  struct lana_commit *steps)
{
	int err = 0;

	for (__u32 idp = 1; !err && idp < commit_limit(commit); idp++)
		if (commit_record(commit, idp)->name[0])
			err = plan_unsubscribe(file, commit, steps, commit_record(commit, idp));
	return err;
}

/* Is a subscription of the file there? */
static bool is_there(const struct commit *commit, const struct file_subscription *one)
{
	__u32 publisher, subscriber;

	return !commit_find(commit, one->publisher, &publisher, NULL) &&
	       !commit_find(commit, one->name, &subscriber, NULL) &&
	       notice_hears(commit_record(commit, publisher), subscriber);
}

int file_plan_subscribe(const struct file *file, const struct commit *commit,
			struct lana_commit *steps)
{
	int err = 0;

	for (size_t i = 0; !err && i < file->subscriptions_count; i++) {
		const struct file_subscription *one = &file->subscriptions[i];

		if (!is_there(commit, one))
			err = steps_add(steps, (struct op){ .run = op_subscribe,
							    .name = one->name,
							    .other = one->publisher,
							    .line = one->place.line,
							    .column = one->place.column });
	}
	return err;
}
