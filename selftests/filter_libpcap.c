// SPDX-License-Identifier: GPL-2.0-only
/* On its own, since libpcap's struct bpf_insn is another one than the kernel's. */
#include <stdio.h>

#include <pcap/pcap.h>

#include "filter_run.h"
#include "tap.h"

_Static_assert(sizeof(struct bpf_insn) == sizeof(struct sock_filter), "they look alike");

static const struct bpf_insn *insns_of(const struct classic *filter)
{
	return (const struct bpf_insn *)filter->insns;
}

uint32_t filter_libpcap(const struct classic *filter, const void *bytes, unsigned int size)
{
	return bpf_filter(insns_of(filter), bytes, size, size);
}

char *filter_libpcap_text(const struct classic *filter)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		tap_bail("no memory");
	for (__u32 i = 0; i < filter->count; i++)
		fprintf(out, "%s\n", bpf_image(&insns_of(filter)[i], i));
	fclose(out);
	return text;
}
