/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * elf - refuse object files that contradict themselves
 *
 * libbpf believes much of what an object file says of itself: sizes of programs, indices of
 * symbols, types and names in the BTF. Where it is wrong, libbpf 1.1 reads and writes beyond its
 * buffers, or follows a chain of types for ever. So files are looked through before libbpf sees
 * them.
 */
#ifndef LOADER_ELF_H
#define LOADER_ELF_H

#include <lana/lana.h>

/*
 * Is it an object file for BPF (ELF64, little-endian, relocatable) whose sections, symbols,
 * relocations and BTF stay within it? -EINVAL, with the reason in error, if not. What they mean
 * is left to libbpf.
 */
int elf_check(const void *image, size_t size, struct lana_error *error);

#endif
