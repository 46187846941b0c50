/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lana/fidelity.h - how true emulated links are: what was configured beside what was achieved
 *
 * It is read from memory that the worker shares, whether that lives or not.
 */
#ifndef LANA_FIDELITY_H
#define LANA_FIDELITY_H

#include <lana/link.h>
#include <lana/stack.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A block of type "link", on one path. */
struct lana_link_info {
	char name[LANA_NAME_MAX];
	enum lana_path path;
	char worker[LANA_NAME_MAX]; /* that has it; empty: none has */
	uint32_t silent_ms;	    /* as in struct lana_block_info */
	bool takes_time;	    /* by its settings: a worker has to have it */
	struct link_config config;
	/*
	 * turn & LINK_IN_USER: packets go to the worker; else report has the loss alone. Its
	 * sequence means nothing.
	 */
	struct link_status status;
};

/*
 * The paths of one link, or (name NULL) of all, by IDP, that are bound or that packets came by; the
 * caller frees *links. -ENOENT: no such block; -EINVAL: it is no link.
 */
int lana_link_list(struct lana_stack *stack, const char *name, struct lana_link_info **links,
		   size_t *count, struct lana_error *error);

#define LANA_UNIT_TEXT_MAX 40

/*
 * Write a value of one of the types in lana/units.h, by its name ("lana_rate", as struct lana_field
 * has it), as options are written. Returns text; of another type that is the number.
 */
char *lana_unit_print(const char *type, uint64_t value, char text[LANA_UNIT_TEXT_MAX]);

#ifdef __cplusplus
}
#endif

#endif
