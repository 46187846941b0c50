/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lana/apply.h - a stack as text
 *
 * A stack as text, in YAML: hooks, blocks and edges; docs/stack-file.md and the JSON Schema beside
 * it describe the form. What the text does not name is not there.
 */
#ifndef LANA_APPLY_H
#define LANA_APPLY_H

#include <lana/commit.h>

#ifdef __cplusplus
extern "C" {
#endif

enum lana_apply_mode {
	LANA_APPLY,   /* make the stack so, in one commit */
	LANA_DRY_RUN, /* have the kernel verify all of it, and change nothing */
	LANA_DIFF,    /* only say what would be done */
};

struct lana_apply_options {
	enum lana_apply_mode mode;
	const char *name; /* of the file, for messages; NULL: "stack file" */
	bool drop_state;  /* blocks whose type changes begin anew where state cannot be kept */
};

/* A step of the plan. */
struct lana_step {
	char text[256];	       /* in the words of lanactl(8) */
	uint32_t line, column; /* where the file asks for it; 0: by not naming something */
};

struct lana_apply_result {
	struct lana_commit_result commit;
	size_t steps_count;
	struct lana_step *steps; /* the caller frees it; none: the stack is so already */
};

/*
 * Make a stack what a text of size bytes says. Errors begin with the file's name, line and column.
 * result may be NULL; it is left alone on failure.
 */
int lana_apply(struct lana_stack *stack, const char *text, size_t size,
	       const struct lana_apply_options *options, struct lana_apply_result *result,
	       struct lana_error *error);

/* The stack as text that lana_apply() makes the same stack from; the caller frees *text. */
int lana_export(struct lana_stack *stack, char **text, struct lana_error *error);

#ifdef __cplusplus
}
#endif

#endif
