/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kfunc - functions of the kernel's own that a type calls
 *
 * A call names its function by an id in the kernel's BTF. If the function is in a module, the call
 * also holds an index into an array of BTF descriptors that is given with the program; libbpf
 * makes one for the templates but does not tell it, so it is found again here.
 */
#ifndef LOADER_KFUNC_H
#define LOADER_KFUNC_H

#include "type.h"

/*
 * Find the modules whose functions the templates of a verified type call: type->modules.
 * -ENOENT: such a module has gone meanwhile.
 */
int kfunc_find_modules(struct type *type, struct lana_error *error);

/* Close them. */
void kfunc_close_modules(struct type *type);

/* Refuse a type for what libbpf complains of; false: not of a function of the kernel. */
bool kfunc_refuse(const char *type, const char *complaint, struct lana_error *error);

#endif
