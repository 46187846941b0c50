// SPDX-License-Identifier: GPL-2.0-only
/*
 * convert_old - types that test_convert converts from, to those of the same name in convert_new;
 * nothing of this is ever loaded
 */
#include <stdbool.h>

#include <lana/block.h>

enum level { LOW, HIGH, FULL };

struct inner {
	__u8 a;
	__u16 b;
};

union both {
	__u32 x;
	__u8 y;
};

struct same {
	__u32 a;
	char text[4];
	struct inner i;
};

struct renamed {
	__u32 a;
};

struct moved {
	__u32 a;
	__u8 b;
};

struct widened {
	__u8 a;
	__s8 b;
	__u32 c;
};

struct narrowed {
	__u64 a;
	__s32 b;
	__u32 c;
};

struct unsign {
	__s32 a;
};

struct sign {
	__u64 a;
};

struct flag {
	__u8 a;
	bool b;
};

struct wire {
	__be16 a;
	__u32 b;
	__be32 c;
};

struct added {
	__u8 a;
};

struct gone {
	__u8 a;
	__u16 b;
};

struct nested {
	struct inner i;
	__u8 z;
};

struct longer {
	__u16 a[2];
};

struct shorter {
	__u16 a[4];
};

struct elements {
	__u8 a[3];
};

struct structs {
	struct inner i[2];
};

struct matrix {
	__u8 a[2][2];
};

struct text {
	char a[4];
};

struct cut_text {
	char a[8];
};

struct bytes {
	char a[4];
};

struct bits {
	__u32 a : 3;
	__u32 b : 13;
	__s32 c : 5;
};

struct by_name {
	enum level a;
};

struct number {
	enum level a;
	__u8 b;
};

struct kind {
	__u32 a;
};

struct list {
	__u32 a;
};

struct choice {
	union both a;
	__u8 z;
};

struct other_choice {
	union both a;
};

struct pointer {
	void *a;
	__u8 b;
};

struct timer {
	struct bpf_timer a;
	__u8 b;
};

struct unnamed {
	struct {
		__u8 x;
	};
	__u8 b;
};

struct sums {
	__u32 n;
	__u64 m[2];
	__s16 k;
};

struct short_sum {
	__u32 n;
};

struct odd_sum {
	__u8 a;
	__u32 n;
};

struct many_sums {
	__u32 n[65];
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
