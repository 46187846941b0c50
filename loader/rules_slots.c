// SPDX-License-Identifier: GPL-2.0-only
/*
 * rules_slots - where rules count
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "cleanup.h"
#include "rules.h"

/* What makes a rule the same as another one, wherever it stands. */
static int compare_rules(const void *a, const void *b)
{
	const struct lana_rule *const *p = a, *const *q = b;
	int order = memcmp(*p, *q, offsetof(struct lana_rule, slot));

	return order ?: (*p > *q) - (*p < *q);
}

static const struct lana_rule **sorted(const struct rules *rules)
{
	const struct lana_rule **order = calloc(rules->count + 1, sizeof(*order));

	for (__u32 i = 0; order && i < rules->count; i++)
		order[i] = &rules->all[i];
	if (order && rules->count)
		qsort(order, rules->count, sizeof(*order), compare_rules);
	return order;
}

/* Of equal ones the first goes on as the first, and so on. */
static int keep(const struct rules *old, struct rules *rules)
{
	_cleanup_free_ const struct lana_rule **was = sorted(old), **is = sorted(rules);
	__u32 i = 0;

	if (!was || !is)
		return -ENOMEM;
	for (__u32 n = 0; n < rules->count; n++)
		rules->all[n].slot = LANA_RULES_SLOTS;
	for (__u32 n = 0; n < rules->count; n++) {
		int order = -1;

		while (i < old->count &&
		       (order = memcmp(was[i], is[n], offsetof(struct lana_rule, slot))) < 0)
			i++;
		if (i < old->count && !order)
			((struct lana_rule *)is[n])->slot = was[i++]->slot;
	}
	return 0;
}

/* In slots that code which is still running does not count in. */
static int give(int hits, const struct rules *old, struct rules *rules)
{
	_cleanup_free_ bool *used = calloc(LANA_RULES_SLOTS, sizeof(*used));
	_cleanup_free_ __u64 *zeros = calloc(libbpf_num_possible_cpus(), sizeof(*zeros));
	__u32 slot = 0;

	if (!used || !zeros)
		return -ENOMEM;
	for (__u32 i = 0; i < old->count; i++)
		if (old->all[i].slot < LANA_RULES_SLOTS)
			used[old->all[i].slot] = true;
	for (__u32 i = 0; i < rules->count; i++) {
		if (rules->all[i].slot < LANA_RULES_SLOTS)
			continue;
		while (used[slot])
			slot++;
		rules->all[i].slot = slot;
		if (bpf_map_update_elem(hits, &slot, zeros, BPF_ANY))
			return -errno;
		slot++;
	}
	return 0;
}

int rules_give_slots(int hits, const struct rules *old, struct rules *rules)
{
	int err = keep(old, rules);

	return err ?: give(hits, old, rules);
}
