/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hosts - the file that programs in nodes see as /etc/hosts
 *
 * It has what the machine's own one says, and a line for each address of the network. It lies in
 * the network's folder, is written with the other notes, and always stays the same file, so that
 * programs which run see what changes.
 */
#ifndef TOPO_HOSTS_H
#define TOPO_HOSTS_H

#include "home.h"

/*
 * Names of nodes by which programs cannot find them: the first that reads as an address, and the
 * first two that differ in case only, behind what the note has.
 */
void hosts_note(const struct net *net, char *note, size_t size);

int hosts_write(const struct home *home, const struct net *net);

/*
 * Mount it, in the mount namespace of the calling thread, which is not to be shared. It is let be
 * where it is mounted already, and where there is no /etc/hosts.
 */
int hosts_mount(const struct home *home);

#endif
