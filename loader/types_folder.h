/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * types_folder - the object files of types, each pinned in the stack's folder as a map of one value
 */
#ifndef LOADER_TYPES_FOLDER_H
#define LOADER_TYPES_FOLDER_H

#include "stack.h"

struct type_pin {
	char name[LANA_NAME_MAX];
	__u32 version;
};

struct type_pins {
	struct type_pin *list; /* by name, and the newest version last */
	size_t count;
};

/* All that are there of that name, or (name NULL) of all. */
int type_pins_read(const struct lana_stack *stack, const char *name, struct type_pins *pins);
void type_pins_free(struct type_pins *pins);

/* *image is the caller's to free. */
int type_image_read(const struct lana_stack *stack, const char *name, __u32 version, void **image,
		    size_t *size);
int type_image_write(const struct lana_stack *stack, const struct type *type);

/* Not being there is no error. */
int type_image_remove(const struct lana_stack *stack, const char *name, __u32 version);

#endif
