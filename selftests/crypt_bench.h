/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * crypt_bench.h - a block crypt on the bench, its keys, and packets for it
 */
#ifndef CRYPT_BENCH_H
#define CRYPT_BENCH_H

#include <sys/types.h>

#include "crypt_reference.h"
#include "workbench.h"

/* What is in the files "one" and "two", and what each side sends by. */
extern unsigned char file_one[32], file_two[32];
extern struct reference_keys one_a, one_b, two_a, two_b;

/* Set the bench and the key files up; the test is skipped if the kernel cannot encrypt. */
void crypt_open(struct workbench *bench);

/* The path of a file of the test's. Four may be in use at a time. */
const char *crypt_path(const char *name);
void crypt_write_file(const char *name, const void *bytes, size_t size, mode_t mode);

/* Put a block on the bench. options: "mode=decrypt"; keys by their files; also: may be NULL. */
void crypt_put(struct workbench *bench, const char *options, const char *key, const char *also);

/* A frame of that many bytes; and the header that it gets from a sender who does all right. */
void crypt_make_plain(struct packet *packet, unsigned int size);
struct reference_header crypt_header(const struct reference_keys *keys, unsigned int side,
				     const struct packet *packet, unsigned long long number);

/* Where the packet goes; "changed": not by next, and yet it is not as it was. */
const char *crypt_run(struct workbench *bench, int flavour, const struct packet *packet);

#endif
