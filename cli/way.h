/* SPDX-License-Identifier: GPL-2.0-only */
/* way.h - how a packet leaves a block, in words */
#ifndef CLI_WAY_H
#define CLI_WAY_H

#include "cli.h"

#define CLI_WAY_MAX (LANA_NAME_MAX + 32)

/*
 * "match", "next (egress)", "pass", "policy: dropped", "dead: unbound". The path on which the block
 * was says what goes unsaid.
 */
const char *cli_way(const struct lana_way *way, enum lana_path path, char text[CLI_WAY_MAX]);

/* "port", "pass", "sent", "drop", "unbound": for JSON. */
const char *cli_way_kind(enum lana_way_kind kind);

#endif
