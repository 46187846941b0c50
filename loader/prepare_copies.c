// SPDX-License-Identifier: GPL-2.0-only
/*
 * prepare_copies - choose how packets are copied, and have the devices that copies go through
 */
#include <errno.h>

#include "copies.h"
#include "error.h"
#include "loop.h"
#include "netns.h"
#include "prepare.h"

/* Programs woven before there were so many devices for copies know nothing of them. */
static int weave_copying(struct preparation *p)
{
	for (__u32 idp = 1; idp < graph_limit(p->graph); idp++) {
		if (!graph_record(p->graph, idp) || !copies_are_made(p->graph, idp))
			continue;
		if (!graph_edit(p->graph, idp))
			return no_memory(p);
		commit_change(p->commit, idp)->forced = true;
	}
	return 0;
}

/* What would let a node do without copies: branches that only read have to be in its program. */
static const char *advice(struct preparation *p, __u32 node)
{
	if (copying_of(graph_record(p->graph, node_idp(node))) == LANA_COPYING_PARTS)
		return "let its copies' port lead nowhere";
	if (!copies_for_cuts(p->graph, node))
		return "let all its branches but one only read";
	return p->stack->registry->unfused
		       ? "its branches that only read have to be fused with it, but blocks are not "
			 "fused in this stack"
		       : "its branches that only read have to be fused with it, but some edge or "
			 "block there is hot, or the program too large";
}

/* Of the devices that copied packets come by; those of a generator would come up at its own lo. */
static __u64 netns_of_copies(const struct preparation *p, const struct copied *copied)
{
	if (copied->device)
		return graph_record(p->graph, copied->device)->device.netns;
	for (__u32 idp = 1; idp < graph_limit(p->graph); idp++) {
		const struct record *record = graph_record(p->graph, idp);

		if (record && record->device.hook != LANA_HOOK_NONE)
			return record->device.netns;
	}
	return netns_inode();
}

static int need_loops(struct preparation *p, const struct copied *copied)
{
	struct loop_need need = { .count = copied->most };
	bool grown;
	int err;

	if (copied->generic)
		return refuse(p->error, -EOPNOTSUPP,
			      "'%s' would have to copy packets, which generic XDP cannot: %s, or "
			      "hook '%s' with xdp or tc",
			      graph_record(p->graph, node_idp(copied->at_xdp))->name,
			      advice(p, copied->at_xdp),
			      graph_record(p->graph, copied->generic)->name);
	if (copied->another)
		return refuse(p->error, -EOPNOTSUPP,
			      "packets that come by '%s' and '%s' would have to be copied at XDP, "
			      "which is done in one network namespace only (at '%s': %s)",
			      graph_record(p->graph, copied->device)->name,
			      graph_record(p->graph, copied->another)->name,
			      graph_record(p->graph, node_idp(copied->at_xdp))->name,
			      advice(p, copied->at_xdp));
	need.netns = netns_of_copies(p, copied);
	if (!stack_uses(p->stack, LANA_XDP, LANA_INGRESS))
		return 0; /* it is a dry run: no device is hooked */
	err = loops_ensure(p->stack, &need, &grown, p->error);
	return err ?: grown ? weave_copying(p) : 0;
}

/*
 * Choose how packets are copied. Before copies are made it is tried to do without, by fusing what
 * may be.
 */
int prepare_copies(struct preparation *p)
{
	struct commit *commit = p->commit;
	bool may_fuse = !commit->fuse && !commit->whole && !p->stack->registry->unfused;
	struct copied copied;
	__u32 stray;
	int err = copies_find_stray(p->graph, &stray);

	if (!err && stray)
		return refuse(p->error, -EINVAL,
			      "parts of what '%s' cuts have to come back to it: let its port for "
			      "them lead there, or nowhere",
			      graph_record(p->graph, node_idp(stray))->name);
	if (!err)
		err = copies_settle(p->graph, &copied);
	if (err == -ELOOP)
		return refuse(p->error, err,
			      "what '%s' copies comes back to it: it would be copied without end",
			      graph_record(p->graph, node_idp(copied.node))->name);
	if (err)
		return no_memory(p);
	if (copied.node && may_fuse &&
	    (commit_edges_changed(commit) || commit_nature_changed(commit))) {
		commit->fuse = true;
		return -EAGAIN;
	}
	return copied.at_xdp ? need_loops(p, &copied) : 0;
}
