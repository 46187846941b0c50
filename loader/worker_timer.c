// SPDX-License-Identifier: GPL-2.0-only
/*
 * worker_timer - a heap of blocks, the one whose time comes first on top
 */
#include "worker.h"

static void put(struct lana_worker *worker, __u32 place, struct hosted *hosted)
{
	worker->heap[place] = hosted;
	hosted->place = place;
}

static void rise(struct lana_worker *worker, struct hosted *hosted)
{
	__u32 place = hosted->place;

	for (; place > 1 && worker->heap[place / 2]->deadline > hosted->deadline; place /= 2)
		put(worker, place, worker->heap[place / 2]);
	put(worker, place, hosted);
}

static void sink(struct lana_worker *worker, struct hosted *hosted)
{
	__u32 place = hosted->place, count = worker->heap_count, child;

	for (; (child = 2 * place) <= count; place = child) {
		if (child < count &&
		    worker->heap[child + 1]->deadline < worker->heap[child]->deadline)
			child++;
		if (worker->heap[child]->deadline >= hosted->deadline)
			break;
		put(worker, place, worker->heap[child]);
	}
	put(worker, place, hosted);
}

static void take_out(struct lana_worker *worker, struct hosted *hosted)
{
	struct hosted *last = worker->heap[worker->heap_count--];

	if (last != hosted) {
		put(worker, hosted->place, last);
		rise(worker, last);
		sink(worker, last);
	}
	hosted->place = 0;
}

void timer_set(struct hosted *hosted, __u64 when)
{
	struct lana_worker *worker = hosted->worker;
	__u64 before = hosted->deadline;

	if (!when) {
		if (hosted->place)
			take_out(worker, hosted);
		return;
	}
	hosted->deadline = when;
	if (!hosted->place) {
		put(worker, ++worker->heap_count, hosted);
		rise(worker, hosted);
	} else if (when < before) {
		rise(worker, hosted);
	} else {
		sink(worker, hosted);
	}
}

__u64 timers_run(struct lana_worker *worker, __u64 now)
{
	/* Each once: one whose time is always over shall not keep the others waiting. */
	for (__u32 i = worker->heap_count; i && worker->heap_count; i--) {
		struct hosted *first = worker->heap[1];

		if (first->deadline > now)
			break;
		take_out(worker, first);
		first->half->timer(&first->block, now);
	}
	return worker->heap_count ? worker->heap[1]->deadline : 0;
}
