/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lana/fib.h - ask the kernel's routing tables, bpf_fib_lookup()
 *
 * They are those of the network namespace of the device that the packet came by.
 */
#ifndef LANA_FIB_H
#define LANA_FIB_H

#include <lana/route.h>

#define LANA_FAMILY_IPV4 2 /* AF_INET, AF_INET6 */
#define LANA_FAMILY_IPV6 10

/* Flags that linux/bpf.h may be too old for: kernel 6.3 and 6.7. */
#define LANA_FIB_OUTPUT	      (1U << 1)
#define LANA_FIB_NO_NEIGHBOUR (1U << 2)
#define LANA_FIB_SOURCE	      (1U << 4)

/*
 * Find the address from which the kernel would send to fib->ipv4_dst or ipv6_dst, all else but
 * family being 0: fib->ipv4_src or ipv6_src. False: there is no way there, or the kernel is older
 * than 6.7.
 */
static __always_inline bool lana_fib_source(const struct lana_pkt *pkt, struct bpf_fib_lookup *fib)
{
	__u32 flags = LANA_FIB_NO_NEIGHBOUR | LANA_FIB_SOURCE;
	long result;

	fib->ifindex = lana_ingress_ifindex(pkt);
	result = bpf_fib_lookup(pkt->ctx, fib, sizeof(*fib), flags);
	if (result != BPF_FIB_LKUP_RET_FWD_DISABLED)
		return result == BPF_FIB_LKUP_RET_SUCCESS;

	/* The kernel is no router, and has not looked. It is asked for the way back alone. */
	return bpf_fib_lookup(pkt->ctx, fib, sizeof(*fib), flags | LANA_FIB_OUTPUT) ==
	       BPF_FIB_LKUP_RET_SUCCESS;
}

#endif
