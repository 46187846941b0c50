// SPDX-License-Identifier: GPL-2.0-only
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "cleanup.h"
#include "types_folder.h"

static void closedir_p(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

/* Split "NAME@VERSION". */
static bool split_pin(const char *pin, char *name, __u32 *version)
{
	const char *at = strrchr(pin, '@');

	if (!at || at - pin >= LANA_NAME_MAX)
		return false;
	snprintf(name, LANA_NAME_MAX, "%.*s", (int)(at - pin), pin);
	*version = strtoul(at + 1, NULL, 10);
	return *version;
}

static int add_pin(struct type_pins *pins, const char *name, __u32 version)
{
	struct type_pin *grown = reallocarray(pins->list, pins->count + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	pins->list = grown;
	strcpy(grown[pins->count].name, name);
	grown[pins->count++].version = version;
	return 0;
}

static int compare_pins(const void *a, const void *b)
{
	const struct type_pin *p = a, *q = b;

	return strcmp(p->name, q->name) ?: (p->version > q->version) - (p->version < q->version);
}

int type_pins_read(const struct lana_stack *stack, const char *name, struct type_pins *pins)
{
	_cleanup_(type_pins_free) struct type_pins read = {};
	_cleanup_(closedir_p) DIR *dir = NULL;
	struct dirent *entry;
	char path[320];

	dir = opendir(stack_path(stack, path, sizeof(path), "types"));
	if (!dir)
		return -errno;
	while ((entry = readdir(dir))) {
		char found[LANA_NAME_MAX];
		__u32 version;

		if (!split_pin(entry->d_name, found, &version) || (name && strcmp(found, name)))
			continue;
		if (add_pin(&read, found, version))
			return -ENOMEM;
	}
	if (read.count)
		qsort(read.list, read.count, sizeof(*read.list), compare_pins);
	*pins = read;
	read = (struct type_pins){};
	return 0;
}

void type_pins_free(struct type_pins *pins)
{
	free(pins->list);
}

int type_image_read(const struct lana_stack *stack, const char *name, __u32 version, void **image,
		    size_t *size)
{
	_cleanup_close_ int fd = -1;
	_cleanup_free_ void *bytes = NULL;
	struct bpf_map_info info = {};
	__u32 length = sizeof(info), zero = 0;
	char path[320];

	fd = bpf_obj_get(stack_path(stack, path, sizeof(path), "types/%s@%u", name, version));
	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &length))
		return -errno;
	bytes = calloc(1, info.value_size + 8); /* the kernel copies in units of 8 bytes */
	if (!bytes)
		return -ENOMEM;
	if (bpf_map_lookup_elem(fd, &zero, bytes))
		return -errno;
	*image = TAKE_PTR(bytes);
	*size = info.value_size;
	return 0;
}

int type_image_write(const struct lana_stack *stack, const struct type *type)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_RDONLY_PROG);
	_cleanup_close_ int fd = -1;
	_cleanup_free_ void *padded = NULL;
	__u32 zero = 0;
	char path[320];

	padded = calloc(1, type->image_size + 8);
	if (!padded)
		return -ENOMEM;
	memcpy(padded, type->image, type->image_size);

	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "lana_type", sizeof(zero), type->image_size, 1,
			    &options);
	stack_path(stack, path, sizeof(path), "types/%s@%u", type->name, type->version);
	if (fd < 0 || bpf_map_update_elem(fd, &zero, padded, BPF_ANY) || bpf_map_freeze(fd) ||
	    bpf_obj_pin(fd, path))
		return -errno;
	return 0;
}

int type_image_remove(const struct lana_stack *stack, const char *name, __u32 version)
{
	char path[320];

	stack_path(stack, path, sizeof(path), "types/%s@%u", name, version);
	return unlink(path) && errno != ENOENT ? -errno : 0;
}
