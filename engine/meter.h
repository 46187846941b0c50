/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * meter - how true a link was: what it did beside what it was told to
 *
 * For each packet that leaves, the path costs a few additions: no division, no floating point.
 *
 * The rate is measured over stretches in which the transmitter had no pause: from the moment that a
 * packet left to the moment that the next one did, by the host's clock, and by what that one (and
 * those lost in between) took of the rate. Packets that pass others (overtake, reorder) do not
 * count there. The delay is that from a packet's last bit on the wire to the moment when it left;
 * the error is how much later that was than computed.
 */
#ifndef ENGINE_METER_H
#define ENGINE_METER_H

#include <stdbool.h>

#include <lana/link.h>

#include "loglinear.h"

#define METER_BITS  37 /* longest time told apart: 137 s */
#define METER_CELLS LOGLINEAR_CELLS(METER_BITS)

/*
 * How many times were about so long. Should one cell overflow, all are halved: old packets count
 * for less then, and proportions stay.
 */
struct meter_histogram {
	__u32 cells[METER_CELLS];
};

/* What all packets touch is apart from the cells, of which they touch two. */
struct meter {
	__u64 last;	  /* a packet left */
	__u64 wire, busy; /* bytes and ns, over stretches without a pause */
	__u64 delay_sum, delay_most, error_most;
	struct meter_histogram *delay, *error;
	__u64 since; /* it was reset */
	__u64 late, late_first, late_last;
};

void meter_halve(struct meter_histogram *histogram);

static inline void meter_histogram_add(struct meter_histogram *histogram, __u64 value)
{
	__u32 cell = loglinear_cell(value);

	if (cell >= METER_CELLS)
		cell = METER_CELLS - 1;
	if (__builtin_expect(++histogram->cells[cell] == ~0U, 0))
		meter_halve(histogram);
}

/*
 * The value that so many hundredths of all are below of: the middle of its cell, which is right to
 * 0.8 %, and no more than most, the largest value there was. 0: there is none.
 */
__u64 meter_quantile(const struct meter_histogram *histogram, __u32 hundredths, __u64 most);

#define METER_ALONE (~0U)

/*
 * A packet left at now that should have at when, after its last bit was on the wire at wired. span:
 * what it took of the rate since the packet before it left, in bytes, if the transmitter had no
 * pause in between; else 0; METER_ALONE: it passes others. Was it late?
 */
static inline bool meter_leave(struct meter *meter, __u64 now, __u64 when, __u64 wired, __u32 span,
			       __u64 late)
{
	__u64 error = now - when, delay = now - wired;

	meter_histogram_add(meter->delay, delay);
	meter_histogram_add(meter->error, error);
	meter->delay_sum += delay;
	if (delay > meter->delay_most)
		meter->delay_most = delay;
	if (error > meter->error_most)
		meter->error_most = error;
	if (span != METER_ALONE) {
		if (span && meter->last) {
			meter->wire += span;
			meter->busy += now - meter->last;
		}
		meter->last = now;
	}
	if (error <= late)
		return false;
	if (!meter->late++)
		meter->late_first = now;
	meter->late_last = now;
	return true;
}

/* Begin, or begin again; the meter has two histograms already. */
void meter_reset(struct meter *meter, __u64 now);

/* Fill in what was achieved, but for the loss; left is there already. */
void meter_tell(const struct meter *meter, struct link_report *report);

#endif
