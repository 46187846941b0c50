// SPDX-License-Identifier: GPL-2.0-only
/*
 * convert_new - types that test_convert converts to, from those of the same name in convert_old;
 * nothing of this is ever loaded
 */
#include <stdbool.h>

#include <lana/block.h>

enum level { EMPTY, FULL, LOW };

struct inner {
	__u32 b;
	__u8 a;
	__u8 c;
};

struct inner_same {
	__u8 a;
	__u16 b;
};

union both {
	__u32 x;
	__u8 y;
};

union either {
	__u32 x;
	__u16 y;
};

struct same {
	__u32 a;
	char text[4];
	struct inner_same i;
};

struct renamed {
	__u32 b;
};

struct moved {
	__u8 b;
	__u32 a;
};

struct widened {
	__u64 a;
	__s64 b;
	__s64 c;
};

struct narrowed {
	__u8 a;
	__s16 b;
	__s16 c;
};

struct unsign {
	__u32 a;
};

struct sign {
	__s64 a;
};

struct flag {
	bool a;
	__u16 b;
};

struct wire {
	__u32 a;
	__be16 b;
	__be64 c;
};

struct added {
	__u8 a;
	__u32 b;
};

struct gone {
	__u8 a;
};

struct nested {
	__u16 z;
	struct inner i;
};

struct longer {
	__u16 a[4];
};

struct shorter {
	__u16 a[2];
};

struct elements {
	__u16 a[2];
};

struct structs {
	struct inner i[2];
};

struct matrix {
	__u16 a[2][3];
};

struct text {
	char a[8];
};

struct cut_text {
	char a[4];
};

struct bytes {
	__u8 a[4];
};

struct bits {
	__u32 b : 12;
	__u32 a : 4;
	__s64 c;
};

struct by_name {
	enum level a;
};

struct number {
	__u8 a;
	enum level b;
};

struct kind {
	struct inner a;
};

struct list {
	__u32 a[1];
};

struct choice {
	union both a;
	__u16 z;
};

struct other_choice {
	union either a;
};

struct pointer {
	void *a;
	__u16 b;
};

struct timer {
	struct bpf_timer a;
	__u16 b;
};

struct unnamed {
	struct {
		__u8 x;
	};
	__u16 b;
};

struct sums {
	__u64 m[2] LANA_SUM;
	__u64 n LANA_SUM;
	__u32 k LANA_SUM;
};

struct short_sum {
	__u16 n LANA_SUM;
};

struct odd_sum {
	__u8 a;
	__be32 n LANA_SUM;
};

struct many_sums {
	__u64 n[65] LANA_SUM;
};

/* Brings them into the BTF. */
struct {
	struct same same;
	struct renamed renamed;
	struct moved moved;
	struct widened widened;
	struct narrowed narrowed;
	struct unsign unsign;
	struct sign sign;
	struct flag flag;
	struct wire wire;
	struct added added;
	struct gone gone;
	struct nested nested;
	struct longer longer;
	struct shorter shorter;
	struct elements elements;
	struct structs structs;
	struct matrix matrix;
	struct text text;
	struct cut_text cut_text;
	struct bytes bytes;
	struct bits bits;
	struct by_name by_name;
	struct number number;
	struct kind kind;
	struct list list;
	struct choice choice;
	struct other_choice other_choice;
	struct pointer pointer;
	struct timer timer;
	struct unnamed unnamed;
	struct sums sums;
	struct short_sum short_sum;
	struct odd_sum odd_sum;
	struct many_sums many_sums;
} all SEC(".data.types");
