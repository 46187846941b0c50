// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

#include "private.h"

#define FOLDER	    "private"
#define DEPTH_FILES 16 /* that may be open while they are removed */

/* "/run/frr" is the file ",run,frr" in the node's. */
static int name_folder(const struct home *home, const char *node, const char *at,
		       char path[2 * HOME_PATH_MAX])
{
	int begin = snprintf(path, 2 * HOME_PATH_MAX, "%s/" FOLDER "/%s/", home->folder, node);

	if (snprintf(path + begin, 2 * HOME_PATH_MAX - begin, "%s", at) >=
	    2 * HOME_PATH_MAX - begin)
		return -ENAMETOOLONG;
	for (char *here = path + begin; *here; here++)
		*here = *here == '/' ? ',' : *here;
	return 0;
}

int private_folder(const struct home *home, const char *node, const char *at,
		   char path[2 * HOME_PATH_MAX])
{
	char parent[HOME_PATH_MAX];
	struct stat there;
	int err = name_folder(home, node, at, path);

	if (err)
		return err;
	if (stat(at, &there))
		return -errno;
	if (!S_ISDIR(there.st_mode))
		return -ENOTDIR;
	mkdir(home_path(home, parent, FOLDER), 0755);
	mkdir(home_path(home, parent, FOLDER "/%s", node), 0755);
	if (mkdir(path, 0700))
		return errno == EEXIST ? 0 : -errno;
	if (chown(path, there.st_uid, there.st_gid) || chmod(path, there.st_mode & 07777)) {
		err = -errno;
		rmdir(path);
	}
	return err;
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *where)
{
	(void)info, (void)type, (void)where;
	return remove(path) && errno != ENOENT ? -errno : 0;
}

int private_remove(const struct home *home, const char *node)
{
	char path[HOME_PATH_MAX];

	home_path(home, path, FOLDER "%s%s", node ? "/" : "", node ?: "");
	if (access(path, F_OK))
		return errno == ENOENT ? 0 : -errno;
	/* Links are removed and not followed; nor are mounts, which went with who made them. */
	return nftw(path, remove_one, DEPTH_FILES, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}
