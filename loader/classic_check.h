/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * classic_check - what loads of a filter ask for; for the files classic*.c alone
 */
#ifndef LOADER_CLASSIC_CHECK_H
#define LOADER_CLASSIC_CHECK_H

#include "classic.h"

/* What Linux lets a filter ask for beside the packet, by loads from SKF_AD_OFF on. */
struct classic_ancillary {
	const char *name; /* as bpf_asm(1) calls it */
	struct {
		enum {
			ANCILLARY_NONE,
			ANCILLARY_FIELD,
			ANCILLARY_HELPER,
			ANCILLARY_XOR,
			ANCILLARY_OURS, /* rides with the packet */
		} kind;
		int what;	 /* byte of the hook's context, or of struct lana_context; helper */
	} source[LANA_FLAVOURS]; /* XDP, tc */
	bool turned;		 /* 16 bits in the order of the network */
};

/* By what is added to SKF_AD_OFF, in steps of 4. */
extern const struct classic_ancillary classic_ancillaries[SKF_AD_MAX / 4];

/* Does it load from the packet or beside it, at a place that k names? */
bool classic_loads(const struct sock_filter *insn);

/* What a load asks for beside the packet; NULL: nothing. */
const struct classic_ancillary *classic_ancillary(const struct sock_filter *insn);

/*
 * The byte of the packet (beside X) that a load begins at. Linux' offsets from the network header
 * count from the end of the Ethernet header. -1: before the packet.
 */
long classic_offset(const struct sock_filter *insn);

#endif
