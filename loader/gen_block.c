// SPDX-License-Identifier: GPL-2.0-only
/*
 * gen_block - frames that enter a stack at one of its blocks
 *
 * A session has the block begin a program, which then stands in the slot of the block's IDP for as
 * long as the generator lives. Frames jump to that slot, so they meet whatever the block becomes.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "commit.h"
#include "error.h"
#include "gen.h"
#include "session.h"

/* By name or, if there is none of that name, by IDP. */
static int find(const struct lana_stack *stack, const char *block, __u32 *idp,
		struct lana_error *error)
{
	unsigned long number;
	char *end;

	if (!registry_find(stack->registry, block) && isdigit((unsigned char)*block)) {
		number = strtoul(block, &end, 10);
		if (!*end && number && number < stack->registry->limit &&
		    stack->registry->records[number].name[0]) {
			*idp = number;
			return 0;
		}
	}
	return stack_find(stack, block, idp, error);
}

int gen_block_open(struct lana_gen *gen, struct lana_stack *stack, const char *block,
		   struct lana_error *error)
{
	_cleanup_free_ struct probe_session *wanted = calloc(1, sizeof(*wanted));
	int err = wanted ? stack_lock(stack, error) : refuse(error, -ENOMEM, "out of memory");

	if (err)
		return err;
	LOCKED(stack);

	err = find(stack, block, &gen->entry.slot, error);
	if (err)
		return err;
	wanted->kind = PROBE_ENTRY;
	strcpy(wanted->name, stack->registry->records[gen->entry.slot].name);
	/* As for a hook, if there is none: the end of the session undoes it. */
	err = commit_enable_xdp(stack, error);
	if (!err)
		err = session_begin(stack, wanted, 0, sysconf(_SC_PAGESIZE), &gen->session, error);
	if (err) {
		commit_disable_xdp(stack);
		return err;
	}
	gen->entry.table = stack->tables[LANA_XDP][LANA_INGRESS];
	gen->entry.context = stack->context_fd;
	gen->entry.cpu_mask = stack->cpus - 1;
	strcpy(gen->entry.name, wanted->name);
	return 0;
}
