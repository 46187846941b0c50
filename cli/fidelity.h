/* SPDX-License-Identifier: GPL-2.0-only */
/* fidelity - print what links do, and how true they are: for lanactl link and lanactl topo */
#ifndef CLI_FIDELITY_H
#define CLI_FIDELITY_H

#include "cli.h"

/* Members of an object, from where its packets are on. brief: in text only what matters most. */
void fidelity_show(const struct lana_link_info *link, bool brief);

#endif
