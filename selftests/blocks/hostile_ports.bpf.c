// SPDX-License-Identifier: GPL-2.0-only
/*
 * hostile_ports - refused when it is loaded: it has more ports than a block may have
 *
 * in          anything
 * out         a0 to a16: never
 * config      none
 * counters    none
 * state       none
 * see also    objects.sh
 */
#include <lana/block.h>

struct hostile_ports_config {
};

struct hostile_ports_counters {
};

#define PORT(n) HOSTILE_PORTS_A##n

enum hostile_ports_port {
	PORT(0),
	PORT(1),
	PORT(2),
	PORT(3),
	PORT(4),
	PORT(5),
	PORT(6),
	PORT(7),
	PORT(8),
	PORT(9),
	PORT(10),
	PORT(11),
	PORT(12),
	PORT(13),
	PORT(14),
	PORT(15),
	PORT(16)
};

static __always_inline int hostile_ports_process(struct lana_pkt *pkt,
						 const struct hostile_ports_config *config,
						 struct hostile_ports_counters *counters)
{
	return -LANA_DROP_POLICY;
}

LANA_BLOCK(hostile_ports);
