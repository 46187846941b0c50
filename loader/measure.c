// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "commit.h"
#include "error.h"
#include "log.h"
#include "measure.h"
#include "session.h"

/* ---- which probes where ------------------------------------------------------------------- */

__u16 probes_of(const struct registry *registry, const char *name)
{
	__u16 probes = registry->measured ? PROBE_MEASURED : 0;

	for (int n = 0; n < PROBE_SESSIONS; n++) {
		const struct probe_session *session = &registry->sessions[n];

		if (session->kind == PROBE_TRACE ||
		    (session->kind == PROBE_CAPTURE && !strcmp(session->name, name)))
			probes |= PROBE_SESSION(n);
		if (session->kind == PROBE_ENTRY && !strcmp(session->name, name))
			probes |= PROBE_ENTERED;
	}
	return probes;
}

void probes_set(struct record *record, __u16 probes)
{
	int more = !!(probes & PROBE_ENTERED) - !!(record->probes & PROBE_ENTERED);

	record->references[LANA_INGRESS] += more;
	record->entries[LANA_INGRESS] += more;
	record->probes = probes;
}

int probes_agree(struct lana_stack *stack, struct lana_error *error)
{
	_cleanup_(commit_end) struct commit commit = { .stack = stack,
						       .unseen = true,
						       .whole = true };

	registry_for_each (stack->registry, idp) {
		__u16 probes = probes_of(stack->registry, stack->registry->records[idp].name);

		if (stack->registry->records[idp].probes != probes)
			probes_set(commit_edit(&commit, idp), probes);
	}
	return commit.changes_count || commit.failed ? commit_run(&commit, error) : 0;
}

/* ---- pages -------------------------------------------------------------------------------- */

static __u32 page_size(const struct lana_stack *stack)
{
	return stack->cpus << PROBE_PAGE_SHIFT;
}

static struct probe_cell *cell_of(const struct page *page, __u32 idp, __u32 cpu)
{
	return page->cells + ((size_t)cpu << PROBE_PAGE_SHIFT) +
	       idp % PROBE_PAGE_CELLS * sizeof(struct probe_cell);
}

static int open_page(struct lana_stack *stack, __u32 idp, struct page **page)
{
	char pin[32];
	int err = 0;

	*page = &stack->measured[idp / PROBE_PAGE_CELLS];
	snprintf(pin, sizeof(pin), "probes/cells@%u", idp / PROBE_PAGE_CELLS);
	if (!(*page)->cells)
		err = stack_map_page(stack, "lana_measured", pin, page_size(stack), *page);
	return err;
}

static void remove_pages(const struct lana_stack *stack)
{
	char path[320];

	for (__u32 number = 0; number < PROBE_PAGES_MAX; number++)
		unlink(stack_path(stack, path, sizeof(path), "probes/cells@%u", number));
}

void measure_close(struct lana_stack *stack)
{
	for (__u32 i = 0; i < PROBE_PAGES_MAX; i++)
		stack_unmap_page(&stack->measured[i], page_size(stack));
	stack->measurings = stack->registry ? stack->registry->measured : 0;
}

int probes_recover(struct lana_stack *stack, struct lana_error *error)
{
	int err;

	session_forget(stack);
	err = probes_agree(stack, error);
	if (err &&
	    commit_verdict(
		    err)) { /* of what a killed process had asked for, and it was not to be */
		stack->registry->measured = 0;
		err = probes_agree(stack, error);
	}
	if (err)
		return err;
	session_tidy(stack);
	commit_disable_xdp(stack);
	if (!stack->registry->measured) {
		measure_close(stack);
		remove_pages(stack);
	}
	return 0;
}

int measure_find(struct lana_stack *stack, __u32 idp, struct weave_probes *probes,
		 struct lana_error *error)
{
	struct page *page;
	int err = open_page(stack, idp, &page);

	if (err)
		return refuse(error, err, "no memory for what is measured: %s", strerror(-err));
	probes->measured = true;
	probes->page = page->fd;
	probes->cell = idp % PROBE_PAGE_CELLS * sizeof(struct probe_cell);
	return 0;
}

void measure_clear(struct lana_stack *stack, __u32 idp)
{
	struct page *page;

	if (!stack->registry->measured || open_page(stack, idp, &page))
		return;
	for (__u32 cpu = 0; cpu < stack->cpus; cpu++)
		memset(cell_of(page, idp, cpu), 0, sizeof(struct probe_cell));
}

bool measure_read(struct lana_stack *stack, __u32 idp, enum lana_path path, struct probe_path *sum)
{
	struct page *page;

	*sum = (struct probe_path){};
	if (!stack->registry->measured || open_page(stack, idp, &page))
		return false;
	for (__u32 cpu = 0; cpu < stack->cpus; cpu++) {
		const __u64 *from = (void *)&cell_of(page, idp, cpu)->path[path];
		__u64 *to = (void *)sum;

		for (size_t i = 0; i < sizeof(*sum) / sizeof(*to); i++)
			to[i] += from[i];
	}
	return true;
}

int lana_measured(struct lana_stack *stack, bool *on, struct lana_error *error)
{
	int err = stack_lock(stack, error);

	if (err)
		return err;
	LOCKED(stack);

	*on = stack->registry->measured;
	return 0;
}

int lana_measure(struct lana_stack *stack, bool on, struct lana_error *error)
{
	struct registry *registry;
	__u32 before;
	int err = stack_lock(stack, error);

	if (err)
		return err;
	LOCKED(stack);

	registry = stack->registry;
	before = registry->measured;
	if (on == !!before)
		return 0;
	if (on)
		remove_pages(stack); /* of one that was killed */
	registry->measurings += on;
	registry->measured = on ? registry->measurings : 0;
	measure_close(stack);
	err = probes_agree(stack, error);
	if (err && !registry->pending)
		registry->measured = before;
	if (!registry->measured) {
		measure_close(stack);
		remove_pages(stack);
	}
	if (!err)
		log_note(stack, LANA_EVENT_PROBE, "stats %s", on ? "on" : "off");
	return err;
}
