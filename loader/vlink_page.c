// SPDX-License-Identifier: GPL-2.0-only
/*
 * vlink_page - what a stack knows of its tagged links, a pinned page for each carrier
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "attach.h"
#include "cleanup.h"
#include "error.h"
#include "netns.h"
#include "vlink.h"

const char *vlink_pin(const struct lana_stack *stack, char path[320], __u32 number,
		      const char *what)
{
	return stack_path(stack, path, 320, "vlinks/%u@%s", number, what);
}

void vlink_pages_free(struct vlink_pages *pages)
{
	for_each_page (page, pages)
		stack_unmap_page(&page->page, sizeof(struct lana_vlinks));
	free(pages->list);
	*pages = (struct vlink_pages){};
}

static bool is_sane(const struct lana_vlinks *vlinks)
{
	if (!memchr(vlinks->name, 0, sizeof(vlinks->name)) ||
	    !memchr(vlinks->netns_name, 0, sizeof(vlinks->netns_name)) ||
	    vlinks->clsact > CLSACT_MADE)
		return false;
	for (__u32 id = 0; id < LANA_VLINK_IDS; id++)
		if (vlinks->records[id].state > LANA_VLINK_GOING ||
		    !memchr(vlinks->records[id].name, 0, sizeof(vlinks->records[id].name)))
			return false;
	return true;
}

/* Map the page of that number, which is made if there is none, and add it to the list. */
static int open_page(struct lana_stack *stack, struct vlink_pages *pages, __u32 number)
{
	struct vlink_page *grown;
	struct page page = {};
	char pin[32];
	int err;

	grown = reallocarray(pages->list, pages->count + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	pages->list = grown;
	snprintf(pin, sizeof(pin), "vlinks/%u@page", number);
	err = stack_map_page(stack, "lana_vlinks", pin, sizeof(struct lana_vlinks), &page);
	if (err)
		return err;
	grown[pages->count++] =
		(struct vlink_page){ .number = number, .page = page, .vlinks = page.cells };
	return is_sane(page.cells) ? 0 : -EUCLEAN;
}

static int by_number(const void *a, const void *b)
{
	const struct vlink_page *left = a, *right = b;

	return (left->number > right->number) - (left->number < right->number);
}

int vlink_pages_open(struct lana_stack *stack, struct vlink_pages *pages, struct lana_error *error)
{
	struct dirent *entry;
	char path[320], rest;
	__u32 number;
	DIR *dir;
	int err = 0;

	dir = opendir(stack_path(stack, path, sizeof(path), "vlinks"));
	if (!dir && errno == ENOENT) /* the folder comes with the first link */
		return 0;
	if (!dir)
		err = -errno;
	while (!err && (entry = readdir(dir)))
		if (sscanf(entry->d_name, "%u@pag%c", &number, &rest) == 2)
			err = open_page(stack, pages, number);
	if (dir)
		closedir(dir);
	if (pages->count)
		qsort(pages->list, pages->count, sizeof(*pages->list), by_number);
	if (err == -EUCLEAN)
		return refuse(error, err, "what is known of tagged links is damaged: remove %s",
			      stack->folder);
	return err ? refuse(error, err, "cannot read which tagged links there are: %s",
			    strerror(-err))
		   : 0;
}

static bool is_taken(const struct vlink_pages *pages, __u32 number)
{
	for_each_page (page, pages)
		if (page->number == number)
			return true;
	return false;
}

static int make_page(struct lana_stack *stack, struct vlink_pages *pages,
		     const struct device *carrier, const char *netns)
{
	struct lana_vlinks *vlinks;
	char path[320];
	__u32 number = 0;
	int err;

	while (is_taken(pages, number))
		number++;
	if (number >= VLINK_CARRIERS_MAX)
		return -ENOSPC;
	if (mkdir(stack_path(stack, path, sizeof(path), "vlinks"), 0700) && errno != EEXIST)
		return -errno;
	err = open_page(stack, pages, number);
	if (err)
		return err;
	vlinks = pages->list[pages->count - 1].vlinks;
	vlinks->netns = carrier->netns;
	strcpy(vlinks->name, carrier->name);
	snprintf(vlinks->netns_name, sizeof(vlinks->netns_name), "%s", netns);
	vlinks->carrier = carrier->ifindex;
	return 0;
}

int vlink_page_get(struct lana_stack *stack, struct vlink_pages *pages,
		   const struct device *carrier, const char *netns, struct vlink_page **result,
		   struct lana_error *error)
{
	int err;

	for_each_page (page, pages)
		if (page->vlinks->netns == carrier->netns &&
		    page->vlinks->carrier == carrier->ifindex) {
			*result = page;
			return 0;
		}
	err = make_page(stack, pages, carrier, netns);
	if (err == -ENOSPC)
		return refuse(error, err, "a stack has tagged links on %d devices at most",
			      VLINK_CARRIERS_MAX);
	if (err)
		return refuse(error, err, "cannot make what tagged links on '%s' need: %s",
			      carrier->name, strerror(-err));
	*result = &pages->list[pages->count - 1];
	return 0;
}

bool vlink_page_is_used(const struct vlink_page *page)
{
	for_each_vlink (id, page)
		return true;
	return false;
}

int vlink_page_remove(struct lana_stack *stack, struct vlink_page *page)
{
	_cleanup_(netns_leave_p) int before = -1;
	char path[320];
	int err = 0, entered = vlink_enter(page, &before);

	if (entered && entered != -ENOENT)
		return entered;
	if (page->vlinks->carrier)
		err = vlink_detach_carrier(stack, page);
	if (!err && !entered && page->vlinks->allmulti)
		err = vlink_allmulti(page->vlinks->carrier, false);
	if (err)
		return err;
	page->vlinks->allmulti = false;
	if (unlink(vlink_pin(stack, path, page->number, "page")) && errno != ENOENT)
		return -errno;
	return 0;
}

bool vlink_find(const struct vlink_pages *pages, const char *name, struct vlink_page **result,
		__u32 *number)
{
	for_each_page (page, pages)
		for_each_vlink (id, page)
			if (!strcmp(page->vlinks->records[id].name, name)) {
				*result = page;
				*number = id;
				return true;
			}
	return false;
}
