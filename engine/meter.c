// SPDX-License-Identifier: GPL-2.0-only
#include "meter.h"

void meter_reset(struct meter *meter, __u64 now)
{
	*meter = (struct meter){ .since = now };
}

__u64 meter_quantile(const struct meter_histogram *histogram, __u32 hundredths)
{
	__u64 wanted = histogram->count * hundredths / 100, seen = 0, value;
	__u32 cell = 0;

	if (!histogram->count)
		return 0;
	if (wanted == histogram->count)
		wanted--;
	while ((seen += histogram->cells[cell]) <= wanted)
		cell++;
	value = loglinear_least(cell) + (1ULL << loglinear_width(cell) >> 1);
	return value < histogram->most ? value : histogram->most;
}

void meter_tell(const struct meter *meter, struct meter_report *report)
{
	const struct meter_histogram *delay = &meter->delay, *error = &meter->error;

	report->since = meter->since;
	report->rate_measured = meter->wire * 8;
	if (meter->busy)
		report->rate_achieved =
			(unsigned __int128)meter->wire * 8 * 1000000000 / meter->busy;
	report->left = delay->count;
	if (delay->count)
		report->delay_mean = delay->sum / delay->count;
	report->delay_p50 = meter_quantile(delay, 50);
	report->delay_p99 = meter_quantile(delay, 99);
	report->error_p50 = meter_quantile(error, 50);
	report->error_p99 = meter_quantile(error, 99);
	report->error_most = error->most;
	report->late = meter->late;
	report->late_first = meter->late_first;
	report->late_last = meter->late_last;
}
