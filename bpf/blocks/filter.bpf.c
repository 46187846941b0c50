// SPDX-License-Identifier: GPL-2.0-only
/*
 * filter - divide packets by an expression, or by a program of the classic BPF machine
 *
 * in          anything
 * out match   the filter takes the packet
 * out other   it does not; or the packet ends before what it reads
 * config      one of expr="tcp port 80 and host 10.0.0.1": in the words of pcap-filter(7);
 *             asm=FILE: in BPF assembler, or the text itself: that has a newline in it;
 *             code="4,40 0 0 12,...": the numbers of `tcpdump -ddd`.
 *             (none: every packet matches; the one set last counts)
 * counters    none
 * state       none
 * see also    ethertype; docs/filter.md; lanactl filter
 */
#include <lana/block.h>

struct filter_config {
	struct lana_filter filter;
};

struct filter_counters {
};

enum filter_port { FILTER_MATCH, FILTER_OTHER };

static __always_inline int filter_process(struct lana_pkt *pkt, const struct filter_config *config,
					  struct filter_counters *counters)
{
	return lana_match(pkt) ? FILTER_MATCH : FILTER_OTHER;
}

LANA_BLOCK(filter);
