/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lana/address.h - addresses as options of blocks
 *
 * A field of one of these types in a config struct is given and shown as people write addresses:
 * "src=10.0.0.1", "src=2001:db8::1", "mac=02:00:00:00:00:01". All zero: none is given. The bytes
 * are in the order of the network.
 */
#ifndef LANA_ADDRESS_H
#define LANA_ADDRESS_H

#include <linux/types.h>

struct lana_ip4 {
	__be32 word;
};

struct lana_ip6 {
	__be32 words[4];
};

struct lana_mac {
	__u8 bytes[6];
};

#endif
