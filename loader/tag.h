/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tag - what a type's source says of its fields beyond their C types: lana/tag.h
 */
#ifndef LOADER_TAG_H
#define LOADER_TAG_H

#include "layout.h"

/* Read what is said of the field at an index of the struct of that BTF id. -EINVAL: nonsense. */
int tag_read(const struct btf *btf, __u32 id, __u32 index, struct field *field);

/* Do options fit each other? -ERANGE */
int tag_check_options(const struct layout *layout, const void *bytes, struct lana_error *error);

/* Are all fields there that belong together? given: a bit a field. text says what is wrong. */
int tag_check_given(const struct layout *layout, __u64 given, char *text, size_t size);

#endif
