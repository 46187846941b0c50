// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypt_bench.h"
#include "tap.h"
#include "topology.h"

unsigned char file_one[32], file_two[32];
struct reference_keys one_a, one_b, two_a, two_b;

/* ---- keys ----------------------------------------------------------------------------------- */

const char *crypt_path(const char *name)
{
	static char paths[4][64];
	static int next;

	next = (next + 1) % 4;
	snprintf(paths[next], sizeof(paths[next]), "%.40s/%s", topology_scratch(), name);
	return paths[next];
}

void crypt_write_file(const char *name, const void *bytes, size_t size, mode_t mode)
{
	int fd = open(crypt_path(name), O_CREAT | O_TRUNC | O_WRONLY, mode);

	if (fd < 0 || write(fd, bytes, size) != (ssize_t)size || fchmod(fd, mode))
		tap_bail("%s: %s", name, strerror(errno));
	close(fd);
}

static void make_keys(void)
{
	for (int i = 0; i < 32; i++) {
		file_one[i] = 7 * i + 1;
		file_two[i] = 201 - 5 * i;
	}
	crypt_write_file("one", file_one, 32, 0600);
	crypt_write_file("two", file_two, 32, 0600);
	reference_derive(file_one, 'a', &one_a);
	reference_derive(file_one, 'b', &one_b);
	reference_derive(file_two, 'a', &two_a);
	reference_derive(file_two, 'b', &two_b);
}

void crypt_put(struct workbench *bench, const char *options, const char *key, const char *also)
{
	struct lana_error error;
	char text[256], extra[80] = "";

	if (also)
		snprintf(extra, sizeof(extra), " also=%s", crypt_path(also));
	snprintf(text, sizeof(text), "%s key=%s%s", options, crypt_path(key), extra);
	if (workbench_add(bench, "crypt", text, &error))
		tap_bail("crypt %s: %s", text, error.text);
}

/* ---- packets -------------------------------------------------------------------------------- */

void crypt_make_plain(struct packet *packet, unsigned int size)
{
	static const unsigned char header[14] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x12, 0x34 };

	*packet = (struct packet){ .size = size };
	for (unsigned int i = 0; i < size; i++)
		packet->bytes[i] = i < sizeof(header) ? header[i] : i * 31 + size;
}

struct reference_header crypt_header(const struct reference_keys *keys, unsigned int side,
				     const struct packet *packet, unsigned long long number)
{
	return (struct reference_header){ .version = 1,
					  .side = side,
					  .key = keys->id,
					  .length = packet->size - 12,
					  .salt = 0x01020304,
					  .number = number };
}

static bool is_same(const struct packet *one, const struct packet *other)
{
	return one->size == other->size && !memcmp(one->bytes, other->bytes, one->size);
}

const char *crypt_run(struct workbench *bench, int flavour, const struct packet *packet)
{
	static char where[64];
	struct packet got = *packet;

	if (!workbench_run(bench, flavour, &got, where, sizeof(where)))
		return "no packet";
	if (strcmp(where, "next") && !is_same(&got, packet))
		return "changed";
	return where;
}

void crypt_open(struct workbench *bench)
{
	struct lana_error error;

	topology_begin();
	workbench_open(bench, LANA_TYPES_DIR);
	make_keys();
	if (workbench_add(bench, "crypt", NULL, &error)) {
		workbench_close(bench);
		if (strstr(error.text, "that this kernel lacks"))
			tap_skip_all("%s", error.text);
		tap_bail("%s", error.text);
	}
	workbench_rm(bench);
}
