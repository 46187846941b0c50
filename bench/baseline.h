/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * baseline.h - the slots of a hand-written chain
 */
#ifndef BASELINE_H
#define BASELINE_H

#define BASELINE_LAST  31 /* behind so many links: drops */
#define BASELINE_FIRST 32 /* where the root jumps to */
#define BASELINE_SLOTS 33

#endif
