/* SPDX-License-Identifier: GPL-2.0-only */
/* report.h - print how a call goes */
#ifndef CALL_REPORT_H
#define CALL_REPORT_H

#include "call.h"

/* A line, or an object of JSON. -errno: standard output does not take it. */
int report_now(const struct call_stats *stats, bool json);

/* All that is known at the end. */
int report_end(const struct call_stats *stats, bool json);

#endif
