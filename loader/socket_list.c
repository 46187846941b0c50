// SPDX-License-Identifier: GPL-2.0-only
/*
 * socket_list - the sockets of a stack, and whose they are
 */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

#include <lana/socket.h>

#include "cleanup.h"
#include "error.h"
#include "stack.h"

static void close_file_p(FILE **file)
{
	if (*file)
		fclose(*file);
}

/* proc(5): who runs it, and what. False: it has ended. */
static bool read_process(__u32 process, struct lana_socket_info *info)
{
	_cleanup_(close_file_p) FILE *file = NULL;
	const struct passwd *user;
	char path[64], line[256];
	unsigned int uid = 0;

	snprintf(path, sizeof(path), "/proc/%u/status", process);
	file = fopen(path, "re");
	if (!file)
		return false;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "Uid: %*u %u", &uid) == 1)
			break;
		sscanf(line, "Name: %31[^\n]", info->command);
	}
	user = getpwuid(uid);
	if (user)
		snprintf(info->user, sizeof(info->user), "%s", user->pw_name);
	else
		snprintf(info->user, sizeof(info->user), "%u", uid);
	return true;
}

static uint64_t sum(const struct lana_block_stats *stats, const char *counter)
{
	uint64_t total = 0;

	for (int path = 0; path < LANA_PATHS; path++)
		for (size_t i = 0; i < stats->path[path].own_count; i++)
			if (!strcmp(stats->path[path].own[i].name, counter))
				total += stats->path[path].own[i].value;
	return total;
}

/* A socket that is closed meanwhile has no counters. */
static int read_counters(struct lana_stack *stack, struct lana_socket_info *infos, size_t count,
			 struct lana_error *error)
{
	_cleanup_free_ struct lana_block_stats *stats = NULL;
	size_t blocks;
	int err = lana_block_stats(stack, NULL, &stats, &blocks, error);

	for (size_t i = 0; !err && i < count; i++)
		for (size_t j = 0; j < blocks; j++)
			if (!strcmp(infos[i].name, stats[j].name)) {
				infos[i].delivered = sum(&stats[j], "delivered");
				infos[i].direct = sum(&stats[j], "direct");
				infos[i].oversized = sum(&stats[j], "oversized");
			}
	return err;
}

static bool is_socket(const struct device_record *device)
{
	return device->is_socket && !device->is_worker;
}

static int list(struct lana_stack *stack, struct lana_socket_info **result, size_t *count,
		struct lana_error *error)
{
	struct lana_socket_info *infos;
	size_t n = 0;
	int err = stack_lock(stack, error);

	if (err)
		return err;
	LOCKED(stack);

	registry_for_each (stack->registry, idp)
		n += is_socket(&stack->registry->records[idp].device);
	infos = calloc(n + 1, sizeof(*infos));
	if (!infos)
		return refuse(error, -ENOMEM, "no memory");
	n = 0;
	registry_for_each (stack->registry, idp) {
		const struct record *record = &stack->registry->records[idp];
		struct lana_socket_info *info = &infos[n];

		if (!is_socket(&record->device))
			continue;
		strcpy(info->name, record->name);
		strcpy(info->device, record->device.name);
		info->hook = record->device.hook;
		info->process = record->device.process;
		n++;
	}
	*result = infos;
	*count = n;
	return 0;
}

int lana_socket_list(struct lana_stack *stack, struct lana_socket_info **result,
		     size_t *result_count, struct lana_error *error)
{
	struct lana_socket_info *infos = NULL;
	size_t count = 0;
	int err = list(stack, &infos, &count, error);

	if (err)
		return err;
	err = read_counters(stack, infos, count, error);
	if (err) {
		free(infos);
		return err;
	}
	for (size_t i = 0; i < count; i++)
		infos[i].alive = read_process(infos[i].process, &infos[i]);
	*result = infos;
	*result_count = count;
	return 0;
}
