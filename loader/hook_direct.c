// SPDX-License-Identifier: GPL-2.0-only
/* hook_direct - sockets that have the packets of devices directly: their blocks' options deviceN */
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "commit.h"
#include "device.h"
#include "hook.h"
#include "types.h"

/* The option deviceN of a socket; NULL: its type has none. */
static __u32 *find_direct(const struct type *type, __u8 *config, int number)
{
	char name[16];

	snprintf(name, sizeof(name), "device%d", number);
	for (__u32 i = 0; i < type->config.count; i++) {
		const struct lana_field *field = &type->config.fields[i].field;

		if (!strcmp(field->name, name) && field->size == sizeof(__u32))
			return (__u32 *)(config + field->offset);
	}
	return NULL;
}

static bool is_elsewhere(const struct lana_stack *stack, const struct device *device)
{
	registry_for_each (stack->registry, idp) {
		const struct device_record *other = &stack->registry->records[idp].device;

		if (other->hook != LANA_HOOK_NONE && other->netns != device->netns)
			return true;
	}
	return false;
}

int hook_end_direct(struct lana_stack *stack, const struct device *device, struct lana_error *error)
{
	_cleanup_(commit_end) struct commit commit = { .stack = stack, .unseen = true };
	bool elsewhere = is_elsewhere(stack, device);

	registry_for_each (stack->registry, idp) {
		const struct record *record = &stack->registry->records[idp];
		const struct type *type;
		int err;

		if (!record->device.is_socket)
			continue;
		err = types_get(stack, record->type, record->version, &type, error);
		for (int i = 0; !err && i < SOCKET_DIRECT_MAX; i++) {
			__u32 *ifindex = find_direct(type, (__u8 *)record->config, i);

			if (ifindex && *ifindex && (elsewhere || *ifindex == device->ifindex))
				*find_direct(type, commit_edit(&commit, idp)->config, i) = 0;
		}
		if (err)
			return err;
	}
	return commit.changes_count ? commit_run(&commit, error) : 0;
}

int hook_find_direct(struct lana_stack *stack, __u32 ifindex, bool *found, struct lana_error *error)
{
	bool is_found = false;

	registry_for_each (stack->registry, idp) {
		struct record *record = &stack->registry->records[idp];
		const struct type *type;
		int err;

		if (!record->device.is_socket)
			continue;
		err = types_get(stack, record->type, record->version, &type, error);
		if (err)
			return err;
		for (int i = 0; i < SOCKET_DIRECT_MAX; i++) {
			const __u32 *device = find_direct(type, (__u8 *)record->config, i);

			is_found |= device && *device == ifindex;
		}
	}
	*found = is_found;
	return 0;
}
