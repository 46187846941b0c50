// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <linux/net_namespace.h>
#include <linux/nsfs.h>
#include <linux/rtnetlink.h>

#include <netlink/msg.h>
#include <netlink/netlink.h>

#include "cleanup.h"
#include "error.h"
#include "netns.h"

#define OWN_NETNS "/proc/thread-self/ns/net"

int netns_enter_fd(int netns, int *before)
{
	_cleanup_close_ int own = open(OWN_NETNS, O_RDONLY | O_CLOEXEC);

	if (own < 0 || setns(netns, CLONE_NEWNET))
		return -errno;
	*before = TAKE_FD(own);
	return 0;
}

int netns_enter_new(int *before)
{
	_cleanup_close_ int own = open(OWN_NETNS, O_RDONLY | O_CLOEXEC);

	if (own < 0 || unshare(CLONE_NEWNET))
		return -errno;
	*before = TAKE_FD(own);
	return 0;
}

/* -1: *err says why not, which was said. */
static int open_netns(const char *netns, int *err, struct lana_error *error)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s%s", strchr(netns, '/') ? "" : "/run/netns/", netns);
	fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC); /* a FIFO without a writer */
	if (fd < 0)
		*err = refuse(error, -errno, "no network namespace '%s': %s", netns,
			      strerror(errno));
	return fd;
}

int netns_check(const char *netns, struct lana_error *error)
{
	_cleanup_close_ int fd = -1;
	int err = 0;

	if (!*netns)
		return 0;
	fd = open_netns(netns, &err, error);
	if (fd >= 0 && ioctl(fd, NS_GET_NSTYPE) != CLONE_NEWNET)
		err = refuse(error, -EINVAL, "no network namespace '%s': it is none", netns);
	return err;
}

int netns_enter(const char *netns, int *before, struct lana_error *error)
{
	_cleanup_close_ int fd = -1;
	int err = 0;

	if (!*netns) {
		*before = -1;
		return 0;
	}
	fd = open_netns(netns, &err, error);
	if (fd < 0)
		return err;
	err = netns_enter_fd(fd, before);
	if (err)
		return refuse(error, err, "cannot enter network namespace '%s': %s", netns,
			      err == -EINVAL ? "it is none" : strerror(-err));
	return 0;
}

void netns_leave(int before)
{
	if (before < 0)
		return;
	setns(before, CLONE_NEWNET); /* its own namespace: cannot be refused */
	close(before);
}

void netns_leave_p(int *before)
{
	netns_leave(*before);
}

int netns_own(void)
{
	int fd = open(OWN_NETNS, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

__u64 netns_inode(void)
{
	struct stat info;

	return stat(OWN_NETNS, &info) ? 0 : info.st_ino;
}

static int note_id(struct nl_msg *message, void *cookie)
{
	struct nlattr *id =
		nlmsg_find_attr(nlmsg_hdr(message), sizeof(struct rtgenmsg), NETNSA_NSID);

	if (id)
		*(__s32 *)cookie = (__s32)nla_get_u32(id);
	return NL_OK;
}

/* The id by which the current namespace knows that of fd; -1: by none. */
static __s32 id_of(struct nl_sock *socket, int fd)
{
	struct rtgenmsg header = { .rtgen_family = AF_UNSPEC };
	struct nl_msg *message = nlmsg_alloc_simple(RTM_GETNSID, 0);
	__s32 id = -1;

	if (!message)
		return -1;
	nl_socket_modify_cb(socket, NL_CB_VALID, NL_CB_CUSTOM, note_id, &id);
	if (!nlmsg_append(message, &header, sizeof(header), NLMSG_ALIGNTO) &&
	    !nla_put_u32(message, NETNSA_FD, fd) && nl_send_auto(socket, message) >= 0)
		nl_recvmsgs_default(socket);
	nlmsg_free(message);
	return id;
}

/* What is looked for: by the id that the namespace of socket knows it by, or by its inode. */
struct wanted {
	struct nl_sock *socket; /* NULL: by inode */
	__s32 id;
	__u64 inode;
};

static bool is_wanted(const struct wanted *wanted, int fd)
{
	struct stat info;

	if (wanted->socket)
		return id_of(wanted->socket, fd) == wanted->id;
	return !fstat(fd, &info) && info.st_ino == wanted->inode;
}

/* Was it not for want of anything that an entry could not be opened? It may go at any moment. */
static bool is_no_want(int err)
{
	return err != EMFILE && err != ENFILE && err != ENOMEM;
}

/*
 * Try every entry of a folder; format makes its namespace's path. -ENOENT: it is none of them; else
 * it could not be found out.
 */
static int search_folder(const struct wanted *wanted, const char *folder, const char *format)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	int found = dir || is_no_want(errno) ? -ENOENT : -errno;

	while (dir && found == -ENOENT && (entry = readdir(dir))) {
		_cleanup_close_ int fd = -1;
		char path[300];

		if (entry->d_name[0] == '.' ||
		    (!strcmp(folder, "/proc") && !isdigit((unsigned char)entry->d_name[0])))
			continue;
		snprintf(path, sizeof(path), format, entry->d_name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd >= 0 && is_wanted(wanted, fd))
			found = TAKE_FD(fd);
		else if (fd < 0 && !is_no_want(errno))
			found = -errno;
	}
	if (dir)
		closedir(dir);
	return found;
}

static int search(const struct wanted *wanted)
{
	int found = search_folder(wanted, "/run/netns", "/run/netns/%s");

	return found == -ENOENT ? search_folder(wanted, "/proc", "/proc/%s/ns/net") : found;
}

int netns_by_inode(__u64 inode)
{
	return search(&(struct wanted){ .inode = inode });
}

int netns_by_id(__s32 id)
{
	struct wanted wanted = { .socket = nl_socket_alloc(), .id = id };
	int found = -ENOENT;

	if (!wanted.socket)
		return -ENOMEM;
	if (!nl_connect(wanted.socket, NETLINK_ROUTE)) {
		nl_socket_disable_auto_ack(wanted.socket); /* the reply is the answer */
		found = search(&wanted);
	}
	nl_socket_free(wanted.socket);
	return found;
}
