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
#include "error.h"
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
} roots[][2] = {
	[LANA_HOOK_XDP] = { { "xdp", "root_xdp", LANA_XDP, LANA_INGRESS, BPF_XDP,
			      XDP_FLAGS_DRV_MODE } },
	[LANA_HOOK_SKB] = { { "xdp", "root_xdp", LANA_XDP, LANA_INGRESS, BPF_XDP,
			      XDP_FLAGS_SKB_MODE } },
	[LANA_HOOK_TC] = { { "egress", "root_tc_egress", LANA_TC, LANA_EGRESS, TCX_EGRESS, 0 },
			   { "ingress", "root_tc_ingress", LANA_TC, LANA_INGRESS, TCX_INGRESS,
			     0 } },
};

#define for_each_root(root, hook)                        \
	for (const struct hook_root *root = roots[hook]; \
	     root < roots[hook] + ARRAY_SIZE(roots[0]) && root->pin; root++)

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
	struct source source = { .name = root->program, .ports = 1 };
	int err = open_roots(stack, error);

	if (err)
		return err;
	source.template = bpf_object__find_program_by_name(stack->roots, root->program);
	type_maps(stack->roots, &source.maps);
	return weave_program(stack, &source, idp, record, root->flavour, root->path, -1, fd, error);
}

/* ---- clsact --------------------------------------------------------------------------- */

#define FILTER_HANDLE	1
#define FILTER_PRIORITY 0x6c61

/* The two filters of a device; egress first, as in roots[]. */
static const enum bpf_tc_attach_point points[] = { BPF_TC_EGRESS, BPF_TC_INGRESS };

static int detach_filter(__u32 ifindex, enum bpf_tc_attach_point point)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = point);
	LIBBPF_OPTS(bpf_tc_opts, options, .handle = FILTER_HANDLE, .priority = FILTER_PRIORITY);

	return bpf_tc_detach(&hook, &options);
}

static int attach_filter(__u32 ifindex, enum bpf_tc_attach_point point, int program)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = point);
	LIBBPF_OPTS(bpf_tc_opts, options, .prog_fd = program, .handle = FILTER_HANDLE,
		    .priority = FILTER_PRIORITY);

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
	err = attach_filter(ifindex, BPF_TC_EGRESS, egress);
	if (!err) {
		err = attach_filter(ifindex, BPF_TC_INGRESS, ingress);
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

void detach_clsact(__u32 ifindex, __u8 clsact)
{
	libbpf_hush();
	for (size_t i = 0; i < ARRAY_SIZE(points); i++)
		detach_filter(ifindex, points[i]);
	if (clsact == CLSACT_MADE)
		destroy_qdisc(ifindex);
	libbpf_speak();
}

static bool is_attached_clsact(__u32 ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex);
	int err = 0;

	libbpf_hush();
	for (size_t i = 0; !err && i < ARRAY_SIZE(points); i++) {
		LIBBPF_OPTS(bpf_tc_opts, options, .handle = FILTER_HANDLE,
			    .priority = FILTER_PRIORITY);

		hook.attach_point = points[i];
		err = bpf_tc_query(&hook, &options);
	}
	libbpf_speak();
	return !err;
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
	unlink(path);
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

/* Why the kernel would not attach an XDP program. */
static int refuse_xdp(int err, const struct device_record *device, struct lana_error *error)
{
	__u32 id = 0;

	bpf_xdp_query_id(device->ifindex, 0, &id);
	if (err == -EBUSY || err == -EEXIST)
		return refuse(error, -EBUSY, "device '%s' has an XDP program already (id %u)",
			      device->name, id);
	if (err == -EOPNOTSUPP)
		return refuse(error, err, "the driver of '%s' has no XDP: hook it with skb or tc",
			      device->name);
	if (err == -ERANGE)
		return refuse(error, err,
			      "the MTU of '%s' or of its peer is too large for XDP in "
			      "the driver: lower it, or hook it with skb or tc",
			      device->name);
	return refuse(error, err, "cannot attach to '%s': %s", device->name, strerror(-err));
}

int attach(struct lana_stack *stack, __u32 idp, const struct record *record, __u8 *clsact,
	   struct lana_error *error)
{
	const struct device_record *device = &record->device;
	int programs[] = { -1, -1 }, err = 0;
	__u8 used = CLSACT_NONE;

	for_each_root (root, device->hook)
		if (!err)
			err = weave_root(stack, root, idp, record,
					 &programs[root - roots[device->hook]], error);
	if (err)
		goto out;

	for_each_root (root, device->hook)
		if (!err)
			err = link_root(stack, idp, root, programs[root - roots[device->hook]],
					device->ifindex);
	if (err == -EINVAL && device->hook == LANA_HOOK_TC)
		err = attach_clsact(device->ifindex, programs[1], programs[0], &used);
	if (err) {
		detach(stack, idp, device);
		err = refuse_xdp(err, device, error);
		goto out;
	}
	*clsact = used;
out:
	close_p(&programs[0]);
	close_p(&programs[1]);
	return err;
}

void detach(struct lana_stack *stack, __u32 idp, const struct device_record *device)
{
	for_each_root (root, device->hook)
		unlink_root(stack, idp, root);
	if (device->clsact != CLSACT_NONE)
		detach_clsact(device->ifindex, device->clsact);
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

bool is_attached(struct lana_stack *stack, __u32 idp, const struct device_record *device)
{
	if (device->clsact != CLSACT_NONE)
		return is_attached_clsact(device->ifindex);
	for_each_root (root, device->hook)
		if (!is_linked(stack, idp, root))
			return false;
	return true;
}
