// SPDX-License-Identifier: GPL-2.0-only
/*
 * prepare_slots - list the slots that a commit writes, and what is put into each
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "copies.h"
#include "error.h"
#include "prepare.h"
#include "probe.h"

#define for_each_table(stack, flavour, path)                       \
	for (int flavour = 0; flavour < LANA_FLAVOURS; flavour++)  \
		for (int path = LANA_PATHS - 1; path >= 0; path--) \
			if (stack_uses(stack, flavour, path))

static int add_write(struct preparation *p, int flavour, int path, enum slot_order order,
		     __u32 slot, int program)
{
	struct commit *commit = p->commit;
	struct slot_write *grown =
		reallocarray(commit->writes, commit->writes_count + 1, sizeof(*grown));

	if (!grown)
		return no_memory(p);
	commit->writes = grown;
	grown[commit->writes_count++] = (struct slot_write){ flavour, path, order, slot, program };
	return 0;
}

/* Have a program closed with the commit. */
static int keep(struct preparation *p, int program)
{
	struct commit *commit = p->commit;
	int *grown = reallocarray(commit->kept, commit->kept_count + 1, sizeof(*grown));

	if (!grown) {
		close(program);
		return no_memory(p);
	}
	commit->kept = grown;
	grown[commit->kept_count++] = program;
	return 0;
}

static int woven_program(const struct preparation *p, __u32 node, int flavour)
{
	__u32 at = p->woven_at[node];

	return at ? p->commit->woven[at - 1].programs[flavour] : -1;
}

/* The program that begins with a node: woven by this commit, or the one that stands in its slot. */
static int head_program(struct preparation *p, __u32 node, int flavour, int *program)
{
	const char *name = graph_record(p->graph, node_idp(node))->name;
	__u32 idp = node_idp(node), id;
	int fd = woven_program(p, node, flavour);

	if (fd >= 0) {
		*program = fd;
		return 0;
	}
	if (bpf_map_lookup_elem(p->stack->tables[flavour][node_path(node)], &idp, &id))
		return refuse(p->error, -errno, "the program of '%s' is missing: %s", name,
			      strerror(errno));
	fd = bpf_prog_get_fd_by_id(id);
	if (fd < 0)
		return refuse(p->error, -errno, "the program of '%s' cannot be used: %s", name,
			      errno == EPERM ? "root, or CAP_SYS_ADMIN, is needed"
					     : strerror(errno));
	*program = fd;
	return keep(p, fd);
}

static bool is_cut(const struct record *record, int path, __u32 port)
{
	return record->edges[path][port] && !(record->fused[path] & 1U << port);
}

/* Does the commit write this slot for the edge's own sake? */
static bool edge_changed(const struct change *change, int path, __u32 port)
{
	bool entry = path == LANA_INGRESS && !port;

	return change->forced ||
	       (entry && change->old.device.passing != change->new.device.passing) ||
	       change->old.edges[path][port] != change->new.edges[path][port] ||
	       is_cut(&change->old, path, port) != is_cut(&change->new, path, port);
}

/* Do packets pass the port's slot as the stack was? */
static enum slot_order order_of(const struct change *change, int path, __u32 port)
{
	bool fused = change->old.fused[path] & 1U << port;
	bool copied = copies_here(&change->old) && record_bound(&change->old, path) &&
		      !change->old.edges[path][port];

	return change->old.name[0] && !fused && !copied ? SLOT_LIVE : SLOT_UNUSED;
}

/* Put a new program in its own slot, and lead the unchanged edges to it. */
static int list_woven(struct preparation *p, const struct woven *woven)
{
	int path = node_path(woven->node), err = 0;
	__u32 idp = node_idp(woven->node), left;

	for (int flavour = 0; !err && flavour < LANA_FLAVOURS; flavour++)
		if (woven->programs[flavour] >= 0)
			err = add_write(p, flavour, path, SLOT_UNUSED, idp,
					woven->programs[flavour]);

	left = graph_record(p->graph, idp)->entries[path];
	for (__u32 from = 1; left && from < graph_limit(p->graph); from++) {
		const struct record *record = graph_record(p->graph, from);
		const struct change *change = commit_change(p->commit, from);

		for (__u32 port = 0; record && port < LANA_PORTS_MAX; port++) {
			if (record->edges[path][port] != idp || !is_cut(record, path, port))
				continue;
			left--;
			if (change && edge_changed(change, path, port))
				continue;
			for (int flavour = 0; !err && flavour < LANA_FLAVOURS; flavour++)
				if (woven->programs[flavour] >= 0)
					err = add_write(p, flavour, path, SLOT_LIVE,
							LANA_SLOT_PORT(from, port),
							woven->programs[flavour]);
		}
	}
	return err;
}

/* 1: a program stands in the slot, 0: none. */
static int is_filled(const struct preparation *p, int flavour, int path, __u32 slot)
{
	__u32 id;

	if (!bpf_map_lookup_elem(p->stack->tables[flavour][path], &slot, &id))
		return 1;
	return errno == ENOENT
		       ? 0
		       : refuse(p->error, -errno, "cannot read a slot: %s", strerror(errno));
}

/* Does what counts the misses of a block have to do it in another place? */
static bool miss_changed(const struct change *change)
{
	const struct record *old = &change->old, *new = &change->new;

	return old->name[0] &&
	       (old->cell != new->cell || (old->probes ^ new->probes) & PROBE_MEASURED ||
		(new->probes &PROBE_MEASURED && old->turns != new->turns));
}

/*
 * A port that leads nowhere. An empty slot does, but emptying one takes the kernel a grace
 * period, so a port that led somewhere gets a program that counts misses. It goes with its
 * block, or another takes its place if the block counts in another cell from now on, or is measured
 * or not any more.
 */
static int list_miss(struct preparation *p, const struct change *change, int flavour, int path,
		     __u32 port)
{
	__u32 slot = LANA_SLOT_PORT(change->idp, port);
	bool removed = !change->new.name[0];
	bool passes = change->new.device.passing &&path == LANA_INGRESS && !port;
	int program = -1, err = 1;

	if (!removed && !edge_changed(change, path, port) && !miss_changed(change))
		return 0;
	if (!passes)
		err = is_filled(p, flavour, path, slot);
	if (err <= 0)
		return err;
	if (removed)
		return add_write(p, flavour, path, SLOT_LEFT, slot, -1);
	err = passes ? constant_program(p->stack, flavour, true, &program, p->error)
		     : miss_program(p->stack, change->idp, &change->new, flavour, path, port,
				    &program, p->error);
	if (!err)
		err = keep(p, program);
	return err ?: add_write(p, flavour, path, order_of(change, path, port), slot, program);
}

static int list_edge(struct preparation *p, struct change *change, int flavour, int path,
		     __u32 port)
{
	__u32 to = change->new.edges[path][port];
	int program = -1, err;

	if (!to)
		return list_miss(p, change, flavour, path, port);
	if (!edge_changed(change, path, port))
		return 0;
	if (!is_cut(&change->new, path, port)) {
		change->new.stale[path] |= 1U << port;
		return 0;
	}
	change->new.stale[path] &= ~(1U << port);
	err = head_program(p, node_of(to, path), flavour, &program);
	return err
		       ?: add_write(p, flavour, path, order_of(change, path, port),
				    LANA_SLOT_PORT(change->idp, port), program);
}

/* Empty the slots of programs that nothing leads to and that are not current. */
static int list_dropped(struct preparation *p, const struct change *change, int flavour, int path)
{
	__u8 bit = 1U << flavour;
	bool has = change->old.woven[path] & bit, shall = change->new.woven[path] & bit;

	if (!has && !change->forced)
		return 0;
	if (shall)
		return 0;
	return add_write(p, flavour, path, SLOT_UNUSED, change->idp, -1);
}

/* What a slot holds that is not used any more. */
static int list_stale_slot(struct preparation *p, int flavour, int path, __u32 slot, int *idle)
{
	int err = is_filled(p, flavour, path, slot);

	if (err <= 0)
		return err;
	err = 0;
	if (*idle < 0) {
		err = constant_program(p->stack, flavour, false, idle, p->error);
		if (!err)
			err = keep(p, *idle);
	}
	return err ?: add_write(p, flavour, path, SLOT_LEFT, slot, *idle);
}

/*
 * Slots that became unused when their edges were fused hold on to the programs in them. They are
 * let go by the next commit that waits for old code anyway.
 */
static int list_stale(struct preparation *p)
{
	int idle[LANA_FLAVOURS] = { -1, -1 }, err = 0;

	for (__u32 idp = 1; idp < graph_limit(p->graph); idp++) {
		const struct record *record = graph_record(p->graph, idp);
		struct record *edit;

		if (!record || !(record->stale[LANA_INGRESS] | record->stale[LANA_EGRESS]))
			continue;
		for_each_table (p->stack, flavour, path)
			for (__u32 port = 0; !err && port < LANA_PORTS_MAX; port++)
				if (record->stale[path] & 1U << port)
					err = list_stale_slot(p, flavour, path,
							      LANA_SLOT_PORT(idp, port),
							      &idle[flavour]);
		edit = graph_edit(p->graph, idp);
		if (err || !edit)
			return err ?: no_memory(p);
		memset(edit->stale, 0, sizeof(edit->stale));
	}
	return 0;
}

int prepare_slots(struct preparation *p)
{
	struct commit *commit = p->commit;
	int err = 0;

	for (size_t i = 0; !err && i < commit->woven_count; i++)
		err = list_woven(p, &commit->woven[i]);
	for (size_t i = 0; !err && i < commit->changes_count; i++)
		for_each_table (p->stack, flavour, path) {
			if (!err)
				err = list_dropped(p, commit->changes[i], flavour, path);
			for (__u32 port = 0; !err && port < LANA_PORTS_MAX; port++)
				err = list_edge(p, commit->changes[i], flavour, path, port);
		}
	return !err && commit_waits(commit) ? list_stale(p) : err;
}
