/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lana/table.h - tables of a block that users write as a file
 *
 * A type whose config struct has a field "struct lana_table_file NAME;" has the option NAME=FILE,
 * and maps that end in LANA_TABLE or LANA_TABLE4 instead of SEC(".maps") get their entries from
 * that file. Each line is an entry: the name of the map, the key, and FIELD=VALUE for fields of the
 * value, as BTF names them; those left out are 0
 * (lana/tag.h tells how a type says what has to be given).
 *
 *	# to the east
 *	hop 1 dev=east mac=02:00:00:00:00:01
 *	ipv4 10.0.0.0/8 hop=1
 *
 * A key is a number, or (struct lana_prefix4, struct lana_prefix6) a prefix. An option that is set
 * replaces all entries of all tables at one instant, together with the other options of the same
 * command.
 */
#ifndef LANA_TABLE_H
#define LANA_TABLE_H

#include <linux/types.h>

#include <lana/address.h>

#define LANA_TABLE_NAME_MAX 88 /* bytes of the file's name, the final 0 included */

struct lana_table_file {
	char name[LANA_TABLE_NAME_MAX]; /* as it was given; empty: the tables are */
	__u64 sum; /* of what it held, so that a change of the file is one of the option */
};

#define LANA_TABLE SEC(".maps") __attribute__((btf_decl_tag("lana:table")))

/*
 * A table of IPv4 prefixes that is an array, of LANA_TRIE_FIRST entries and BPF_F_MMAPABLE; its
 * value is a struct that holds nothing but LANA_TRIE_STEP structs, each of them one __u32, less
 * than LANA_TRIE_DEEPER. The loader makes it as large as the prefixes need, and lana_find_prefix4()
 * looks into it: three loads at most, however many prefixes there are. Each 1/65536 of all
 * addresses for which there are prefixes longer than 16 bits takes 1 KiB.
 */
#define LANA_TABLE4 SEC(".maps") __attribute__((btf_decl_tag("lana:table4")))

/* Keys of tables of type BPF_MAP_TYPE_LPM_TRIE. */
struct lana_prefix4 {
	__u32 length; /* bits */
	struct lana_ip4 address;
};

struct lana_prefix6 {
	__u32 length;
	struct lana_ip6 address;
};

#define LANA_TRIE_STEP	 256	     /* words, by 8 bits of an address */
#define LANA_TRIE_FIRST	 256	     /* entries for the first 16 bits */
#define LANA_TRIE_DEEPER 0x80000000U /* the rest is the entry for the next 8 bits */

/* A hooked device: users name its block. All 0: none. */
struct lana_device_ref {
	__u32 slot; /* IDP of the block */
	__u32 name; /* as in struct lana_device_facts */
};

#endif
