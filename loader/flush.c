// SPDX-License-Identifier: GPL-2.0-only
/*
 * flush - remove a stack wholly
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"
#include "hook.h"

static void closedir_p(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

/* Remove what is in a folder of pins, and the folder. */
static int remove_folder(const char *path)
{
	_cleanup_(closedir_p) DIR *dir = opendir(path);
	struct dirent *entry;
	char inner[640];

	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	while ((entry = readdir(dir))) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		snprintf(inner, sizeof(inner), "%s/%s", path, entry->d_name);
		if (unlink(inner) && errno != EISDIR && errno != EPERM)
			return -errno;
		if (entry->d_type == DT_DIR) {
			int err = remove_folder(inner);

			if (err)
				return err;
		}
	}
	return rmdir(path) ? -errno : 0;
}

int lana_stack_flush(struct lana_stack *stack, struct lana_error *error)
{
	struct registry *registry = stack->registry;
	int err = stack_lock_as_is(stack, error);

	if (err)
		return err;
	LOCKED(stack);

	registry_for_each (registry, idp)
		if (registry->records[idp].device.hook != LANA_HOOK_NONE)
			hook_detach(stack, idp);

	/* Other handles see from this on that the stack is no more. */
	__atomic_store_n(&registry->magic, 0, __ATOMIC_RELEASE);
	err = remove_folder(stack->folder);
	if (err)
		return refuse(error, err, "cannot remove %s: %s", stack->folder, strerror(-err));

	/* The folder of all stacks goes with the last one. */
	*strrchr(stack->folder, '/') = 0;
	rmdir(stack->folder);
	return 0;
}
