// SPDX-License-Identifier: GPL-2.0-only
/*
 * gen_render - frame n of a template, made in user space
 *
 * gen_code.c has a program do the same.
 */
#include <string.h>

#include <lana/stamp.h>

#include "gen_template.h"

static __u64 within(__u64 from, __u64 to, __u64 random)
{
	__u64 range = to - from + 1;

	if (!range)
		return random;
	if (range <= 1ULL << 32)
		return from + ((random >> 32) * range >> 32);
	return from + random % range;
}

__u64 gen_value(const struct gen_vary *vary, __u64 n, __u64 seed, __u32 cpu)
{
	__u64 count;

	switch ((enum gen_form)vary->form) {
	case GEN_COUNTER:
		count = (vary->to - vary->from) / vary->step + 1;
		return vary->from + (count ? n % count : n) * vary->step;
	case GEN_RANDOM:
		return within(vary->from, vary->to,
			      gen_mix(gen_seed(seed, vary->seed, cpu) + n * GEN_GOLDEN));
	case GEN_LIST:
		return vary->list[n % vary->count];
	}
	return 0;
}

/* Over what is between from and end, less what is between but not in the frame's own sum. */
static __u64 sum_range(const __u8 *frame, __u32 from, __u32 end)
{
	__u64 sum = 0;

	for (__u32 i = from; i < end; i++)
		sum += (__u64)frame[i] << ((i - from) % 2 ? 8 : 0);
	return sum;
}

static __u16 finish(const struct gen_sum *sum, const struct gen_template *template,
		    const __u8 *frame)
{
	/* Lengths and protocol of the pseudo header are what base has beside the template. */
	__u64 total = sum->base;

	total += sum_range(frame, sum->from, sum->end) -
		 sum_range(template->bytes, sum->from, sum->end);
	if (sum->addresses_size)
		total += sum_range(frame, sum->addresses, sum->addresses + sum->addresses_size) -
			 sum_range(template->bytes, sum->addresses,
				   sum->addresses + sum->addresses_size);
	while (total >> 16)
		total = (total & 0xffff) + (total >> 16);
	total = ~total & 0xffff;
	return total || !sum->never_zero ? total : 0xffff;
}

void gen_render(const struct gen_template *template, __u64 n, __u64 seed, __u32 cpu,
		const struct gen_moment *moment, __u8 *frame)
{
	memcpy(frame, template->bytes, template->size);
	for (__u32 v = 0; v < template->varies_count; v++) {
		const struct gen_vary *vary = &template->varies[v];
		__u64 value = gen_value(vary, n, seed, cpu) << vary->shift;

		for (__u8 i = vary->size; i--; value >>= 8) {
			if (vary->shared)
				frame[vary->at + i] |= value;
			else
				frame[vary->at + i] = value;
		}
	}
	if (template->stamp_at && moment) {
		gen_put(frame + template->stamp_at + 4, 4, 0, 32, moment->key);
		lana_stamp_write(frame + template->stamp_at, moment->sequence, moment->time);
	}
	for (__u32 s = 0; s < template->sums_count; s++) {
		__u16 check = finish(&template->sums[s], template, frame);

		memcpy(frame + template->sums[s].at, &check, sizeof(check));
	}
}
