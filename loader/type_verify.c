// SPDX-License-Identifier: GPL-2.0-only
/*
 * type_verify - have the kernel verify a type, and say what it thinks of it
 */
#include <ctype.h>
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <bpf/bpf.h>

#include "cleanup.h"
#include "error.h"
#include "kfunc.h"
#include "type.h"
#include "type_events.h"

/* ---- the words of libbpf and of the verifier ------------------------------------------------ */

/* The one thing global in liblana, because it is global in libbpf. */
static struct {
	pthread_mutex_t lock;
	unsigned int users;
	libbpf_print_fn_t before;
} hush = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* What libbpf says last of a function of the kernel: there is no other way to learn which. */
static __thread char complaint[256];

/* Not NULL: libbpf looks twice, and another thread may be in between. */
static int say_nothing(enum libbpf_print_level level, const char *format, va_list args)
{
	if (level == LIBBPF_WARN && strstr(format, "ksym"))
		vsnprintf(complaint, sizeof(complaint), format, args);
	return 0;
}

void libbpf_hush(void)
{
	pthread_mutex_lock(&hush.lock);
	if (!hush.users++)
		hush.before = libbpf_set_print(say_nothing);
	pthread_mutex_unlock(&hush.lock);
}

void libbpf_speak(void)
{
	pthread_mutex_lock(&hush.lock);
	if (!--hush.users)
		libbpf_set_print(hush.before);
	pthread_mutex_unlock(&hush.lock);
}

const char *verifier_verdict(char *log)
{
	const char *verdict = "no reason given";
	char *rest = log;

	for (char *line; (line = strsep(&rest, "\n"));) {
		/* "12: (85) call …" and "; source" show the way, the last plain line says it. */
		if (!*line || isdigit((unsigned char)*line) || *line == ';' || *line == ' ' ||
		    !strncmp(line, "processed ", 10) || !strncmp(line, "from ", 5) ||
		    !strncmp(line, "func#", 5) || !strncmp(line, "mark_precise", 12) ||
		    !strncmp(line, "verification time", 17) || !strncmp(line, "cur state:", 10) ||
		    !strncmp(line, "old state:", 10) || !strncmp(line, "stack depth", 11))
			continue;
		verdict = line;
	}
	return verdict;
}

/* ---- loading ------------------------------------------------------------------------------ */

/*
 * Use the map pinned at path. Not left to libbpf, which takes flags that the kernel adds to
 * device maps for a difference.
 */
static int reuse_map(struct bpf_map *map, int fd)
{
	struct bpf_map_info info = {};
	__u32 size = sizeof(info);
	int err;

	if (bpf_obj_get_info_by_fd(fd, &info, &size))
		return -errno;
	if (info.type != bpf_map__type(map) || info.key_size != bpf_map__key_size(map) ||
	    info.value_size != bpf_map__value_size(map) ||
	    info.max_entries != bpf_map__max_entries(map))
		return -EEXIST;
	err = bpf_map__set_pin_path(map, NULL);
	return err ?: bpf_map__reuse_fd(map, fd);
}

int shared_maps_place(struct bpf_object *object, const char *shared, const char **name)
{
	struct bpf_map *map;
	char path[512];

	bpf_object__for_each_map (map, object) {
		_cleanup_close_ int fd = -1;
		int err;

		if (!bpf_map__pin_path(map))
			continue;
		snprintf(path, sizeof(path), "%s/%s", shared, bpf_map__name(map));
		fd = bpf_obj_get(path);
		err = fd >= 0 ? reuse_map(map, fd) : bpf_map__set_pin_path(map, path);
		*name = bpf_map__name(map);
		if (err)
			return err;
	}
	return 0;
}

static int place_shared_maps(struct type *type, const char *shared, struct lana_error *error)
{
	const char *name = "";
	int err = shared_maps_place(type->object, shared, &name);

	return err ? refuse(error, err, "type '%s' cannot share map '%s': %s", type->name, name,
			    err == -EEXIST ? "the stack's one is of another layout"
					   : strerror(-err))
		   : 0;
}

static void set_log(struct type *type, char *log, size_t size)
{
	for (int flavour = 0; flavour < LANA_FLAVOURS; flavour++)
		bpf_program__set_log_buf(type->programs[flavour], log, size);
	if (type->event)
		bpf_program__set_log_buf(type->event, log, size);
}

int type_verify(struct type *type, const char *shared,
		void (*verbose)(void *cookie, const char *text), void *cookie,
		struct lana_error *error)
{
	_cleanup_free_ char *log = calloc(1, VERIFIER_LOG_SIZE);
	int err;

	if (!log)
		return -ENOMEM;
	set_log(type, log, VERIFIER_LOG_SIZE);

	err = place_shared_maps(type, shared, error);
	if (err)
		return err;

	complaint[0] = 0;
	libbpf_hush();
	err = bpf_object__load(type->object);
	libbpf_speak();
	if (err == -EPERM && !*log)
		return refuse(error, err,
			      "not permitted to load BPF programs (root, or CAP_SYS_ADMIN "
			      "and CAP_NET_ADMIN, is needed)");
	if (err && !*log && kfunc_refuse(type->name, complaint, error))
		return err;
	if (err) {
		if (verbose && *log)
			verbose(cookie, log);
		return refuse(error, err, "the kernel refuses type '%s': %s", type->name,
			      *log ? verifier_verdict(log) : strerror(-err));
	}

	type_maps(type->object, &type->maps);
	set_log(type, NULL, 0);
	err = type_check_publishing(type, error);
	if (!err)
		err = kfunc_find_modules(type, error);
	type->verified = !err;
	return err;
}
