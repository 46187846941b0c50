/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lana/sequence.h - the header by which packets that go several paths are put into order again
 *
 * It stands between an IPv4 header without options and what that carries; the packet is one of
 * protocol 253 (RFC 3692: for experiments) on its way. docs/reorder.md says what numbers mean.
 */
#ifndef LANA_SEQUENCE_H
#define LANA_SEQUENCE_H

#include <linux/types.h>

#define LANA_SEQUENCE_PROTOCOL 253

struct lana_sequence {
	__be32 number;	    /* of the packet, among those from this source to this destination */
	__be16 path_number; /* the same, among those that go this path */
	__u8 path;	    /* 0: it is not said */
	__u8 protocol;	    /* of what follows */
};

#define LANA_SEQUENCE_PATHS 32 /* path is less */

#endif
