/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * topology.h - network namespaces, veths and a bpffs that live as long as the test
 *
 * topology_begin() moves the process into a mount namespace of its own, with an empty directory
 * of network namespaces in it. So names are private to the run and cannot collide, and the
 * kernel removes all of it when the last process of the test is gone, however it goes.
 */
#ifndef TOPOLOGY_H
#define TOPOLOGY_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * Call this first, before any thread exists. What the privileges do not allow is a skip of the
 * whole test. Mounts a bpffs and names it in the environment variable LANA_BPFFS.
 */
void topology_begin(void);

const char *topology_bpffs(void);   /* where the test's bpffs is mounted */
const char *topology_scratch(void); /* a directory for what else the test writes */

/* These print what went wrong and end the test if they fail: it would test nothing. */
void topology_netns(const char *name);
void topology_veth(const char *netns1, const char *device1, const char *netns2,
		   const char *device2); /* up at both ends, with checksums finished on sending */
void topology_address(const char *netns, const char *device, const char *address);
void topology_offload(const char *netns, const char *device, const char *feature, bool on);

/* Go to a namespace, with this thread alone. What topology_leave() takes to come home again. */
int topology_enter(const char *netns);
void topology_leave(int home);

/* A socket in a namespace, as of socket(2); it is closed on exec. */
int topology_socket(const char *netns, int family, int type, int protocol);

/* Index of a device in its namespace. */
unsigned int topology_ifindex(const char *netns, const char *device);

/* Run a shell command with its output on standard error. Its exit status, or -errno. */
int topology_run(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Start a shell command that is killed with the test, at the latest. Its pid, or -errno. */
pid_t topology_spawn(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
