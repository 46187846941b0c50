// SPDX-License-Identifier: GPL-2.0-only
/*
 * kfunc_missing - call a function of the kernel that no kernel has
 *
 * in          anything
 * out next    never: the type is refused
 * config      none
 * counters    none
 * state       none
 * see also    kfunc
 */
#include <lana/block.h>

struct kfunc_missing_config {
};

struct kfunc_missing_counters {
};

enum kfunc_missing_port { KFUNC_MISSING_NEXT };

extern void bpf_lana_no_such_function(void) __ksym;

static __always_inline int kfunc_missing_process(struct lana_pkt *pkt,
						 const struct kfunc_missing_config *config,
						 struct kfunc_missing_counters *counters)
{
	bpf_lana_no_such_function();
	return KFUNC_MISSING_NEXT;
}

LANA_BLOCK(kfunc_missing);
