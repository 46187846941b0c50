// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "loader/error.h"
#include "loader/units.h"
#include "ramp.h"

/* By the words alone: the block's own type says later whether they are right for the key. */
static enum units_kind kind_of(const char *key, const char *from, const char *to)
{
	enum units_kind kind = 0;
	__u64 value;

	if (!strcmp(key, "limit") || !strcmp(key, "red_min") || !strcmp(key, "red_max"))
		return UNITS_LIMIT;
	while (kind < UNITS_KINDS &&
	       (units_parse(kind, from, &value, NULL) || units_parse(kind, to, &value, NULL)))
		kind++;
	return kind;
}

int ramp_value(const char *key, const char *from, const char *to, __u64 step, __u64 steps,
	       char *text, size_t size, struct lana_error *error)
{
	enum units_kind kind = kind_of(key, from, to);
	__u64 first, last, value;
	char between[UNITS_TEXT_MAX];

	if (kind == UNITS_KINDS || units_parse(kind, from, &first, NULL) ||
	    units_parse(kind, to, &last, NULL))
		return refuse(error, -EINVAL, "there is no way from %.40s to %.40s", from, to);
	if (kind == UNITS_LIMIT && first && last &&
	    LANA_LIMIT_MEASURE(first) != LANA_LIMIT_MEASURE(last))
		return refuse(error, -EINVAL, "%.40s and %.40s are not of one measure", from, to);
	if (first < last)
		value = first + (unsigned __int128)(last - first) * step / steps;
	else
		value = first - (unsigned __int128)(first - last) * step / steps;
	snprintf(text, size, "%s",
		 step == 0	 ? from
		 : step == steps ? to
				 : units_print(kind, value, between));
	return 0;
}
