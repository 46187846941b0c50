// SPDX-License-Identifier: GPL-2.0-only
/*
 * topology - network namespaces, veths and a bpffs that live as long as the test
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"
#include "topology.h"

#define NETNS_DIR "/run/netns"

/* There on every system, and no test needs what others have in it. */
#define SCRATCH_DIR "/dev/shm"
#define BPFFS_DIR   SCRATCH_DIR "/bpf"

static pid_t owner;
static pid_t children[64];
static unsigned int children_count;

/* Only what may be called from a signal handler. */
static void clean_up(void)
{
	unsigned int i;

	if (getpid() != owner)
		return;
	for (i = 0; i < children_count; i++)
		kill(-children[i], SIGKILL);
}

static void die(int number)
{
	clean_up();
	signal(number, SIG_DFL);
	raise(number);
}

static void mount_all(void)
{
	if (mkdir(NETNS_DIR, 0755) && errno != EEXIST)
		tap_bail("no " NETNS_DIR ": %s", strerror(errno));
	if (mount("lana-test", NETNS_DIR, "tmpfs", 0, "mode=0755") ||
	    mount("lana-test", SCRATCH_DIR, "tmpfs", 0, "mode=0755"))
		tap_skip_all("cannot mount a tmpfs: %s", strerror(errno));
	if (mkdir(BPFFS_DIR, 0700) || mount("bpf", BPFFS_DIR, "bpf", 0, "mode=0700"))
		tap_skip_all("cannot mount a bpffs: %s", strerror(errno));
	setenv("LANA_BPFFS", BPFFS_DIR, 1);
}

void topology_begin(void)
{
	static const int numbers[] = { SIGHUP, SIGINT, SIGTERM, SIGPIPE };
	struct sigaction action = { .sa_handler = die, .sa_flags = SA_RESETHAND | SA_NODEFER };
	size_t i;

	owner = getpid();
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		tap_skip_all("no private mount namespace: %s", strerror(errno));
	mount_all();

	atexit(clean_up);
	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		sigaction(numbers[i], &action, NULL);
}

const char *topology_bpffs(void)
{
	return BPFFS_DIR;
}

const char *topology_scratch(void)
{
	return SCRATCH_DIR;
}

/* A child in a process group of its own that does not outlive the test. */
static pid_t start(const char *command)
{
	pid_t parent = getpid(), pid = fork();

	if (pid < 0)
		return -errno;
	if (pid) {
		setpgid(pid, pid);
		return pid;
	}
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127);
	dup2(STDERR_FILENO, STDOUT_FILENO);
	execl("/bin/sh", "sh", "-c", command, NULL);
	_exit(127);
}

int topology_run(const char *format, ...)
{
	char command[1024];
	va_list args;
	int status, n;
	pid_t pid;

	va_start(args, format);
	n = vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	if (n >= (int)sizeof(command))
		return -E2BIG;

	pid = start(command);
	if (pid < 0)
		return pid;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -EINTR;
}

pid_t topology_spawn(const char *format, ...)
{
	char command[1024];
	va_list args;
	pid_t pid;
	int n;

	va_start(args, format);
	n = vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	if (n >= (int)sizeof(command))
		return -E2BIG;
	if (children_count == sizeof(children) / sizeof(children[0]))
		return -ENOSPC;

	pid = start(command);
	if (pid > 0)
		children[children_count++] = pid;
	return pid;
}

#define must(...)                              \
	do {                                   \
		if (topology_run(__VA_ARGS__)) \
			tap_bail(__VA_ARGS__); \
	} while (0)

void topology_netns(const char *name)
{
	must("ip netns add %s && ip -n %s link set lo up", name, name);
}

static void set_up(const char *netns, const char *device)
{
	/* Without an IPv6 address of its own accord the device sends nothing unasked. */
	must("ip -n %s link set %s addrgenmode none up", netns, device);
	/* XDP would see checksums that nobody has finished yet. */
	topology_offload(netns, device, "tx", false);
}

void topology_veth(const char *netns1, const char *device1, const char *netns2, const char *device2)
{
	must("ip -n %s link add %s type veth peer name %s netns %s", netns1, device1, device2,
	     netns2);
	set_up(netns1, device1);
	set_up(netns2, device2);
}

void topology_address(const char *netns, const char *device, const char *address)
{
	must("ip -n %s address add %s dev %s", netns, address, device);
}

void topology_offload(const char *netns, const char *device, const char *feature, bool on)
{
	must("ip netns exec %s ethtool -K %s %s %s >/dev/null", netns, device, feature,
	     on ? "on" : "off");
}

int topology_enter(const char *netns)
{
	int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC), there;
	char path[256];

	snprintf(path, sizeof(path), NETNS_DIR "/%s", netns);
	there = open(path, O_RDONLY | O_CLOEXEC);
	if (home < 0 || there < 0 || setns(there, CLONE_NEWNET))
		tap_bail("no namespace %s: %s", netns, strerror(errno));
	close(there);
	return home;
}

void topology_leave(int home)
{
	if (setns(home, CLONE_NEWNET))
		tap_bail("cannot come home: %s", strerror(errno));
	close(home);
}

int topology_socket(const char *netns, int family, int type, int protocol)
{
	int home = topology_enter(netns), fd = socket(family, type | SOCK_CLOEXEC, protocol);

	if (fd < 0)
		tap_bail("no socket in %s: %s", netns, strerror(errno));
	topology_leave(home);
	return fd;
}

unsigned int topology_ifindex(const char *netns, const char *device)
{
	int home = topology_enter(netns);
	unsigned int ifindex = if_nametoindex(device);

	topology_leave(home);
	if (!ifindex)
		tap_bail("no device %s in %s", device, netns);
	return ifindex;
}
