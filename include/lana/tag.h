/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lana/tag.h - what the source of a block says of options and of fields of tables beyond C types
 *
 * The loader refuses what does not fit, wherever it comes from: "__u8 pcp LANA_RANGE(0, 7);". What
 * is 0 because it was not given always fits. Blocks have to stand any value all the same: options
 * that a block had before its type was replaced are not looked at again.
 */
#ifndef LANA_TAG_H
#define LANA_TAG_H

/* BPF's BTF carries it; user space, which may include the same header, need not know it. */
#ifdef __bpf__
#define LANA_TAG(text) __attribute__((btf_decl_tag("lana:" text)))
#else
#define LANA_TAG(text)
#endif

/*
 * Of an unsigned number, or each of a list: the least and the greatest, in digits. Of one with a
 * unit (lana/units.h) in what it is kept in; 0 always fits.
 */
#define LANA_RANGE(least, most) LANA_TAG("range=" #least ".." #most)

/* It is not more than the other option is, unless that is 0. Of limits: and of the same measure. */
#define LANA_UP_TO(option) LANA_TAG("up_to=" #option)

/* Of the value in a table's entry: it has to be given; it, or the other field, and not both; the
 * other one, too. Of an option, LANA_WITH: unless it is 0, the other one is not, either. */
#define LANA_REQUIRED	   LANA_TAG("required")
#define LANA_UNLESS(field) LANA_TAG("unless=" #field)
#define LANA_WITH(field)   LANA_TAG("with=" #field)

/* Behind LANA_TABLE: keys, which are numbers, are not 0. */
#define LANA_FROM_1 LANA_TAG("from_1")

/* It is the key, a number, of an entry of that table. */
#define LANA_ENTRY_OF(table) LANA_TAG("entry=" #table)

#endif
