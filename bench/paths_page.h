/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * paths_page.h - what tables and plots of the study share
 */
#ifndef PATHS_PAGE_H
#define PATHS_PAGE_H

#include "paths.h"

#define PAGE_SIZE_OF_WAIT 100

/* Cells of parts, by reno, without a buffer. */
struct paths_cell page_cell(const char *part);
struct paths_cell page_unequal(const char *part, int paths, double cap);
struct paths_cell page_sized(int paths, double cap, int size);

void page_draw(void);

#endif
