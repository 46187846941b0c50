// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>

#include <bpf/bpf.h>

#include "cleanup.h"
#include "commit.h"
#include "device.h"
#include "error.h"
#include "hook.h"
#include "netns.h"
#include "serve_wire.h"
#include "socket.h"
#include "socket_block.h"
#include "socket_device.h"

#define MTU_MIN	     68 /* of IPv4, RFC 791 */
#define MTU_DEFAULT  1500
#define RING_DEFAULT 2048

/* ---- time ---------------------------------------------------------------------------------- */

static __s64 now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000LL + time.tv_nsec;
}

__s64 socket_deadline(__s64 timeout_ns)
{
	__s64 deadline;

	if (timeout_ns <= 0)
		return timeout_ns < 0 ? -1 : 0;
	return __builtin_add_overflow(now(), timeout_ns, &deadline) ? -1 : deadline;
}

__s64 socket_remaining(__s64 deadline)
{
	__s64 left;

	if (deadline <= 0)
		return deadline;
	left = deadline - now();
	return left > 0 ? left : 0;
}

/* ---- what became of it --------------------------------------------------------------------- */

/*
 * All that comes there is that the device has gone. It is left there: so the descriptor, and that
 * of lana_socket_fd(), stay readable.
 */
static bool has_gone(const struct lana_socket *socket)
{
	char byte;

	return recv(socket->parts.fds[SOCKET_FD_EVENTS], &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 ||
	       (errno != EAGAIN && errno != EINTR);
}

bool socket_is_down(struct lana_socket *socket)
{
	if (!__atomic_load_n(&socket->down, __ATOMIC_RELAXED) && has_gone(socket))
		__atomic_store_n(&socket->down, true, __ATOMIC_RELAXED);
	return __atomic_load_n(&socket->down, __ATOMIC_RELAXED);
}

int lana_socket_fd(const struct lana_socket *socket)
{
	return socket->poll;
}

uint32_t lana_socket_mtu(const struct lana_socket *socket)
{
	return socket->parts.mtu;
}

const char *lana_socket_name(const struct lana_socket *socket)
{
	return socket->parts.name;
}

/* ---- opening ------------------------------------------------------------------------------- */

static int check_options(const struct lana_socket_options *options, struct lana_error *error)
{
	if (options->mtu && (options->mtu < MTU_MIN || options->mtu > LANA_SOCKET_MTU_MAX))
		return refuse(error, -ERANGE, "MTU %u: a socket has one from %u to %u",
			      options->mtu, MTU_MIN, LANA_SOCKET_MTU_MAX);
	if ((options->receive_ring && !socket_is_ring(options->receive_ring)) ||
	    (options->send_ring && !socket_is_ring(options->send_ring)))
		return refuse(error, -EINVAL, "a ring has a power of two of places, %u at most",
			      LANA_SOCKET_RING_MAX);
	if (options->hook != LANA_HOOK_NONE && options->hook != LANA_HOOK_XDP &&
	    options->hook != LANA_HOOK_TC)
		return refuse(error, -EINVAL, "a socket is hooked at xdp or at tc");
	return 0;
}

static void fill_parts(const struct socket_wish *wish, const char *name, struct socket_parts *parts)
{
	const struct lana_socket_options *options = wish->options;
	__u32 mtu = options->mtu ?: MTU_DEFAULT;
	__u32 room = socket_frame_max(mtu) + wish->head + SOCKET_HEADROOM;

	*parts = (struct socket_parts){
		.magic = SOCKET_MAGIC,
		.version = SOCKET_VERSION,
		.mtu = mtu,
		.frame_size = room <= 2048 ? 2048 : 4096,
		.receive_ring = options->receive_ring ?: RING_DEFAULT,
		.send_ring = options->send_ring ?: RING_DEFAULT,
		.shares = options->indirect || options->timestamps ? 1 : SOCKET_XSKS_MAX,
		.stamps = options->timestamps,
		.head = wish->head,
		.pool = wish->pool,
	};
	strcpy(parts->name, name);
	socket_parts_init(parts);
}

/*
 * A handle of the socket's own: the caller's may be closed first. Its namespace may have lost its
 * name meanwhile.
 */
static int open_again(const struct lana_stack *stack, struct lana_stack **again,
		      struct lana_error *error)
{
	char bpffs[sizeof(stack->folder)];
	struct lana_stack_options options = {
		.name = stack->name, .bpffs = bpffs, .types = stack->types_path, .fuse = stack->fuse
	};
	int err;

	strcpy(bpffs, stack->folder);
	for (int i = 0; i < 2; i++) /* "/lana/NAME" */
		*strrchr(bpffs, '/') = 0;
	err = lana_stack_open(&options, again, error);
	if (!err)
		strcpy((*again)->netns, stack->netns);
	return err;
}

/* tc if all devices are hooked there; beside the first one. inode 0: there is none. */
static void choose(const struct lana_stack *stack, enum lana_hook *hook, __u64 *inode)
{
	bool all_tc = true;

	*inode = 0;
	registry_for_each (stack->registry, idp) {
		const struct device_record *device = &stack->registry->records[idp].device;

		if (device->hook == LANA_HOOK_NONE)
			continue;
		all_tc &= device->hook == LANA_HOOK_TC;
		if (!*inode)
			*inode = device->netns;
	}
	if (*hook == LANA_HOOK_NONE)
		*hook = all_tc && *inode ? LANA_HOOK_TC : LANA_HOOK_XDP;
}

static bool spans_several(const struct lana_stack *stack, __u64 inode)
{
	registry_for_each (stack->registry, idp) {
		const struct device_record *device = &stack->registry->records[idp].device;

		if (device->hook != LANA_HOOK_NONE && device->netns != inode)
			return true;
	}
	return false;
}

/* The stack's devices may be elsewhere than it says: it is enough that they can be found. */
static int enter(const struct lana_stack *stack, __u64 inode, int *before, struct lana_error *error)
{
	_cleanup_close_ int netns = inode && inode != netns_inode() ? netns_by_inode(inode) : -1;

	if (netns >= 0)
		return netns_enter_fd(netns, before);
	return inode == netns_inode() ? 0 : netns_enter(stack->netns, before, error);
}

/*
 * Queues by which a socket can have a device's packets in their order; 0: it cannot. A veth of
 * several chooses by the sender's CPU, so that one flow may come by two; cards keep to one.
 */
static __u32 count_queues(const struct device_record *record)
{
	__u32 queues = device_queues(record->name);
	struct device device;

	if (record->hook != LANA_HOOK_XDP || record->is_socket ||
	    device_query_index(record->ifindex, &device) || (device.is_veth && queues > 1))
		return 0;
	return queues;
}

/* A block in user space sends frames on by the socket's own device, past those of its flow. */
static bool has_user_block(const struct registry *registry)
{
	registry_for_each (registry, idp)
		if (registry->records[idp].user)
			return true;
	return false;
}

/*
 * Devices in whose driver the stack is hooked, and whose queues no other socket of the stack has:
 * there is memory for each of them. Not if there are some of several namespaces, where one index
 * may be two devices.
 */
static int choose_direct(struct lana_stack *stack, struct socket_plan *plan,
			 struct lana_error *error)
{
	__u32 count = 0, xsks = 1;

	plan->parts->shares = 1;
	if (has_user_block(stack->registry))
		return 0;
	registry_for_each (stack->registry, idp) {
		const struct device_record *device = &stack->registry->records[idp].device;
		bool is_taken;
		__u32 queues;
		int err;

		if (device->hook == LANA_HOOK_NONE)
			continue;
		if (device->netns != netns_inode()) {
			memset(plan->direct, 0, sizeof(plan->direct));
			xsks = 1;
			break;
		}
		queues = count_queues(device);
		if (!queues || count == SOCKET_DIRECT_MAX || xsks + queues > SOCKET_XSKS_MAX)
			continue;
		err = hook_find_direct(stack, device->ifindex, &is_taken, error);
		if (err)
			return err;
		if (is_taken)
			continue;
		plan->direct[count++] =
			(struct socket_direct){ .ifindex = device->ifindex, .queues = queues };
		xsks += queues;
	}
	plan->parts->shares = xsks;
	return 0;
}

/* Lead the block to the AF_XDP sockets at devices. */
static int fill_direct(const struct lana_stack *stack, const struct lana_socket *socket)
{
	_cleanup_close_ int map = -1;
	char path[320];

	if (socket->parts.xsks == 1)
		return 0;
	map = bpf_obj_get(
		stack_path(stack, path, sizeof(path), "state/%u@socket_direct", socket->cell));
	for (__u32 i = 1; map >= 0 && i < socket->parts.xsks; i++)
		if (bpf_map_update_elem(map, &i, &socket->xsks[i].fd, BPF_ANY))
			return -errno;
	return map < 0 ? -errno : 0;
}

static int make_block(struct lana_stack *stack, const struct socket_plan *plan,
		      struct lana_socket *socket, struct lana_error *error)
{
	const struct socket_block block = {
		.name = socket->parts.name,
		.device = plan->device,
		.hook = plan->hook,
		.frame_max = socket_frame_max(socket->parts.mtu),
		.direct = plan->direct,
		.is_worker = plan->is_worker,
	};
	__u32 idp;
	int err;

	__atomic_store_n(&stack->registry->sockets, true, __ATOMIC_RELEASE);
	err = hook_socket(stack, &block, &idp, error);
	if (err)
		return err;
	strcpy(socket->device, plan->device);
	socket->cell = stack->registry->records[idp].cell;
	err = fill_direct(stack, socket);
	if (err) {
		socket_drop(stack, idp, NULL);
		return refuse(error, err, "cannot lead packets to socket '%s': %s",
			      socket->parts.name, strerror(-err));
	}
	if (!stack_cell(stack, socket->cell)) /* for lana_socket_stats(), without the lock */
		return refuse(error, -errno, "no memory for counters: %s", strerror(errno));
	return 0;
}

/* Everything that is in the kernel. The stack is locked. */
static int make(struct lana_stack *stack, struct socket_plan *plan, struct lana_socket **result,
		struct lana_error *error)
{
	_cleanup_(socket_free_p) struct lana_socket *socket = NULL;
	_cleanup_(netns_leave_p) int before = -1;
	struct socket_parts *parts = plan->parts;
	__u64 inode;
	__u32 tag;
	int err;

	if (registry_find(stack->registry, parts->name))
		return refuse(error, -EEXIST, "there is a block '%s' already", parts->name);
	choose(stack, &plan->hook, &inode);
	if (plan->is_worker && spans_several(stack, inode))
		return refuse(error, -EXDEV,
			      "the stack has devices in several network namespaces: packets of a "
			      "worker's would not find back to theirs");
	if (getrandom(&tag, sizeof(tag), 0) != sizeof(tag))
		return refuse(error, -EIO, "the kernel gives no random number");
	snprintf(plan->device, sizeof(plan->device), SOCKET_DEVICE, tag);
	err = socket_folder_make(stack, plan->device, &parts->fds[SOCKET_FD_LOCK]);
	if (err)
		return refuse(error, err, "cannot make a folder in %s: %s", stack->folder,
			      strerror(-err));
	err = enter(stack, inode, &before, error);
	if (!err && parts->shares > 1)
		err = choose_direct(stack, plan, error);
	if (!err)
		err = socket_device_make(plan, error);
	if (!err) {
		err = socket_map(parts, &socket);
		if (err)
			refuse(error, err, "no memory for the frames of socket '%s': %s",
			       parts->name, strerror(-err));
		else
			socket_parts_init(parts); /* they are the socket's now */
	}
	if (!err)
		err = make_block(stack, plan, socket, error);
	if (!err)
		*result = TAKE_PTR(socket);
	else if (err != -EINPROGRESS)
		socket_folder_remove(stack, plan->device);
	return err;
}

int socket_open(struct lana_stack *stack, const char *name, const struct socket_wish *wish,
		struct lana_socket **result, struct lana_error *error)
{
	struct socket_parts parts;
	struct socket_plan plan = { .parts = &parts,
				    .is_worker = wish->is_worker,
				    .load = wish->load };
	struct lana_stack *own;
	int err;

	err = check_name("block", name, error);
	if (!err)
		err = check_options(wish->options, error);
	if (!err)
		err = netns_check(stack->netns, error);
	if (!err)
		err = open_again(stack, &own, error);
	if (err)
		return err;
	fill_parts(wish, name, &parts);
	plan.stack = own;
	plan.hook = wish->options->hook;

	err = stack_lock(own, error);
	if (!err) {
		err = make(own, &plan, result, error);
		stack_unlock(own);
	}
	socket_parts_close(&parts);
	if (err)
		lana_stack_close(own);
	else
		(*result)->stack = own;
	return err;
}

int lana_socket_open(struct lana_stack *stack, const char *name,
		     const struct lana_socket_options *options, struct lana_socket **result,
		     struct lana_error *error)
{
	static const struct lana_socket_options defaults;
	const struct socket_wish wish = { .options = options ?: &defaults, .load = socket_load };

	return socket_open(stack, name, &wish, result, error);
}

/* ---- closing ------------------------------------------------------------------------------- */

void lana_socket_leave(struct lana_socket *socket)
{
	if (socket)
		socket_free(socket);
}

void lana_socket_close(struct lana_socket *socket)
{
	if (!socket)
		return;
	if (socket->stack && !socket->handed) /* what fails is left to the next command */
		socket_drop_device(socket->stack, socket->device, NULL);
	if (socket->server >= 0)
		serve_end(socket->server);
	socket_free(socket);
}
