// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <linux/if_link.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "attach.h"
#include "cleanup.h"
#include "commit.h"
#include "device.h"
#include "error.h"
#include "insn.h"
#include "netns.h"
#include "root.skel.h"

/* enum bpf_attach_type of kernel 6.6; libbpf 1.1 is older. */
#define TCX_INGRESS 46
#define TCX_EGRESS  47

/* The roots of each kind of hook. */
static const struct hook_root {
	const char *pin;     /* in links/IDP@… */
	const char *program; /* in bpf/root.bpf.c */
	enum lana_flavour flavour;
	enum lana_path path;
	int attach_type;
	__u32 flags;
} roots[3][LANA_HOOK_TC + 1][2] = {
	{
		[LANA_HOOK_XDP] = { { "xdp", "root_xdp", LANA_XDP, LANA_INGRESS, BPF_XDP,
				      XDP_FLAGS_DRV_MODE } },
		[LANA_HOOK_SKB] = { { "xdp", "root_xdp", LANA_XDP, LANA_INGRESS, BPF_XDP,
				      XDP_FLAGS_SKB_MODE } },
		[LANA_HOOK_TC] = { { "egress", "root_tc_egress", LANA_TC, LANA_EGRESS, TCX_EGRESS,
				     0 },
				   { "ingress", "root_tc_ingress", LANA_TC, LANA_INGRESS,
				     TCX_INGRESS, 0 } },
	},
	{
		/* of sockets */
		[LANA_HOOK_XDP] = { { "xdp", "root_xdp", LANA_XDP, LANA_EGRESS, BPF_XDP,
				      XDP_FLAGS_DRV_MODE } },
		[LANA_HOOK_TC] = { { "egress", "root_tc_socket", LANA_TC, LANA_EGRESS, TCX_EGRESS,
				     0 },
				   { "ingress", "root_tc_ingress", LANA_TC, LANA_EGRESS,
				     TCX_INGRESS, 0 } },
	},
	{ /* of workers: what comes by their devices says itself where it goes on */ },
};

static const struct hook_root *roots_of(const struct device_record *device)
{
	return roots[device->is_worker ? 2 : device->is_socket != 0][device->hook];
}

#define for_each_root(root, device)                           \
	for (const struct hook_root *root = roots_of(device); \
	     root < roots_of(device) + ARRAY_SIZE(roots[0][0]) && root->pin; root++)

/* ---- weaving -------------------------------------------------------------------------- */

/* The roots are the library's own: an object in its data. */
static int open_roots(struct lana_stack *stack, struct lana_error *error)
{
	struct bpf_object *object;
	const void *bytes;
	size_t size = 0;
	int err;

	if (stack->roots)
		return 0;
	bytes = root__elf_bytes(&size);
	libbpf_hush();
	object = bpf_object__open_mem(bytes, size, NULL);
	err = libbpf_get_error(object);
	if (!err)
		err = bpf_object__load(object);
	libbpf_speak();
	if (err) {
		bpf_object__close(libbpf_get_error(object) ? NULL : object);
		return refuse(error, err, "the kernel refuses the root programs: %s",
			      strerror(-err));
	}
	stack->roots = object;
	return 0;
}

static int weave_root(struct lana_stack *stack, const struct hook_root *root, __u32 idp,
		      const struct record *record, int *fd, struct lana_error *error)
{
	struct node node = { .source = { .name = root->program, .ports = 1 },
			     .idp = idp,
			     .path = root->path,
			     .record = record };
	int err = open_roots(stack, error);

	if (err)
		return err;
	node.source.template = bpf_object__find_program_by_name(stack->roots, root->program);
	type_maps(stack->roots, &node.source.maps);
	node_use_slots(&node);
	return weave_program(stack, &node, 1, root->flavour, fd, error);
}

int attach_weave(struct lana_stack *stack, __u32 idp, const struct record *record, int programs[2],
		 struct lana_error *error)
{
	int err = 0;

	programs[0] = programs[1] = -1;
	for_each_root (root, &record->device)
		if (!err)
			err = weave_root(stack, root, idp, record,
					 &programs[root - roots_of(&record->device)], error);
	if (err) {
		close_p(&programs[0]);
		close_p(&programs[1]);
	}
	return err;
}

/* ---- clsact --------------------------------------------------------------------------- */

#define FILTER_HANDLE	1
#define FILTER_PRIORITY 0x6c61

/* The two filters of a device; egress first, as in roots[]. */
static const enum bpf_tc_attach_point points[] = { BPF_TC_EGRESS, BPF_TC_INGRESS };

/* Does a program jump by one of the stack's tables? */
static bool is_of_stack(const struct lana_stack *stack, __u32 program_id)
{
	_cleanup_close_ int program = bpf_prog_get_fd_by_id(program_id);
	__u32 maps[64], size = sizeof(struct bpf_prog_info);
	struct bpf_prog_info info = { .nr_map_ids = ARRAY_SIZE(maps),
				      .map_ids = (__u64)(long)maps };

	if (program < 0 || bpf_obj_get_info_by_fd(program, &info, &size))
		return false;
	for (int path = 0; path < LANA_PATHS; path++) {
		struct bpf_map_info table = {};

		size = sizeof(table);
		if (bpf_obj_get_info_by_fd(stack->tables[LANA_TC][path], &table, &size))
			continue;
		for (__u32 i = 0; i < info.nr_map_ids && i < ARRAY_SIZE(maps); i++)
			if (maps[i] == table.id)
				return true;
	}
	return false;
}

/* Which program is attached there? 0: none. */
static __u32 query_filter(__u32 ifindex, enum bpf_tc_attach_point point)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = point);
	LIBBPF_OPTS(bpf_tc_opts, options, .handle = FILTER_HANDLE, .priority = FILTER_PRIORITY);

	return bpf_tc_query(&hook, &options) ? 0 : options.prog_id;
}

static void detach_filter(__u32 ifindex, enum bpf_tc_attach_point point)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = point);
	LIBBPF_OPTS(bpf_tc_opts, options, .handle = FILTER_HANDLE, .priority = FILTER_PRIORITY);

	bpf_tc_detach(&hook, &options);
}

/* flags: BPF_TC_F_REPLACE, or 0 for one that is not there yet. */
static int attach_filter(__u32 ifindex, enum bpf_tc_attach_point point, int program, __u32 flags)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = point);
	LIBBPF_OPTS(bpf_tc_opts, options, .prog_fd = program, .flags = flags,
		    .handle = FILTER_HANDLE, .priority = FILTER_PRIORITY);

	return bpf_tc_attach(&hook, &options);
}

static void destroy_qdisc(__u32 ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex,
		    .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);

	bpf_tc_hook_destroy(&hook);
}

/* Undoes only what it did itself: the filters may be another stack's. */
static int attach_filters(__u32 ifindex, int ingress, int egress, __u8 *clsact)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex,
		    .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);
	int made = bpf_tc_hook_create(&hook), err;

	if (made && made != -EEXIST)
		return made;
	err = attach_filter(ifindex, BPF_TC_EGRESS, egress, 0);
	if (!err) {
		err = attach_filter(ifindex, BPF_TC_INGRESS, ingress, 0);
		if (err)
			detach_filter(ifindex, BPF_TC_EGRESS);
	}
	if (err && !made)
		destroy_qdisc(ifindex);
	if (err)
		return err;
	*clsact = made ? CLSACT_USED : CLSACT_MADE;
	return 0;
}

int attach_clsact(__u32 ifindex, int ingress, int egress, __u8 *clsact)
{
	int err;

	libbpf_hush();
	err = attach_filters(ifindex, ingress, egress, clsact);
	libbpf_speak();
	return err;
}

void detach_clsact(const struct lana_stack *stack, __u32 ifindex, __u8 clsact)
{
	bool found = false;

	libbpf_hush();
	for (size_t i = 0; i < ARRAY_SIZE(points); i++) {
		__u32 program = query_filter(ifindex, points[i]);

		if (!program || (stack && !is_of_stack(stack, program)))
			continue;
		detach_filter(ifindex, points[i]);
		found = true;
	}
	if (clsact == CLSACT_MADE && found && !device_has_filters(ifindex))
		destroy_qdisc(ifindex);
	libbpf_speak();
}

static bool is_attached_clsact(const struct lana_stack *stack, __u32 ifindex)
{
	bool attached = true;

	libbpf_hush();
	for (size_t i = 0; i < ARRAY_SIZE(points); i++)
		attached &= is_of_stack(stack, query_filter(ifindex, points[i]));
	libbpf_speak();
	return attached;
}

/*
 * Attaching to a device that cannot exist fails with ENODEV where the kernel knows tcx, with EINVAL
 * where it does not.
 */
int attach_has_tcx(bool *has)
{
	const struct bpf_insn insns[] = { insn_mov_imm(BPF_REG_0, 0), insn_exit() };
	_cleanup_close_ int program = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "lana_probe", "GPL",
						    insns, ARRAY_SIZE(insns), NULL);

	if (program < 0 || bpf_link_create(program, 0x7fffffff, TCX_INGRESS, NULL) >= 0 ||
	    (errno != ENODEV && errno != EINVAL))
		return -errno;
	*has = errno == ENODEV;
	return 0;
}

/* ---- links ---------------------------------------------------------------------------- */

static const char *link_path(const struct lana_stack *stack, char path[320], __u32 idp,
			     const struct hook_root *root)
{
	return stack_path(stack, path, 320, "links/%u@%s", idp, root->pin);
}

static void unlink_root(struct lana_stack *stack, __u32 idp, const struct hook_root *root)
{
	_cleanup_close_ int link = -1;
	char path[320];

	link = bpf_obj_get(link_path(stack, path, idp, root));
	if (link >= 0)
		bpf_link_detach(link); /* now, not when the last reference happens to go */
	if (unlink(path) && errno != ENOENT)
		stack->unfinished = true;
}

static int link_root(struct lana_stack *stack, __u32 idp, const struct hook_root *root, int program,
		     __u32 ifindex)
{
	LIBBPF_OPTS(bpf_link_create_opts, options, .flags = root->flags);
	_cleanup_close_ int link = -1;
	char path[320];

	link = bpf_link_create(program, ifindex, root->attach_type, &options);
	if (link < 0)
		return -errno;
	if (bpf_obj_pin(link, link_path(stack, path, idp, root)))
		return -errno;
	return 0;
}

static int refuse_attach(int err, const struct device_record *device, struct lana_error *error)
{
	__u32 id = 0;

	if (device->hook == LANA_HOOK_TC && err == -EEXIST)
		return refuse(error, -EBUSY, "device '%s' has filters of another stack already",
			      device->name);
	if (device->hook != LANA_HOOK_TC && (err == -EBUSY || err == -EEXIST)) {
		bpf_xdp_query_id(device->ifindex, 0, &id);
		return refuse(error, -EBUSY, "device '%s' has an XDP program already (id %u)",
			      device->name, id);
	}
	if (device->hook != LANA_HOOK_TC && err == -EOPNOTSUPP)
		return refuse(error, err, "the driver of '%s' has no XDP: hook it with skb or tc",
			      device->name);
	if (device->hook != LANA_HOOK_TC && err == -ERANGE)
		return refuse(error, err,
			      "the MTU of '%s' or of its peer is too large for XDP in "
			      "the driver: lower it, or hook it with skb or tc",
			      device->name);
	return refuse(error, err, "cannot attach to '%s': %s", device->name, strerror(-err));
}

static int attach_links(struct lana_stack *stack, __u32 idp, const struct device_record *device,
			const int *programs)
{
	int err = 0;

	for_each_root (root, device)
		if (!err)
			err = link_root(stack, idp, root, programs[root - roots_of(device)],
					device->ifindex);
	if (err)
		for_each_root (root, device)
			unlink_root(stack, idp, root);
	return err;
}

int attach(struct lana_stack *stack, __u32 idp, const struct record *record, __u8 *clsact,
	   struct lana_error *error)
{
	const struct device_record *device = &record->device;
	__u8 used = CLSACT_NONE;
	int programs[2], err;

	err = attach_weave(stack, idp, record, programs, error);
	if (err)
		return err;
	err = device->clsact ? attach_clsact(device->ifindex, programs[1], programs[0], &used)
			     : attach_links(stack, idp, device, programs);
	if (err)
		err = refuse_attach(err, device, error);
	else
		*clsact = used;
	close_p(&programs[0]);
	close_p(&programs[1]);
	return err;
}

static int replace_link(struct lana_stack *stack, __u32 idp, const struct hook_root *root,
			int program)
{
	_cleanup_close_ int link = -1;
	char path[320];

	link = bpf_obj_get(link_path(stack, path, idp, root));
	if (link < 0)
		return errno == ENOENT ? -ENODEV : -errno;
	if (bpf_link_update(link, program, NULL))
		return errno == ENOLINK ? -ENODEV : -errno;
	return 0;
}

static int replace_filters(struct lana_stack *stack, const struct device_record *record,
			   const int programs[2])
{
	_cleanup_(netns_leave_p) int before = -1;
	struct device device;
	int err = device_enter(record, &device, &before);

	if (err == -ESRCH) /* the namespace has gone, and the device with it */
		return -ENODEV;
	if (err)
		return err;
	if (!is_attached_clsact(stack, record->ifindex))
		return -ENODEV;
	libbpf_hush();
	for (size_t i = 0; !err && i < ARRAY_SIZE(points); i++)
		err = attach_filter(record->ifindex, points[i], programs[i], BPF_TC_F_REPLACE);
	libbpf_speak();
	return err;
}

int attach_replace(struct lana_stack *stack, __u32 idp, const struct device_record *device,
		   const int programs[2])
{
	int err = 0;

	if (device->clsact != CLSACT_NONE)
		return replace_filters(stack, device, programs);
	for_each_root (root, device)
		if (!err)
			err = replace_link(stack, idp, root, programs[root - roots_of(device)]);
	return err;
}

void detach(struct lana_stack *stack, __u32 idp, const struct device_record *record)
{
	_cleanup_(netns_leave_p) int before = -1;
	struct device device;

	for_each_root (root, record)
		unlink_root(stack, idp, root);
	if (record->clsact != CLSACT_NONE && !device_enter(record, &device, &before))
		detach_clsact(stack, record->ifindex, record->clsact);
}

static bool is_linked(struct lana_stack *stack, __u32 idp, const struct hook_root *root)
{
	_cleanup_close_ int link = -1;
	struct bpf_link_info info = {};
	__u32 length = sizeof(info);
	char path[320];

	link = bpf_obj_get(link_path(stack, path, idp, root));
	if (link < 0 || bpf_obj_get_info_by_fd(link, &info, &length))
		return false;
	return info.xdp.ifindex; /* the first word of every kind; 0: the device has gone */
}

bool is_attached(struct lana_stack *stack, __u32 idp, const struct device_record *record)
{
	_cleanup_(netns_leave_p) int before = -1;
	struct device device;
	int err = device_enter(record, &device, &before);

	if (err == -ENODEV) /* gone, or moved to another namespace */
		return false;
	if (record->clsact != CLSACT_NONE)
		return !err && is_attached_clsact(stack, record->ifindex);
	for_each_root (root, record)
		if (!is_linked(stack, idp, root))
			return false;
	return true;
}
