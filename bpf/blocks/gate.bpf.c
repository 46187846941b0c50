// SPDX-License-Identifier: GPL-2.0-only
/*
 * gate - let packets pass until an event closes it
 *
 * in          anything
 * out open    the packet, unchanged
 * out closed  the same while the gate is closed; unbound, that drops and counts it
 * config      closed=on|off: on closes it. If off it is closed by the first event that a block
 *             publishes to which it is subscribed ("lanactl subscribe"), and opened again by "set",
 *             whatever is set
 * counters    refused: packets that came while it was closed
 *             closings: by events, of an open gate
 *             openings: by "set", of a gate that an event had closed
 * state       closed by an event or not. A gate that is replaced keeps it
 * see also    threshold, lanactl(8)
 */
#include <lana/block.h>

struct gate_config {
	_Bool closed;
};

struct gate_counters {
	__u64 refused;
	__u64 closings;
	__u64 openings;
};

enum gate_port { GATE_OPEN, GATE_CLOSED };

struct gate_state {
	__u32 closed;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct gate_state);
} gate_states SEC(".maps");

static __always_inline struct gate_state *find_state(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&gate_states, &zero);
}

static __always_inline int gate_process(struct lana_pkt *pkt, const struct gate_config *config,
					struct gate_counters *counters)
{
	struct gate_state *state = find_state();

	if (!config->closed && state && !state->closed)
		return GATE_OPEN;
	counters->refused++;
	return GATE_CLOSED;
}

static __always_inline void gate_on_event(const struct lana_event_data *event,
					  const struct gate_config *config,
					  struct gate_counters *counters)
{
	struct gate_state *state = find_state();

	if (!state)
		return;
	if (event->occasion == LANA_ON_PUBLISH)
		counters->closings += !__sync_lock_test_and_set(&state->closed, 1);
	else if (event->occasion == LANA_ON_SET && event->own)
		counters->openings += __sync_lock_test_and_set(&state->closed, 0);
}

LANA_BLOCK(gate);
LANA_ON_EVENT(gate);
