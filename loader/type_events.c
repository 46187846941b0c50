// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>

#include "error.h"
#include "template.h"
#include "type_events.h"

static bool calls_publish(const struct bpf_program *program)
{
	const struct weave_block block = { .insns = bpf_program__insns(program),
					   .count = bpf_program__insn_cnt(program) };

	for (size_t i = 0; i < block.count; i++)
		if (template_publishes(&block, i))
			return true;
	return false;
}

int type_check_publishing(const struct type *type, struct lana_error *error)
{
	for (int flavour = 0; flavour < LANA_FLAVOURS; flavour++)
		if (!type->events_count && calls_publish(type->programs[flavour]))
			return refuse(error, -EINVAL,
				      "type '%s' publishes and declares no events (LANA_PUBLISHES "
				      "is missing)",
				      type->name);
	if (type->event && calls_publish(type->event))
		return refuse(error, -EINVAL, "the event function of type '%s' publishes",
			      type->name);
	return 0;
}
