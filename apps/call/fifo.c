// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fifo.h"

/* Whoever can write to it is obeyed. */
static enum cli_status check_fifo(const char *path, const struct stat *status)
{
	if (!S_ISFIFO(status->st_mode))
		return cli_error("'%.100s' is there, and is no FIFO: commands come by one", path);
	if (status->st_uid && status->st_uid != geteuid())
		return cli_error("'%.100s' belongs to user %u, whose commands are not taken", path,
				 status->st_uid);
	if (status->st_mode & (S_IWGRP | S_IWOTH))
		return cli_error("others may write to '%.100s': its mode has to be 0600 or 0644",
				 path);
	return CLI_DONE;
}

static enum cli_status open_found(const char *path, int found, int *result)
{
	enum cli_status checked;
	struct stat status;
	char link[64];

	if (fstat(found, &status))
		return cli_error("cannot open the FIFO '%.100s': %s", path, strerror(errno));
	checked = check_fifo(path, &status);
	if (checked)
		return checked;
	/* For writing as well, so that it does not end when a writer goes. */
	snprintf(link, sizeof(link), "/proc/self/fd/%d", found);
	*result = open(link, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	return *result < 0 ? cli_error("cannot open the FIFO '%.100s': %s", path, strerror(errno))
			   : CLI_DONE;
}

/*
 * Who may write to the folder can put something else at the path at any time: so what is opened is
 * what was looked at, and never what a link leads to.
 */
enum cli_status fifo_open(const char *path, int *fd, bool *made)
{
	enum cli_status result;
	int found;

	if (!mkfifo(path, 0600))
		*made = true;
	else if (errno != EEXIST)
		return cli_error("cannot make the FIFO '%.100s': %s", path, strerror(errno));
	found = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (found < 0)
		return cli_error("cannot open the FIFO '%.100s': %s", path, strerror(errno));
	result = open_found(path, found, fd);
	close(found);
	return result;
}
