/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * key - options that are files with a key in them (lana/crypt.h)
 *
 * An option keeps the file's name and a fingerprint, from which the key cannot be had. The key is
 * read twice, for that and to be handed to the kernel, and nothing of it stays in memory: not in
 * records, journals, maps that can be read, nor in what is said of an error. Once the kernel has it
 * the file is not needed for as long as the block has the key.
 */
#ifndef LOADER_KEY_H
#define LOADER_KEY_H

#include <lana/crypt.h>
#include <lana/lana.h>

struct commit;
struct type;

/*
 * Convert the option of that name, a file, into struct lana_key_file at *bytes; an empty name is no
 * key. -EPERM: others may read it; -EINVAL: it is not of LANA_KEY_SIZE bytes; -ENOENT and others
 */
int key_option(const char *name, const char *file, void *bytes, struct lana_error *error);

/*
 * Try what keys are given to the kernel by. -EPERM; -ENOENT: it has no AES for BPF; others: it has
 * no functions for this.
 */
int key_try(void);

/*
 * Give a block the keys that its options name, if it has not got them. Behind whatever chose the
 * record's type, options and cell.
 */
int key_fill(struct commit *commit, __u32 idp, const struct type *type, struct lana_error *error);

#endif
