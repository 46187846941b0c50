// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_crypt_keys - keys of block crypt: changed one by one, refused, never to be seen, and freed
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "crypt_bench.h"
#include "tap.h"
#include "topology.h"

/* ---- changing ---------------------------------------------------------------------------- */

static void set_keys(struct workbench *bench, const char *key, const char *also)
{
	char one[80], two[80] = "also=";
	const char *options[] = { one, two, NULL };
	struct lana_error error;

	snprintf(one, sizeof(one), "key=%s", crypt_path(key));
	if (also)
		snprintf(two, sizeof(two), "also=%s", crypt_path(also));
	if (lana_block_set(bench->stack, "dut", options, &error))
		tap_bail("%s", error.text);
}

static const char *run_side(struct workbench *bench, const struct reference_keys *keys, int side,
			    unsigned long long number)
{
	struct reference_header header;
	struct packet packet;

	crypt_make_plain(&packet, 64);
	header = crypt_header(keys, side, &packet, number);
	reference_seal(keys, &header, &packet);
	return crypt_run(bench, LANA_XDP, &packet);
}

static const char *run_key(struct workbench *bench, const struct reference_keys *keys,
			   unsigned long long number)
{
	return run_side(bench, keys, 0, number);
}

static void test_rotation(struct workbench *bench)
{
	struct reference_header before, after;
	struct packet packet;
	char where[64];

	crypt_put(bench, "mode=decrypt side=b", "one", NULL);
	tap_is_text(run_key(bench, &one_a, 10), "next", "the first key");
	tap_is_text(run_key(bench, &two_a, 11), "bad", "the second one is not known");
	set_keys(bench, "one", "two");
	tap_is_text(run_key(bench, &one_a, 12), "next", "both: the first");
	tap_is_text(run_key(bench, &two_a, 13), "next", "both: the second");
	tap_is_text(run_key(bench, &two_a, 12), "replayed", "numbers are one sequence");
	set_keys(bench, "two", "one");
	tap_is_text(run_key(bench, &one_a, 13), "replayed", "what came before is remembered");
	tap_is_text(run_key(bench, &one_a, 14), "next", "exchanged: the first");
	tap_is_text(run_key(bench, &two_a, 15), "next", "exchanged: the second");
	set_keys(bench, "two", NULL);
	tap_is_text(run_key(bench, &one_a, 16), "bad", "the first is not accepted any more");
	tap_is_text(run_key(bench, &two_b, 17), "bad", "nor are the other side's keys");
	tap_is_text(run_key(bench, &two_a, 18), "next", "the second is");
	workbench_rm(bench);

	crypt_put(bench, "mode=encrypt", "one", NULL);
	crypt_make_plain(&packet, 64);
	workbench_run(bench, LANA_XDP, &packet, where, sizeof(where));
	reference_header(&packet, &before);
	set_keys(bench, "two", NULL);
	crypt_make_plain(&packet, 64);
	workbench_run(bench, LANA_XDP, &packet, where, sizeof(where));
	reference_header(&packet, &after);
	tap_is(after.key, two_a.id, "set changes the key of what is sent");
	tap_is(after.number, before.number + 1, "and numbers go on");
	tap_is(after.salt, before.salt, "with the same salt");
	workbench_rm(bench);
}

/* Keys that the kernel has are kept when others are set, whatever has become of their files. */
static void test_keeping(struct workbench *bench)
{
	struct lana_error error = {};
	char also[80], key[80];
	int err;

	crypt_write_file("here", file_one, 32, 0600);
	crypt_put(bench, "mode=decrypt side=b", "here", NULL);
	unlink(crypt_path("here"));
	snprintf(also, sizeof(also), "also=%s", crypt_path("two"));
	err = lana_block_set(bench->stack, "dut", (const char *[]){ also, NULL }, &error);
	tap_is(err, 0, "another key is set, and the file of the first has gone %s", error.text);
	tap_is_text(run_key(bench, &one_a, 10), "next", "the first is kept");
	lana_block_set(bench->stack, "dut", (const char *[]){ "side=a", NULL }, NULL);
	tap_is_text(run_side(bench, &one_b, 1, 11), "next", "for the other side, too");
	lana_block_set(bench->stack, "dut", (const char *[]){ "side=b", NULL }, NULL);
	tap_is_text(run_key(bench, &two_a, 12), "next", "the other is there");

	crypt_write_file("here", file_two, 32, 0600);
	err = lana_block_set(bench->stack, "dut", (const char *[]){ "also=", NULL }, &error);
	tap_is(err, 0, "nor is a file read that has another key now %s", error.text);
	tap_is_text(run_key(bench, &one_a, 13), "next", "the first is kept");
	tap_is_text(run_key(bench, &two_a, 14), "bad", "the other is not");

	snprintf(key, sizeof(key), "key=%s", crypt_path("here"));
	err = lana_block_set(bench->stack, "dut", (const char *[]){ key, NULL }, &error);
	tap_is(err, 0, "set again it is read %s", error.text);
	tap_is_text(run_key(bench, &two_a, 15), "next", "and is what the file has");
	tap_is_text(run_key(bench, &one_a, 16), "bad", "and not the first");
	workbench_rm(bench);
}

static void test_refusals(struct workbench *bench)
{
	static const struct {
		const char *name;
		size_t size;
		mode_t mode;
		const char *why;
	} cases[] = {
		{ "short", 31, 0600, "has 31 bytes" },
		{ "open", 32, 0604, "chmod 600" },
		{ "group", 32, 0640, "chmod 600" },
		{ "long", 33, 0600, "has 33 bytes" },
	};
	struct packet packet;
	struct lana_error error;
	char text[256];

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		crypt_write_file(cases[i].name, "0123456789abcdef0123456789abcdef0", cases[i].size,
				 cases[i].mode);
		snprintf(text, sizeof(text), "key=%s", crypt_path(cases[i].name));
		error.text[0] = 0;
		tap_ok(workbench_add(bench, "crypt", text, &error) < 0 &&
			       strstr(error.text, cases[i].why) &&
			       !strstr(error.text, "0123456789ab"),
		       "refused: %s", error.text);
	}
	snprintf(text, sizeof(text), "key=%s", crypt_path("none"));
	tap_ok(workbench_add(bench, "crypt", text, &error) < 0, "refused: %s", error.text);
	if (workbench_add(bench, "crypt", "mode=encrypt", &error))
		tap_bail("%s", error.text);
	crypt_make_plain(&packet, 64);
	tap_is_text(crypt_run(bench, LANA_XDP, &packet), "drop policy",
		    "without a key nothing is sent");
	tap_is(workbench_counter(bench, "keyless"), 1, "which is counted");
	workbench_rm(bench);
}

/* ---- secrets -------------------------------------------------------------------------------- */

static bool holds_secret(const unsigned char *bytes, size_t size)
{
	const struct reference_keys *all[] = { &one_a, &one_b, &two_a, &two_b };

	if (memmem(bytes, size, file_one, 8) || memmem(bytes, size, file_two, 8))
		return true;
	for (int i = 0; i < 4; i++)
		for (int use = 0; use < REFERENCE_KEYS; use++)
			if (memmem(bytes, size, all[i]->all[use], 8))
				return true;
	return false;
}

/* All of a map's entries: of arrays, as these hold whatever a block or the loader writes. */
static int dump_map(int fd, const struct bpf_map_info *info, unsigned int *entries)
{
	int cpus = libbpf_num_possible_cpus(), found = 0;
	size_t size = (size_t)cpus * ((info->value_size + 7) & ~7u);
	unsigned char *key = calloc(1, info->key_size + 1), *value = calloc(1, size);

	for (bool more = !bpf_map_get_next_key(fd, NULL, key); more;
	     more = !bpf_map_get_next_key(fd, key, key)) {
		if (bpf_map_lookup_elem(fd, key, value))
			continue;
		++*entries;
		found += holds_secret(value, size);
	}
	free(key);
	free(value);
	return found;
}

static int dump_folder(const char *folder, unsigned int *entries, unsigned int *scratch)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	int found = 0;

	while (dir && (entry = readdir(dir))) {
		struct bpf_map_info info = {};
		unsigned int size = sizeof(info);
		char path[512];
		int fd;

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		if (entry->d_type == DT_DIR) {
			found += dump_folder(path, entries, scratch);
			continue;
		}
		fd = bpf_obj_get(path);
		if (fd < 0)
			continue;
		if (!bpf_obj_get_info_by_fd(fd, &info, &size) && info.value_size)
			found += dump_map(fd, &info, entries);
		*scratch += !strcmp(info.name, "scratch");
		close(fd);
	}
	if (dir)
		closedir(dir);
	return found;
}

static bool tells_key(const struct workbench *bench)
{
	struct lana_key_info *keys;
	struct lana_error error;
	char want[17];
	size_t count;
	bool right;

	for (int i = 0; i < 8; i++)
		snprintf(want + 2 * i, 3, "%02x", one_a.fingerprint[i]);
	if (lana_block_keys(bench->stack, "dut", &keys, &count, &error))
		tap_bail("%s", error.text);
	right = count == 2 && !strcmp(keys[0].option, "key") &&
		!strcmp(keys[0].fingerprint, want) && !strcmp(keys[1].option, "also");
	free(keys);
	return right;
}

static void test_secrets(struct workbench *bench)
{
	unsigned int entries = 0, scratch = 0;
	struct packet packet;
	char where[64];
	int found;

	crypt_put(bench, "mode=encrypt", "one", "two");
	crypt_make_plain(&packet, 500);
	workbench_run(bench, LANA_XDP, &packet, where, sizeof(where));
	found = dump_folder(topology_bpffs(), &entries, &scratch);
	tap_is(found, 0, "no map that can be read holds a key (%u entries)", entries);
	tap_ok(scratch && entries > 100, "the block's were among them");
	tap_ok(tells_key(bench), "the fingerprint is HKDF's");
	workbench_rm(bench);
}

/* How many users the kernel's cipher has. */
static int cipher_users(void)
{
	FILE *file = fopen("/proc/crypto", "re");
	char line[128], name[64] = "";
	int users = 0;

	while (file && fgets(line, sizeof(line), file)) {
		sscanf(line, "driver : %63s", name);
		if (strstr(name, "cbc(") && strstr(name, "aes"))
			sscanf(line, "refcnt : %d", &users);
		else
			continue;
		if (!strncmp(line, "refcnt", 6))
			break;
	}
	if (file)
		fclose(file);
	return users;
}

static void test_release(struct workbench *bench)
{
	int before = cipher_users(), during;

	for (int i = 0; i < 300 && cipher_users() != 1; i++)
		usleep(10000);
	before = cipher_users();
	crypt_put(bench, "mode=encrypt", "one", "two");
	during = cipher_users();
	set_keys(bench, "two", "one");
	workbench_rm(bench);
	for (int i = 0; i < 300 && cipher_users() > before; i++)
		usleep(10000);
	tap_ok(during >= before + 12, "a block holds contexts of the kernel (%d, then %d)", before,
	       during);
	tap_is(cipher_users(), before, "which are freed when it goes, keys that were set too");
}

int main(void)
{
	struct workbench bench;

	crypt_open(&bench);
	test_rotation(&bench);
	test_keeping(&bench);
	test_refusals(&bench);
	test_secrets(&bench);
	test_release(&bench);
	workbench_close(&bench);
	return tap_done();
}
