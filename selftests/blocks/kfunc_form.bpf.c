// SPDX-License-Identifier: GPL-2.0-only
/*
 * kfunc_form - call a function of the kernel's that takes something else
 *
 * in          anything
 * out next    never: the type is refused
 * config      none
 * counters    none
 * state       none
 * see also    kfunc
 */
#include <lana/block.h>

struct kfunc_form_config {
};

struct kfunc_form_counters {
};

enum kfunc_form_port { KFUNC_FORM_NEXT };

extern int bpf_ct_release(int number, int other) __ksym;

static __always_inline int kfunc_form_process(struct lana_pkt *pkt,
					      const struct kfunc_form_config *config,
					      struct kfunc_form_counters *counters)
{
	bpf_ct_release(1, 2);
	return KFUNC_FORM_NEXT;
}

LANA_BLOCK(kfunc_form);
