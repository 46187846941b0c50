// SPDX-License-Identifier: GPL-2.0-only
/* On its own, since libpcap's struct bpf_insn is another one than the kernel's. */
#include <pcap/pcap.h>

#include "filter_run.h"

_Static_assert(sizeof(struct bpf_insn) == sizeof(struct sock_filter), "they look alike");

static const struct bpf_insn *insns_of(const struct classic *filter)
{
	return (const struct bpf_insn *)filter->insns;
}

uint32_t filter_libpcap(const struct classic *filter, const void *bytes, unsigned int size)
{
	return bpf_filter(insns_of(filter), bytes, size, size);
}

bool filter_libpcap_valid(const struct classic *filter)
{
	return bpf_validate(insns_of(filter), filter->count);
}
