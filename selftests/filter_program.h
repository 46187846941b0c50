/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * filter_program.h - random programs of the classic machine
 *
 * They hold all instructions and the ancillary loads that the flavour knows, and classic_check()
 * takes them. Most loads are from where packets have bytes. All of it follows from random().
 */
#ifndef FILTER_PROGRAM_H
#define FILTER_PROGRAM_H

#include "loader/classic.h"

void filter_program(struct classic *program, enum lana_flavour flavour);

#endif
