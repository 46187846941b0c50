// SPDX-License-Identifier: GPL-2.0-only
/*
 * notcx - a library to preload: BPF links to tcx are refused, as by a kernel that is too old
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>

#include <bpf/bpf.h>

/* enum bpf_attach_type of kernel 6.6; libbpf 1.1 is older. */
#define TCX_INGRESS 46
#define TCX_EGRESS  47

typedef int link_create(int program, int target, enum bpf_attach_type type,
			const struct bpf_link_create_opts *options);

link_create bpf_link_create;

int bpf_link_create(int program, int target, enum bpf_attach_type type,
		    const struct bpf_link_create_opts *options)
{
	link_create *next = dlsym(RTLD_NEXT, "bpf_link_create");

	if ((int)type != TCX_INGRESS && (int)type != TCX_EGRESS)
		return next(program, target, type, options);
	errno = EINVAL;
	return -EINVAL;
}
