// SPDX-License-Identifier: GPL-2.0-only
/*
 * meter - measure traffic: how much, of which sizes, and the most that came in an interval
 *
 * Intervals follow one another without gaps, on all CPUs and for each path. What is told of them is
 * exact: peak is the most of any one, the current one included; last is the latest one that is
 * over, as of the last packet.
 *
 * in          anything
 * out next    the packet, unchanged
 * config      interval=0..4294967295: ms (0: 1000)
 * counters    packets; bytes, from the Ethernet header to the end of the packet; to_64 … to_1518,
 *             more: packets by size, up to so many bytes; peak_packets, peak_bytes, last_packets,
 *             last_bytes: in an interval
 * state       meter_intervals: the current one of each path
 * see also    counter, limit
 */
#include <lana/block.h>

struct meter_config {
	__u32 interval;
};

struct meter_counters {
	__u64 packets;
	__u64 bytes;
	__u64 to_64;
	__u64 to_128;
	__u64 to_256;
	__u64 to_512;
	__u64 to_1024;
	__u64 to_1518;
	__u64 more;
	__u64 peak_packets;
	__u64 peak_bytes;
	__u64 last_packets;
	__u64 last_bytes;
};

enum meter_port { METER_NEXT };

struct amounts {
	__u64 packets;
	__u64 bytes;
};

struct meter_interval {
	struct bpf_spin_lock lock;
	__u64 length; /* of intervals, ns */
	__u64 number; /* of this one, since the machine was started */
	struct amounts now, peak, last;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, LANA_PATHS);
	__type(key, __u32);
	__type(value, struct meter_interval);
} meter_intervals SEC(".maps");

static __always_inline void count_size(struct meter_counters *counters, __u32 length)
{
	if (length <= 64)
		counters->to_64++;
	else if (length <= 128)
		counters->to_128++;
	else if (length <= 256)
		counters->to_256++;
	else if (length <= 512)
		counters->to_512++;
	else if (length <= 1024)
		counters->to_1024++;
	else if (length <= 1518)
		counters->to_1518++;
	else
		counters->more++;
}

/* By how much a value grows that becomes another one, and never shrinks. */
static __always_inline __u64 raise(__u64 *value, __u64 to)
{
	__u64 from = *value;

	if (to <= from)
		return 0;
	*value = to;
	return to - from;
}

/*
 * What is shown is the sum of the CPUs' counters. Of what is no sum, each CPU counts by how much it
 * has changed it, less being more than 2^63.
 */
static __always_inline void count_interval(struct meter_interval *interval, __u64 ns, __u64 number,
					   __u32 length, struct amounts *peak, struct amounts *last)
{
	bpf_spin_lock(&interval->lock);
	/* An earlier one is another CPU's, which read the clock and came late. */
	if (number > interval->number || ns != interval->length) {
		struct amounts over = {};

		if (number == interval->number + 1 && ns == interval->length)
			over = interval->now;
		last->packets = over.packets - interval->last.packets;
		last->bytes = over.bytes - interval->last.bytes;
		interval->last = over;
		interval->now = (struct amounts){};
		interval->number = number;
		interval->length = ns;
	}
	interval->now.packets++;
	interval->now.bytes += length;
	peak->packets = raise(&interval->peak.packets, interval->now.packets);
	peak->bytes = raise(&interval->peak.bytes, interval->now.bytes);
	bpf_spin_unlock(&interval->lock);
}

static __always_inline int meter_process(struct lana_pkt *pkt, const struct meter_config *config,
					 struct meter_counters *counters)
{
	__u64 ns = (config->interval ?: 1000) * 1000000ULL, number = bpf_ktime_get_ns() / ns;
	__u32 length = lana_len(pkt), path = lana_path(pkt);
	struct amounts peak = {}, last = {};
	struct meter_interval *interval;

	counters->packets++;
	counters->bytes += length;
	count_size(counters, length);
	interval = bpf_map_lookup_elem(&meter_intervals, &path);
	if (!interval)
		return METER_NEXT; /* cannot be */
	count_interval(interval, ns, number, length, &peak, &last);
	counters->peak_packets += peak.packets;
	counters->peak_bytes += peak.bytes;
	counters->last_packets += last.packets;
	counters->last_bytes += last.bytes;
	return METER_NEXT;
}

LANA_BLOCK(meter);
