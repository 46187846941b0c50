// SPDX-License-Identifier: GPL-2.0-only
/*
 * filter_alone - filters without a stack: compiled, checked and printed
 */
#include <errno.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"
#include "filter.h"

_Static_assert(LANA_FILTER_MAX == CLASSIC_MAX &&
		       sizeof(struct lana_filter_insn) == sizeof(struct sock_filter) &&
		       offsetof(struct lana_filter_insn, k) == offsetof(struct sock_filter, k),
	       "programs are the same");

int lana_filter_compile(enum lana_filter_kind kind, const char *text,
			struct lana_filter_program *result, struct lana_error *error)
{
	_cleanup_(filter_put_p) struct filter *filter = NULL;
	struct lana_filter_program program = {};
	int err = filter_new(kind, text, NULL, &filter);

	if (err)
		return refuse(error, err, "out of memory");
	if (filter->err)
		return refuse(error, filter->err, "%s", filter->why.text);
	if (filter->kind == LANA_FILTER_NONE)
		filter->program = (struct classic){ 1, { BPF_STMT(BPF_RET | BPF_K, CLASSIC_ALL) } };
	program.count = filter->program.count;
	memcpy(program.insns, filter->program.insns, program.count * sizeof(*program.insns));
	for (int flavour = 0; flavour < LANA_FLAVOURS; flavour++) {
		struct lana_error *unknown = &program.unknown[flavour];

		if (!classic_check(&filter->program, flavour, unknown))
			*unknown->text = 0;
	}
	*result = program;
	return 0;
}

int lana_filter_print(const struct lana_filter_program *program, enum lana_filter_form form,
		      char **text, struct lana_error *error)
{
	struct classic filter = { .count = program->count };
	int err;

	if (program->count > CLASSIC_MAX || form > LANA_FILTER_C)
		return refuse(error, -EINVAL, "no such filter, or form");
	memcpy(filter.insns, program->insns, filter.count * sizeof(*filter.insns));
	err = classic_check(&filter, LANA_TC, NULL);
	if (err)
		err = classic_check(&filter, LANA_XDP, error);
	if (err)
		return err;
	err = classic_print(&filter, (enum classic_form)form, text);
	return err ? refuse(error, err, "out of memory") : 0;
}

_Static_assert((int)LANA_FILTER_ASSEMBLER == (int)CLASSIC_ASSEMBLER &&
		       (int)LANA_FILTER_NUMBERS == (int)CLASSIC_NUMBERS &&
		       (int)LANA_FILTER_C == (int)CLASSIC_C,
	       "forms are the same");
