// SPDX-License-Identifier: GPL-2.0-only
/*
 * maze - code of every shape that the weaver must keep whole
 *
 * A subprogram, a loop, jumps forward and back, several ways out, every kind of option and
 * counters on both sides of a call. What it returns is told by the byte after the Ethernet
 * header.
 *
 * in          Ethernet
 * out zero    the byte, folded, is 0
 * out one     1
 * out two     2
 * config      one of each kind; bias is added to the byte
 * counters    before: packets that came in; after: those that got through; sum: of the bytes
 * state       none
 * see also    test_blocks
 */
#include <lana/address.h>
#include <lana/block.h>

enum maze_mode { plain, twice };

enum maze_kind { MAZE_KIND_ODD, MAZE_KIND_NOT_SO_ODD };

struct maze_config {
	__u8 bias;
	__s16 offset;
	__be16 wire;
	_Bool lose;
	enum maze_mode mode;
	char name[8];
	__u8 mac[6];
	enum maze_kind kind;
	__u16 list[4];
	__s8 signs[3];
	struct lana_mac other_mac;
	struct lana_ip4 ip4;
	struct lana_ip6 ip6;
	__u16 near LANA_RANGE(3, 9);
	__u16 low LANA_UP_TO(near);
};

struct maze_counters {
	__u64 before;
	__u64 after;
	__u64 sum;
};

enum maze_port { MAZE_ZERO, MAZE_ONE, MAZE_TWO };

/* Not inlined: stays a BPF function of its own. */
static __noinline __u32 fold(__u32 value)
{
	for (int i = 0; i < 8 && value > 5; i++)
		value = (value & 7) + (value >> 3);
	return value;
}

static __always_inline int maze_process(struct lana_pkt *pkt, const struct maze_config *config,
					struct maze_counters *counters)
{
	__u8 *byte = lana_header(pkt, sizeof(struct ethhdr), 1);
	__u32 folded;

	counters->before++;
	if (!byte)
		return -LANA_DROP_SHORT;
	if (config->lose)
		return -LANA_DROP_POLICY;

	folded = fold((__u8)(*byte + config->bias));
	if (config->mode == twice)
		folded *= 2;
	counters->sum += *byte;
	switch (folded) {
	case 0:
		break;
	case 1:
		counters->after++;
		return MAZE_ONE;
	case 2:
		counters->after++;
		return MAZE_TWO;
	case 3:
		return LANA_TURN + MAZE_ONE;
	case 4:
		return 77; /* neither a port nor a reason */
	case 5:
		return LANA_PASS;
	default:
		return -LANA_DROP_MALFORMED;
	}
	counters->after++;
	return MAZE_ZERO;
}

LANA_TURNING_BLOCK(maze);
