// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/file.h>
#include <sys/stat.h>

#include "loader/cleanup.h"
#include "loader/error.h"
#include "home.h"
#include "hosts.h"

const char *home_root(const struct lana_topo_options *options)
{
	return options && options->folder ? options->folder : LANA_TOPO_FOLDER;
}

const char *home_path(const struct home *home, char path[HOME_PATH_MAX], const char *format, ...)
{
	int used = snprintf(path, HOME_PATH_MAX, "%s/", home->folder);
	va_list args;

	va_start(args, format);
	vsnprintf(path + used, HOME_PATH_MAX - used, format, args);
	va_end(args);
	return path;
}

const char *home_netns(const struct home *home, const char *node, char path[HOME_PATH_MAX])
{
	snprintf(path, HOME_PATH_MAX, NETNS_FOLDER "/%s%s%s", home->name, *node == '@' ? "" : ".",
		 node);
	return path;
}

int home_refuse(const struct home *home, int err, struct lana_error *error)
{
	return refuse(error, err, "cannot note network '%s' in %s: %s", home->name, home->folder,
		      strerror(-err));
}

/* ---- the folder ---------------------------------------------------------------------------- */

/* All folders above one that are missing, and itself. */
static int make_folders(const char *path)
{
	char above[HOME_PATH_MAX];

	for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		snprintf(above, sizeof(above), "%.*s", (int)(slash - path), path);
		if (mkdir(above, 0755) && errno != EEXIST)
			return -errno;
	}
	return mkdir(path, 0755) ? -errno : 0;
}

static bool is_named(const struct home *home)
{
	struct stat opened, named;

	return !fstat(home->fd, &opened) && !lstat(home->folder, &named) &&
	       opened.st_ino == named.st_ino && opened.st_dev == named.st_dev;
}

/* Whoever owns the folder could have root remove or mount what he likes. */
static bool is_trusted(int fd)
{
	struct stat info;

	return !fstat(fd, &info) && info.st_uid == geteuid() && !(info.st_mode & 022);
}

/* 1: another process removed it at this moment. */
static int open_once(struct home *home, bool create, struct lana_error *error)
{
	int err = create ? make_folders(home->folder) : 0;

	if (err && err != -EEXIST)
		return home_refuse(home, err, error);
	home->fd = open(home->folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (home->fd < 0 && errno == ENOENT)
		return create ? 1 : refuse(error, -ENOENT, "there is no network '%s'", home->name);
	if (home->fd < 0)
		return home_refuse(home, -errno, error);
	while (flock(home->fd, LOCK_EX))
		if (errno != EINTR)
			return home_refuse(home, -errno, error);
	if (!is_named(home))
		return 1;
	if (!is_trusted(home->fd))
		return refuse(error, -EPERM, "%s belongs to another user: remove it", home->folder);
	if (create && err == -EEXIST)
		return refuse(error, -EEXIST, "network '%s' is there already%s", home->name,
			      home_is_busy(home) ? ", left half made by a command that was killed: "
						   "lanactl topo down takes it away"
						 : "");
	return 0;
}

int home_open(const struct lana_topo_options *options, const char *network, bool create,
	      struct home *home, struct lana_error *error)
{
	struct home opened = { .fd = -1 };
	int err;

	if (!*network || strlen(network) >= sizeof(opened.name) || strpbrk(network, "/."))
		return refuse(error, -EINVAL, "'%.60s' is no name for a network", network);
	snprintf(opened.name, sizeof(opened.name), "%s", network);
	if (*home_root(options) != '/' ||
	    snprintf(opened.folder, sizeof(opened.folder), "%s/%s", home_root(options), network) >=
		    (int)sizeof(opened.folder))
		return refuse(error, -EINVAL, "the folder of networks must be an absolute path");
	while ((err = open_once(&opened, create, error)) > 0)
		home_close(&opened);
	if (err)
		home_close(&opened);
	else
		*home = opened;
	return err;
}

void home_close(struct home *home)
{
	if (home->fd >= 0)
		close(home->fd);
	home->fd = -1;
}

/* ---- files --------------------------------------------------------------------------------- */

static int write_all(int fd, const char *text, size_t size)
{
	while (size) {
		ssize_t written = write(fd, text, size);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return written ? -errno : -EIO;
		text += written;
		size -= written;
	}
	return 0;
}

int home_write(const struct home *home, const char *name, const char *text, size_t size)
{
	_cleanup_close_ int fd = -1;
	char temporary[64];
	int err;

	snprintf(temporary, sizeof(temporary), ".%s", name);
	fd = openat(home->fd, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	err = write_all(fd, text, size);
	if (!err && renameat(home->fd, temporary, home->fd, name))
		err = -errno;
	if (err)
		unlinkat(home->fd, temporary, 0);
	return err;
}

int home_overwrite(const struct home *home, const char *name, const char *text, size_t size)
{
	_cleanup_close_ int fd = openat(home->fd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	int err;

	if (fd < 0 || fchmod(fd, 0644)) /* whatever the umask is: it is for all users */
		return -errno;
	err = write_all(fd, text, size);
	return err || !ftruncate(fd, size) ? err : -errno;
}

int home_note(const struct home *home, const char *name, const char *line)
{
	_cleanup_close_ int fd =
		openat(home->fd, name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	_cleanup_free_ char *text = NULL;

	if (fd < 0)
		return -errno;
	if (asprintf(&text, "%s\n", line) < 0)
		return -ENOMEM;
	return write_all(fd, text, strlen(text));
}

int home_read(const struct home *home, const char *name, char **text, size_t *size)
{
	_cleanup_close_ int fd = openat(home->fd, name, O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *read_text = NULL;
	size_t used = 0;
	struct stat info;

	if (fd < 0 || fstat(fd, &info))
		return -errno;
	read_text = malloc(info.st_size + 1);
	if (!read_text)
		return -ENOMEM;
	while (used < (size_t)info.st_size) {
		ssize_t got = read(fd, read_text + used, info.st_size - used);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (!got)
			break;
		used += got;
	}
	read_text[used] = 0;
	*text = TAKE_PTR(read_text);
	if (size)
		*size = used;
	return 0;
}

/* ---- the network --------------------------------------------------------------------------- */

/* The link, the number of its network, and its ends. */
static void write_link(const struct net *net, const struct net_link *link, FILE *file)
{
	fprintf(file, "%s %u", link->name, link->subnet);
	for (size_t i = 0; i < link->ends_count; i++) {
		char end[NET_END_TEXT_MAX];

		fprintf(file, " %s", net_end_text(net, &link->ends[i], end));
	}
	putc('\n', file);
}

int home_store(const struct home *home, const struct lana_topo_source *source,
	       const struct net *net)
{
	_cleanup_free_ char *links = NULL, *where = NULL;
	size_t size;
	FILE *file = open_memstream(&links, &size);
	int err;

	if (!file)
		return -ENOMEM;
	for (size_t i = 0; i < net->links_count; i++)
		write_link(net, &net->links[i], file);
	if (fclose(file) || asprintf(&where, "%s\n%s\n", net->file_name, net->folder) < 0)
		return -ENOMEM;
	err = home_write(home, "links", links, size);
	if (!err)
		err = home_write(home, "source", where, strlen(where)) ?: hosts_write(home, net);
	return err ?: home_write(home, "text", source->text, source->size);
}

static int read_end(struct net *links, struct net_link *link, const char *text)
{
	struct net_end *end = NET_ADD(link->ends, link->ends_count);
	struct net_interface *interface;
	char name[NET_NAME_MAX], device[IFNAMSIZ];
	struct net_node *node;
	long found;

	if (!end)
		return -ENOMEM;
	if (sscanf(text, "%31[^:]:%15s", name, device) != 2)
		return -EINVAL;
	found = net_find_node(links, name);
	end->node = found < 0 ? (long)links->nodes_count : found;
	node = found < 0 ? NET_ADD(links->nodes, links->nodes_count) : &links->nodes[found];
	if (!node || (found < 0 && index_add(&links->names, registry_hash(name))))
		return -ENOMEM;
	memcpy(node->name, name, sizeof(name));
	end->interface = node->interfaces_count;
	interface = NET_ADD(node->interfaces, node->interfaces_count);
	if (!interface)
		return -ENOMEM;
	memcpy(interface->name, device, sizeof(device));
	return 0;
}

/* What was noted of links, as a network of nothing else. */
static int load_links(const struct home *home, struct net *links)
{
	_cleanup_free_ char *text = NULL;
	char *line, *word, *save_line, *save_word;
	int err = home_read(home, "links", &text, NULL);

	for (line = err ? NULL : strtok_r(text, "\n", &save_line); line && !err;
	     line = strtok_r(NULL, "\n", &save_line)) {
		struct net_link *link = NET_ADD(links->links, links->links_count);
		int length = 0;

		if (!link || sscanf(line, "%31s %u%n", link->name, &link->subnet, &length) != 2)
			return link ? -EINVAL : -ENOMEM;
		err = index_add(&links->link_names, registry_hash(link->name));
		for (word = strtok_r(line + length, " ", &save_word); word && !err;
		     word = strtok_r(NULL, " ", &save_word))
			err = read_end(links, link, word);
	}
	return err;
}

int home_store_set(const struct home *home, const struct net *net)
{
	char *text = NULL;
	size_t size = 0;
	FILE *file = open_memstream(&text, &size);
	int err = 0;

	for (size_t i = 0; file && i < net->links_count; i++)
		for (size_t j = 0; j < net->links[i].properties_count; j++) {
			const struct net_link *link = &net->links[i];
			const struct net_property *property = &link->properties[j];
			char end[NET_END_TEXT_MAX];

			if (property->live)
				fprintf(file, "%s %s %s %s %s\n", link->name,
					net_end_text(net, &link->ends[property->end], end),
					property->to ? "to" : "from", property->setting.key,
					property->setting.value);
		}
	if (!file || fclose(file))
		err = -ENOMEM;
	else if (size)
		err = home_write(home, "set", text, size);
	else if (unlinkat(home->fd, "set", 0) && errno != ENOENT)
		err = -errno;
	free(text);
	return err;
}

static int load_line(struct net *net, const char *line)
{
	char name[NET_NAME_MAX], end[64], way[8], key[LANA_NAME_MAX], value[200];
	char text[NET_END_TEXT_MAX];
	struct net_link *link;
	long found;

	if (sscanf(line, "%31s %63s %7s %31s %199s", name, end, way, key, value) != 5)
		return -EINVAL;
	found = net_find_link(net, name);
	link = found < 0 ? NULL : &net->links[found];
	for (size_t i = 0; link && i < link->ends_count; i++)
		if (!strcmp(net_end_text(net, &link->ends[i], text), end))
			return net_put_property(link, i, !strcmp(way, "to"), key, value);
	return 0;
}

/* Nothing may have been set. */
static int load_set(const struct home *home, struct net *net)
{
	_cleanup_free_ char *text = NULL;
	char *line, *save;
	int err = home_read(home, "set", &text, NULL);

	if (err)
		return err == -ENOENT ? 0 : err;
	for (line = strtok_r(text, "\n", &save); line && !err; line = strtok_r(NULL, "\n", &save))
		err = load_line(net, line);
	return err;
}

int home_load(const struct home *home, struct net *net, struct lana_error *error)
{
	_cleanup_(net_free) struct net links = {};
	_cleanup_free_ char *text = NULL, *where = NULL;
	struct lana_topo_source source = { .network = home->name };
	char *folder;
	int err = home_read(home, "text", &text, &source.size);

	if (!err)
		err = home_read(home, "source", &where, NULL);
	if (!err)
		err = load_links(home, &links);
	folder = err ? NULL : strchr(where, '\n');
	if (err || !folder)
		return refuse(error, err ?: -EINVAL,
			      "network '%s' is half made, or its notes are damaged: lanactl topo "
			      "down takes it away",
			      home->name);
	*folder++ = 0;
	folder[strcspn(folder, "\n")] = 0;
	source.name = where;
	source.text = text;
	err = net_read(&source, folder, &links, net, error);
	if (!err && load_set(home, net)) {
		net_free(net);
		err = refuse(error, -EINVAL, "%s/set cannot be read", home->folder);
	}
	return err;
}

int home_begin(const struct home *home)
{
	return home_write(home, "busy", "", 0);
}

void home_end(const struct home *home)
{
	unlinkat(home->fd, "busy", 0);
}

bool home_is_busy(const struct home *home)
{
	return !faccessat(home->fd, "busy", F_OK, 0);
}

int home_check(const struct home *home, struct lana_error *error)
{
	return home_is_busy(home)
		       ? refuse(error, -EBUSY,
				"network '%s' was left half changed by a command that was "
				"killed: lanactl topo down takes it away",
				home->name)
		       : 0;
}
