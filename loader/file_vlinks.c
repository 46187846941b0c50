// SPDX-License-Identifier: GPL-2.0-only
/*
 * file_vlinks - what is to be done for the tagged links to be those of a stack file
 */
#include <errno.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"
#include "file.h"
#include "vlink.h"

static int add_step(struct lana_commit *steps, struct place place, struct op op,
		    struct lana_error *error)
{
	op.line = place.line;
	op.column = place.column;
	return steps_add(steps, op) ? refuse(error, -ENOMEM, "out of memory") : 0;
}

static int plan(const struct file *file, const struct vlink_pages *pages,
		const struct file_vlink *vlink, struct lana_commit *steps, struct lana_error *error)
{
	struct vlink_page *page;
	__u32 id;

	if (vlink_find(pages, vlink->name, &page, &id) && !vlink_is_dead(steps->stack, page, id)) {
		if (id == vlink->id && !strcmp(page->vlinks->name, vlink->carrier) &&
		    (!vlink->netns || !strcmp(page->vlinks->netns_name, vlink->netns)))
			return 0;
		return file_refuse(file, vlink->place, error, -EEXIST,
				   "'%s' is link %u on '%s'%s%s in the stack: remove that first",
				   vlink->name, id, page->vlinks->name,
				   *page->vlinks->netns_name ? " in " : "",
				   page->vlinks->netns_name);
	}
	return add_step(steps, vlink->place,
			(struct op){ .run = vlink_try,
				     .name = vlink->name,
				     .other = vlink->carrier,
				     .netns = vlink->netns,
				     .id = vlink->id },
			error);
}

static const struct file_vlink *find(const struct file *file, const char *name)
{
	for (size_t i = 0; i < file->vlinks_count; i++)
		if (!strcmp(file->vlinks[i].name, name))
			return &file->vlinks[i];
	return NULL;
}

/* How many links of the file a link is carried by: those come first. */
static size_t depth_of(const struct file *file, const struct file_vlink *vlink)
{
	size_t depth = 0;

	while ((vlink = find(file, vlink->carrier)) && depth < file->vlinks_count)
		depth++;
	return depth; /* of a circle, the last one: there is no such device yet */
}

int file_plan_vlinks(const struct file *file, struct lana_commit *steps, struct lana_error *error)
{
	_cleanup_(vlink_pages_free) struct vlink_pages pages = {};
	int err = vlink_pages_open(steps->stack, &pages, error);

	for (size_t depth = 0, left = file->vlinks_count; !err && left; depth++)
		for (size_t i = 0; !err && i < file->vlinks_count; i++) {
			if (depth_of(file, &file->vlinks[i]) != depth)
				continue;
			err = plan(file, &pages, &file->vlinks[i], steps, error);
			left--;
		}
	return err;
}

int file_plan_no_vlinks(const struct file *file, struct lana_commit *steps,
			struct lana_error *error)
{
	_cleanup_(vlink_pages_free) struct vlink_pages pages = {};
	int err = vlink_pages_open(steps->stack, &pages, error);

	for_each_page (page, &pages)
		for_each_vlink (id, page) {
			const char *name = page->vlinks->records[id].name;

			if (err || find(file, name))
				continue;
			err = add_step(steps, (struct place){},
				       (struct op){ .run = op_vlink_rm, .name = name }, error);
		}
	return err;
}
