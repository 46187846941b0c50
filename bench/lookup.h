/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lookup.h - what lookup.bpf.c and the benchmark agree on
 */
#ifndef LOOKUP_H
#define LOOKUP_H

#define LOOKUPS (1 << 16) /* a run */

#endif
