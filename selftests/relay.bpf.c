// SPDX-License-Identifier: GPL-2.0-only
/*
 * relay - the least that can stand between sender and checker: one redirect
 *
 * Tests set it up to drop, so as to see that the checker notices; benchmarks use it as is.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

const volatile __u32 output;	 /* ifindex */
const volatile __u32 drop_every; /* every n-th frame; 0: none */

__u64 seen;

SEC("xdp.frags")
int relay(struct xdp_md *ctx)
{
	if (drop_every && ++seen % drop_every == 0)
		return XDP_DROP;
	return bpf_redirect(output, 0);
}

char _license[] SEC("license") = "GPL";
