// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "meter.h"

void meter_reset(struct meter *meter, __u64 now)
{
	struct meter_histogram *delay = meter->delay, *error = meter->error;

	memset(delay, 0, sizeof(*delay));
	memset(error, 0, sizeof(*error));
	*meter = (struct meter){ .since = now, .delay = delay, .error = error };
}

void meter_halve(struct meter_histogram *histogram)
{
	for (__u32 cell = 0; cell < METER_CELLS; cell++)
		histogram->cells[cell] /= 2;
}

__u64 meter_quantile(const struct meter_histogram *histogram, __u32 hundredths, __u64 most)
{
	__u64 all = 0, below = 0, wanted, value;
	__u32 cell;

	for (cell = 0; cell < METER_CELLS; cell++)
		all += histogram->cells[cell];
	if (!all)
		return 0;
	wanted = all * hundredths / 100;
	if (wanted == all)
		wanted--;
	for (cell = 0; (below += histogram->cells[cell]) <= wanted; cell++)
		;
	value = loglinear_least(cell) + (1ULL << loglinear_width(cell) >> 1);
	return value < most ? value : most;
}

void meter_tell(const struct meter *meter, struct link_report *report)
{
	report->since = meter->since;
	report->rate_measured = meter->wire * 8;
	if (meter->busy)
		report->rate_achieved =
			(unsigned __int128)meter->wire * 8 * 1000000000 / meter->busy;
	if (report->left)
		report->delay_mean = meter->delay_sum / report->left;
	report->delay_p50 = meter_quantile(meter->delay, 50, meter->delay_most);
	report->delay_p99 = meter_quantile(meter->delay, 99, meter->delay_most);
	report->error_p50 = meter_quantile(meter->error, 50, meter->error_most);
	report->error_p99 = meter_quantile(meter->error, 99, meter->error_most);
	report->error_most = meter->error_most;
	report->late = meter->late;
	report->late_first = meter->late_first;
	report->late_last = meter->late_last;
}
