/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lana/block.h - what a block's source needs, and all that it needs
 *
 * A block named NAME declares, in this order,
 *
 *	struct NAME_config   { … };	the options; may be empty; any value is safe, zero sensible
 *	struct NAME_counters { … };	__u64 fields that it counts in, a CPU and path; may be empty
 *	enum NAME_port { NAME_NEXT, … };	its ports; left out if it has none
 *	static __always_inline int NAME_process(struct lana_pkt *pkt,
 *						const struct NAME_config *config,
 *						struct NAME_counters *counters);
 *	LANA_BLOCK(NAME);
 *
 * and returns from NAME_process a port or a negative enum lana_drop. If it ends in
 * LANA_TURNING_BLOCK it may return LANA_TURN + port, too; if it ends in LANA_COPYING_BLOCK,
 * LANA_ALL: then every port that leads somewhere gets the packet, and what one of these ways writes
 * into it the others do not see (LANA_MIRRORING_BLOCK, LANA_DOUBLING_BLOCK and LANA_PARTING_BLOCK
 * mean other things by it, see enum lana_copying). One compilation makes it for XDP and for tc.
 * Options, counters and ports are found by their names in the object's BTF.
 *
 * A block that publishes events declares enum NAME_event { NAME_REACHED, … } too, calls
 * lana_publish() and ends in LANA_PUBLISHES(NAME) behind that. One that can be subscribed to the
 * events of others ends in
 *
 *	static __always_inline void NAME_on_event(const struct lana_event_data *event,
 *						  const struct NAME_config *config,
 *						  struct NAME_counters *counters);
 *	LANA_BLOCK(NAME);
 *	LANA_ON_EVENT(NAME);
 *
 * What follows LANA_BLOCK is a whole BPF program as the kernel's verifier knows it: the verdict is
 * handed on by a tail call through a table. The loader takes that program as a template,
 * and replaces the table, the config and the counters by those of the block's instance and
 * the tail call by direct jumps.
 */
#ifndef LANA_BLOCK_H
#define LANA_BLOCK_H

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include <lana/abi.h>
#include <lana/tag.h>

/* The engine's, and 0: a block that returned its negative would send the packet on by port 0. */
#pragma GCC poison LANA_DROP_INVALID

/*
 * Says of a field of a map's value that code only ever adds to it: "__u64 packets LANA_SUM;". If
 * the block is replaced by a type that has another layout, what old and new code add to an entry
 * meanwhile is added up exactly. The field is of 4 or 8 bytes; what several CPUs may add to is to
 * be added to by __sync_fetch_and_add().
 */
#define LANA_SUM __attribute__((btf_decl_tag("lana:sum")))

/* A packet on its way through a block. Opaque: use the functions below. */
struct lana_pkt {
	void *ctx;		   /* struct xdp_md or struct __sk_buff, by flavour */
	enum lana_flavour flavour; /* known at compile time in every use */
};

static __always_inline struct xdp_md *lana_xdp(const struct lana_pkt *pkt)
{
	return pkt->ctx;
}

static __always_inline struct __sk_buff *lana_skb(const struct lana_pkt *pkt)
{
	return pkt->ctx;
}

/* Length of the packet in bytes, from the Ethernet header to the end. */
static __always_inline __u32 lana_len(const struct lana_pkt *pkt)
{
	if (pkt->flavour == LANA_XDP)
		return bpf_xdp_get_buff_len(lana_xdp(pkt));
	return lana_skb(pkt)->len;
}

/*
 * Load an address from the hook's context. Written out, as the compiler takes these fields for the
 * 32-bit numbers that they are declared as: where a value is one of two loads it makes sure of the
 * upper half, and the verifier does not take what comes out of that for an address.
 */
#define LANA_CONTEXT_ADDRESS(pkt, type, field)                                                   \
	({                                                                                       \
		void *_address;                                                                  \
		asm volatile(                                                                    \
			"%[a] = *(u32 *)(%[c] + %[o])"                                           \
			: [a] "=r"(_address)                                                     \
			: [c] "r"((pkt)->ctx), [o] "i"(__builtin_offsetof(struct type, field))); \
		_address;                                                                        \
	})

static __always_inline void *lana_data(const struct lana_pkt *pkt)
{
	if (pkt->flavour == LANA_XDP)
		return LANA_CONTEXT_ADDRESS(pkt, xdp_md, data);
	return LANA_CONTEXT_ADDRESS(pkt, __sk_buff, data);
}

static __always_inline void *lana_data_end(const struct lana_pkt *pkt)
{
	if (pkt->flavour == LANA_XDP)
		return LANA_CONTEXT_ADDRESS(pkt, xdp_md, data_end);
	return LANA_CONTEXT_ADDRESS(pkt, __sk_buff, data_end);
}

/*
 * The size bytes at offset (both constants, from the Ethernet header), to be read and written
 * in place. NULL: the packet ends before, or at XDP its first buffer does. At tc the header is
 * made linear if need be, so older pointers into the packet are void after this. A VLAN tag is in
 * the packet at XDP; at tc the kernel has taken it out.
 */
static __always_inline void *lana_header(const struct lana_pkt *pkt, __u32 offset, __u32 size)
{
	void *header = lana_data(pkt) + offset;

	if (header + size <= lana_data_end(pkt))
		return header;
	if (pkt->flavour == LANA_XDP || bpf_skb_pull_data(lana_skb(pkt), offset + size))
		return NULL;

	header = lana_data(pkt) + offset;
	return header + size <= lana_data_end(pkt) ? header : NULL;
}

/* The Ethernet header; NULL: the packet is shorter. */
static __always_inline struct ethhdr *lana_eth(const struct lana_pkt *pkt)
{
	return lana_header(pkt, 0, sizeof(struct ethhdr));
}

/*
 * The IPv4 header behind the Ethernet header, without its options; NULL: another protocol, or
 * the packet is shorter.
 */
static __always_inline struct iphdr *lana_ipv4(const struct lana_pkt *pkt)
{
	struct ethhdr *eth = lana_header(pkt, 0, sizeof(*eth) + sizeof(struct iphdr));

	return eth && eth->h_proto == bpf_htons(ETH_P_IP) ? (void *)(eth + 1) : NULL;
}

/*
 * The address of this CPU's part of a template's variable, which the loader replaces by a page
 * of 1 << shift bytes a CPU. Written out so that the loader finds just these instructions: the
 * mask of 0 becomes the number of CPUs less one.
 */
#define LANA_THIS_CPU(variable, shift)                          \
	({                                                      \
		void *_address;                                 \
		asm("call 8\n\t" /* bpf_get_smp_processor_id */ \
		    "r0 &= 0\n\t"                               \
		    "r0 <<= %[s]\n\t"                           \
		    "r1 = " #variable " ll\n\t"                 \
		    "r0 += r1\n\t"                              \
		    "%[a] = r0"                                 \
		    : [a] "=r"(_address)                        \
		    : [s] "i"(shift)                            \
		    : "r0", "r1", "r2", "r3", "r4", "r5");      \
		_address;                                       \
	})

struct lana_context lana_context SEC(".data.context");

/* The packet's mark: skb->mark at tc, the context at XDP, where the kernel has no such field. */
static __always_inline __u32 lana_mark(const struct lana_pkt *pkt)
{
	struct lana_context *context;

	if (pkt->flavour == LANA_TC)
		return lana_skb(pkt)->mark;
	context = LANA_THIS_CPU(lana_context, LANA_CONTEXT_SHIFT);
	return context->mark;
}

static __always_inline void lana_set_mark(const struct lana_pkt *pkt, __u32 mark)
{
	struct lana_context *context;

	if (pkt->flavour == LANA_TC) {
		lana_skb(pkt)->mark = mark;
		return;
	}
	context = LANA_THIS_CPU(lana_context, LANA_CONTEXT_SHIFT);
	context->mark = mark;
}

struct lana_ports lana_ports SEC(".data.ports");

/*
 * Which ports of the packet's path lead somewhere, bit n for port n. They can change from one
 * packet to the next.
 */
static __always_inline __u32 lana_bound(const struct lana_pkt *pkt)
{
	struct lana_ports *ports = LANA_THIS_CPU(lana_ports, LANA_PAGE_SHIFT);

	return ports->bound;
}

/* A port whose number, below LANA_PORTS_MAX, was computed: so that it can be seen to be a port. */
static __always_inline int lana_port(__u32 number)
{
	asm("%[n] &= 15" : [n] "+r"(number));
	return number;
}

_Static_assert(LANA_PORTS_MAX == 16, "lana_port() masks by 15");

/* The path that the packet is on. */
static __always_inline enum lana_path lana_path(const struct lana_pkt *pkt)
{
	struct lana_ports *ports = LANA_THIS_CPU(lana_ports, LANA_PAGE_SHIFT);

	return ports->path;
}

/*
 * An option that is a packet filter: a field of this type, "struct lana_filter filter;", in the
 * config struct, one at most. Users give it as an expression, in assembler or in numbers
 * (docs/filter.md), by the options expr, asm and code, whatever the field's name.
 */
struct lana_filter {
};

/* Stands for the filter's code. Only in objects that use it, which SEC() would not permit. */
static __u32 lana_filter_code __attribute__((section(".data.filter"), unused));

/*
 * Does the packet match the block's filter? 0: no; else what the filter returned. Without a filter
 * every packet matches. The filter's instructions come into the place of these here: they use a
 * piece of stack of their own, and only read the packet.
 */
static __always_inline __u32 lana_match(const struct lana_pkt *pkt)
{
	register __u64 result asm("r0");

	asm volatile("r1 = %[context]\n\t"
		     "r0 = %[code] ll\n\t"
		     "r0 = *(u32 *)(r0 + 0)\n\t"
		     : "=&r"(result)
		     : [context] "r"(pkt->ctx), [code] "i"(&lana_filter_code)
		     : "r1", "r2", "r3", "r4", "r5", "memory");
	return result;
}

/*
 * Stands for the function that tells the block's subscribers, which the loader puts in its place.
 * Without LANA_PUBLISHES it stays as it is.
 */
static __attribute__((naked, noinline, used)) void lana_publish_event(void)
{
	asm volatile("r0 = %[stub]\n\t"
		     "exit" ::[stub] "i"(LANA_PUBLISH_STUB));
}

/*
 * Publish an event, one of enum NAME_event, with a value: before the packet goes on, the event
 * functions of all blocks that are subscribed to this one have run, on this CPU, and the event
 * stands in the stack's log of events. A block may publish 100 a second on each CPU, and 10 at
 * once; what is more is counted and not told. Not from within an event function.
 */
static __always_inline void lana_publish(const struct lana_pkt *pkt, __u32 event, __u64 value)
{
	__u64 number = event;

	(void)pkt;
	asm volatile("r1 = %[number]\n\t"
		     "r2 = %[value]\n\t"
		     "call lana_publish_event"
		     :
		     : [number] "r"(number), [value] "r"(value)
		     : "r0", "r1", "r2", "r3", "r4", "r5", "memory");
}

/*
 * Stand for the stack's jump tables; the key is the verdict. Two, as a prog array is for programs
 * of one type.
 */
struct lana_table {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
};

struct lana_table lana_table_xdp SEC(".maps");
struct lana_table lana_table_tc SEC(".maps");

#define LANA_ENTRY(block, suffix, section, context, flavour)                                   \
	SEC(section)                                                                           \
	int block##_##suffix(struct context *ctx)                                              \
	{                                                                                      \
		struct lana_pkt pkt = { ctx, flavour };                                        \
                                                                                               \
		bpf_tail_call(ctx, &lana_table_##suffix,                                       \
			      block##_process(&pkt, &lana_config.config,                       \
					      LANA_THIS_CPU(lana_counters, LANA_PAGE_SHIFT))); \
		return 0;                                                                      \
	}

/* A struct may be empty, a map may not. */
#define LANA_DEFINE(block, turning, copying, user)                                                 \
	struct {                                                                                   \
		struct block##_config config;                                                      \
		__u8 end;                                                                          \
	} lana_config SEC(".data.config");                                                         \
                                                                                                   \
	struct {                                                                                   \
		struct block##_counters counters;                                                  \
		__u8 end;                                                                          \
	} lana_counters SEC(".data.counters");                                                     \
                                                                                                   \
	const struct {                                                                             \
		struct lana_type_descriptor descriptor;                                            \
		enum block##_port *port; /* brings the enum into the BTF */                        \
	} lana_type SEC(".rodata.lana") = { { LANA_ABI, turning, #block, copying, user }, 0 };     \
                                                                                                   \
	_Static_assert(sizeof(struct block##_config) <= LANA_CONFIG_MAX, "config too large");      \
	_Static_assert(sizeof(struct block##_counters) <= LANA_COUNTERS_MAX, "too many counters"); \
                                                                                                   \
	LANA_ENTRY(block, xdp, "xdp.frags", xdp_md, LANA_XDP)                                      \
	LANA_ENTRY(block, tc, "tc", __sk_buff, LANA_TC)                                            \
                                                                                                   \
	char _license[] SEC("license") = "GPL"

/* The last line of a block's source. */
#define LANA_BLOCK(block) LANA_DEFINE(block, 0, 0, 0)

/* The same for a block that turns packets round: it may return LANA_TURN + port. */
#define LANA_TURNING_BLOCK(block) LANA_DEFINE(block, 1, 0, 0)

/* The same for a block that sends packets on by all ports: it may return LANA_ALL. */
#define LANA_COPYING_BLOCK(block) LANA_DEFINE(block, 0, LANA_COPYING_EACH, 0)

/* And the packet itself always leaves by port 0, alone if need be. */
#define LANA_MIRRORING_BLOCK(block) LANA_DEFINE(block, 0, LANA_COPYING_KEEP, 0)

/* A block for which LANA_ALL is to send the packet on by port 0 twice. */
#define LANA_DOUBLING_BLOCK(block) LANA_DEFINE(block, 0, LANA_COPYING_TWICE, 0)

/*
 * A block for which LANA_ALL, at XDP, is to send two copies to a port, each with its number; by
 * lana_part() (lana/part.h).
 */
#define LANA_PARTING_BLOCK(block, port) LANA_DEFINE(block, 0, LANA_COPYING_PARTS | (port) << 8, 0)

/* Behind the last line of the source of a block that publishes events. */
#define LANA_PUBLISHES(block)                                                \
	const struct {                                                       \
		enum block##_event first; /* brings the enum into the BTF */ \
	} lana_events SEC(".rodata.events") = { 0 }

/*
 * Behind the last line of the source of a block that has an event function. The loader weaves the
 * function block##_hear into the programs of publishers. The kernel verifies it as a part of a
 * program that takes the event from a packet's place.
 *
 * It runs at once on the publisher's CPU, maybe on several CPUs at the same time. What it counts is
 * booked on ingress.
 */
#define LANA_ON_EVENT(block)                                                            \
	static __attribute__((noinline, used)) int block##_hear(                        \
		const struct lana_event_data *event)                                    \
	{                                                                               \
		block##_on_event(event, &lana_config.config,                            \
				 LANA_THIS_CPU(lana_counters, LANA_PAGE_SHIFT));        \
		return 0;                                                               \
	}                                                                               \
                                                                                        \
	SEC("tc")                                                                       \
	int block##_event(struct __sk_buff *skb)                                        \
	{                                                                               \
		struct lana_event_data event;                                           \
                                                                                        \
		if (!bpf_skb_load_bytes(skb, LANA_EVENT_OFFSET, &event, sizeof(event))) \
			block##_hear(&event);                                           \
		return 0;                                                               \
	}                                                                               \
                                                                                        \
	_Static_assert(sizeof(#block) > 1, "a block has a name")

#endif
