// SPDX-License-Identifier: GPL-2.0-only
/*
 * flush - remove a stack wholly
 */
#include <errno.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"
#include "folder.h"
#include "hook.h"
#include "log.h"
#include "loop.h"
#include "vlink.h"

int flush_locked(struct lana_stack *stack, struct lana_error *error)
{
	struct registry *registry = stack->registry;
	int err;

	/* Other handles see from this on that the stack is no more. */
	__atomic_store_n(&registry->magic, REGISTRY_FLUSHING, __ATOMIC_RELEASE);
	log_wake(stack);
	/* Filters are known by the tables that their programs use. */
	for (int flavour = 0; flavour < LANA_FLAVOURS; flavour++)
		if (registry->tables &
		    (table_bit(flavour, LANA_INGRESS) | table_bit(flavour, LANA_EGRESS)))
			stack_open_tables(stack, flavour, NULL);
	registry_for_each (registry, idp)
		if (registry->records[idp].device.hook != LANA_HOOK_NONE)
			hook_detach(stack, idp);
	err = vlinks_flush(stack);
	if (!err)
		err = loops_flush(stack);
	if (!err)
		err = folder_remove(stack);
	if (err)
		return refuse(error, -EINPROGRESS,
			      "the flush was begun and cannot be finished (%s: %s); the next "
			      "command tries again",
			      stack->folder, strerror(-err));
	return 0;
}

int lana_stack_flush(struct lana_stack *stack, struct lana_error *error)
{
	int err = stack_lock_as_is(stack, error);

	if (err)
		return err;
	LOCKED(stack);

	return flush_locked(stack, error);
}
