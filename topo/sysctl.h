/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sysctl - settings of many network namespaces
 *
 * What is looked up below /proc/sys/net is remembered by the kernel, under the same names for all
 * namespaces: each look-up goes through those of the others, and a thousand of them take seconds.
 * Another mount of proc begins with none. So there is a mount for every few namespaces, which has
 * no place in the file system and which nobody else sees. If there cannot be one it is /proc.
 */
#ifndef TOPO_SYSCTL_H
#define TOPO_SYSCTL_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

struct sysctl_mounts {
	pthread_mutex_t lock;
	int *fds;
	size_t count;
};

/*
 * Write a setting of the namespace that the thread is in. number: which one of the network's it is.
 * name has / or . between its parts, as in sysctl(8).
 */
int sysctl_write(struct sysctl_mounts *mounts, size_t number, const char *name, const char *value);

/* Is it a setting of that interface, as net.ipv4.conf.eth0.mtu is, and goes with it? */
bool sysctl_is_of(const char *name, const char *interface);

void sysctl_mounts_free(struct sysctl_mounts *mounts);

#endif
