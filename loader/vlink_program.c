// SPDX-License-Identifier: GPL-2.0-only
/*
 * vlink_program - the programs of tagged links, and what holds them
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "attach.h"
#include "cleanup.h"
#include "netns.h"
#include "vlink.h"
#include "vlink.skel.h"

/* enum bpf_attach_type, and a flag, of kernel 6.6; libbpf 1.1 is older. */
#define TCX_INGRESS 46
#define TCX_BEFORE  (1U << 3)

/* Filters with a smaller number stand before others, those of hooked devices too. */
#define FILTER_PRIORITY 0x6c60

static int load(const struct vlink_page *page, const char *name, __u32 id, int *fd)
{
	struct vlink *object;
	struct bpf_program *program;
	int err;

	libbpf_hush();
	object = vlink__open();
	err = object ? 0 : -errno;
	if (!err) {
		object->rodata->vlink_carrier = page->vlinks->carrier;
		object->rodata->vlink_id = id;
		bpf_object__for_each_program (program, object->obj)
			bpf_program__set_autoload(program,
						  !strcmp(bpf_program__name(program), name));
		err = bpf_map__reuse_fd(object->maps.lana_vlinks, page->page.fd);
	}
	if (!err)
		err = vlink__load(object);
	if (!err) {
		program = bpf_object__find_program_by_name(object->obj, name);
		*fd = fcntl(bpf_program__fd(program), F_DUPFD_CLOEXEC, 0);
		err = *fd < 0 ? -errno : 0;
	}
	vlink__destroy(object);
	libbpf_speak();
	return err;
}

/* ---- clsact --------------------------------------------------------------------------------- */

#define INGRESS_OF(device) \
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (device), .attach_point = BPF_TC_INGRESS)
#define FILTER_OF(number) \
	LIBBPF_OPTS(bpf_tc_opts, options, .handle = (number), .priority = FILTER_PRIORITY)

/* 0: there is no such filter. */
static __u32 filter_program(__u32 ifindex, __u32 handle)
{
	INGRESS_OF(ifindex);
	FILTER_OF(handle);
	int err;

	libbpf_hush();
	err = bpf_tc_query(&hook, &options);
	libbpf_speak();
	return err ? 0 : options.prog_id;
}

static int add_filter(__u32 ifindex, __u32 handle, int program, __u8 *clsact)
{
	INGRESS_OF(ifindex);
	FILTER_OF(handle);
	int made, err;

	options.prog_fd = program;
	hook.attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS; /* the qdisc of both */
	libbpf_hush();
	made = bpf_tc_hook_create(&hook);
	hook.attach_point = BPF_TC_INGRESS;
	err = made && made != -EEXIST ? made : 0;
	if (!err && clsact)
		*clsact = made ? CLSACT_USED : CLSACT_MADE;
	if (!err)
		err = bpf_tc_attach(&hook, &options);
	libbpf_speak();
	return err;
}

static void remove_filter(__u32 ifindex, __u32 handle, __u8 clsact)
{
	INGRESS_OF(ifindex);
	FILTER_OF(handle);

	libbpf_hush();
	bpf_tc_detach(&hook, &options);
	hook.attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS;
	if (clsact == CLSACT_MADE && !device_has_filters(ifindex))
		bpf_tc_hook_destroy(&hook);
	libbpf_speak();
}

/* Is the filter there, and looks at the page? */
static bool is_ours(const struct vlink_page *page, __u32 id)
{
	_cleanup_close_ int program = id ? bpf_prog_get_fd_by_id(id) : -1;
	__u32 maps[8] = {}, size = sizeof(struct bpf_prog_info), map_size;
	struct bpf_prog_info info = { .nr_map_ids = ARRAY_SIZE(maps),
				      .map_ids = (__u64)(long)maps };
	struct bpf_map_info map = {};

	map_size = sizeof(map);
	if (program < 0 || bpf_obj_get_info_by_fd(program, &info, &size) ||
	    bpf_obj_get_info_by_fd(page->page.fd, &map, &map_size))
		return false;
	for (__u32 i = 0; i < info.nr_map_ids && i < ARRAY_SIZE(maps); i++)
		if (maps[i] == map.id)
			return true;
	return false;
}

/* ------------------------------------------------------------------------------------------- */

int vlink_attach_end(const struct vlink_page *page, __u32 id, __u32 other)
{
	_cleanup_close_ int program = -1;
	bool has_tcx = false;
	int err = attach_has_tcx(&has_tcx);

	if (!err)
		err = load(page, "vlink_push", id, &program);
	if (err)
		return err;
	if (!has_tcx)
		return add_filter(other, 1, program, NULL);
	return bpf_prog_attach(program, other, TCX_INGRESS, 0) ? -errno : 0;
}

static int link_carrier(struct lana_stack *stack, struct vlink_page *page, int program)
{
	LIBBPF_OPTS(bpf_link_create_opts, options, .flags = TCX_BEFORE);
	_cleanup_close_ int link = -1;
	char path[320];

	link = bpf_link_create(program, page->vlinks->carrier, TCX_INGRESS, &options);
	if (link < 0)
		return -errno;
	return bpf_obj_pin(link, vlink_pin(stack, path, page->number, "link")) ? -errno : 0;
}

/* The filter's number is known before it is there: it can be found again. */
static int filter_carrier(struct vlink_page *page, int program)
{
	__u32 handle = 0;

	while (!handle || filter_program(page->vlinks->carrier, handle))
		if (getrandom(&handle, sizeof(handle), 0) != sizeof(handle))
			return -EIO;
	page->vlinks->filter = handle;
	page->vlinks->clsact = CLSACT_USED;
	return add_filter(page->vlinks->carrier, handle, program, &page->vlinks->clsact);
}

int vlink_attach_carrier(struct lana_stack *stack, struct vlink_page *page)
{
	_cleanup_close_ int program = -1;
	bool has_tcx = false;
	int err = attach_has_tcx(&has_tcx);

	if (!err)
		err = load(page, "vlink_pop", 0, &program);
	if (err)
		return err;
	return has_tcx ? link_carrier(stack, page, program) : filter_carrier(page, program);
}

int vlink_detach_carrier(struct lana_stack *stack, struct vlink_page *page)
{
	struct lana_vlinks *vlinks = page->vlinks;
	_cleanup_close_ int link = -1;
	char path[320];

	/* In another namespace the number would be of another device: the carrier has gone. */
	if (vlinks->clsact != CLSACT_NONE && netns_inode() == vlinks->netns &&
	    (is_ours(page, filter_program(vlinks->carrier, vlinks->filter)) ||
	     vlinks->clsact == CLSACT_MADE))
		remove_filter(vlinks->carrier, vlinks->filter, vlinks->clsact);
	vlink_pin(stack, path, page->number, "link");
	link = bpf_obj_get(path);
	if (link >= 0)
		bpf_link_detach(link); /* now, not when the last reference happens to go */
	return unlink(path) && errno != ENOENT ? -errno : 0;
}

bool vlink_is_attached(struct lana_stack *stack, const struct vlink_page *page)
{
	struct bpf_link_info info = {};
	__u32 size = sizeof(info);
	_cleanup_close_ int link = -1;
	char path[320];

	if (page->vlinks->clsact != CLSACT_NONE)
		return is_ours(page, filter_program(page->vlinks->carrier, page->vlinks->filter));
	link = bpf_obj_get(vlink_pin(stack, path, page->number, "link"));
	/* The first word of a link to a device is its ifindex; 0: that has gone. */
	return link >= 0 && !bpf_obj_get_info_by_fd(link, &info, &size) && info.xdp.ifindex;
}
