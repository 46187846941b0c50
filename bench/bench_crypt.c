// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench_crypt - what encrypting costs, beside a program that just calls the kernel's cipher
 *
 * Frames are injected (BPF_PROG_TEST_RUN, live frames), encrypted and dropped, at XDP. What the
 * frame and the drop cost is the first column.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "bench.h"
#include "crypt_hand.skel.h"
#include "selftests/topology.h"

#define NETNS  "crypt"
#define DEVICE "c0"
#define OTHER  "c1"

static const unsigned int sizes[] = { 64, 512, 1468 };

#define ROUNDS	    (bench_quick() ? 1 : 7)
#define RUN_SECONDS (bench_quick() ? 0.02 : 0.1)

static char key_option[160];

static void make_key(void)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/key", topology_scratch());
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	bench_must(fd < 0 || write(fd, "0123456789abcdef0123456789abcdef", 32) != 32 ? -EIO : 0,
		   NULL, "%s", path);
	close(fd);
	snprintf(key_option, sizeof(key_option), "key=%s", path);
}

/* ns a frame of that size that the program drops */
static double inject(int program, unsigned int size)
{
	static unsigned char frame[2048] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0 };
	struct xdp_md context = { .data_end = size,
				  .ingress_ifindex = topology_ifindex(NETNS, DEVICE) };
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame, .data_size_in = size,
		    .ctx_in = &context, .ctx_size_in = sizeof(context), .repeat = 1 << 11,
		    .flags = BPF_F_TEST_XDP_LIVE_FRAMES, .batch_size = 64);
	int home = topology_enter(NETNS);
	double least = INFINITY;

	for (int round = 0; round < ROUNDS; round++) {
		double begin = bench_cpu_time(), spent;
		unsigned long frames = 0;

		do {
			bench_must(bpf_prog_test_run_opts(program, &options) ? -errno : 0, NULL,
				   "live frames");
			frames += options.repeat;
			spent = bench_cpu_time() - begin;
		} while (spent < RUN_SECONDS);
		least = bench_min(least, spent * 1e9 / frames);
	}
	topology_leave(home);
	return least;
}

/* The contexts that the block uses. */
static int open_keys(void)
{
	char folder[256], path[600];
	struct dirent *entry;
	int keys = -1;
	DIR *dir;

	snprintf(folder, sizeof(folder), "%s/lana/default/state", topology_bpffs());
	dir = opendir(folder);
	while (dir && keys < 0 && (entry = readdir(dir)))
		if (strstr(entry->d_name, "@lana_keys")) {
			snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
			keys = bpf_obj_get(path);
		}
	if (dir)
		closedir(dir);
	bench_must(keys < 0 ? -ENOENT : 0, NULL, "%s: no keys", folder);
	return keys;
}

/* Attached, as the stack's root is: the kernel calls such programs in another way. */
static struct crypt_hand_bpf *load_hand(void)
{
	struct crypt_hand_bpf *skeleton = crypt_hand_bpf__open();
	int keys = open_keys(), home;

	bench_must(skeleton ? bpf_map__reuse_fd(skeleton->maps.lana_keys, keys) : -errno, NULL,
		   "the program by hand");
	close(keys);
	bench_must(crypt_hand_bpf__load(skeleton), NULL, "the program by hand");
	home = topology_enter(NETNS);
	skeleton->links.crypt_hand =
		bpf_program__attach_xdp(skeleton->progs.crypt_hand, topology_ifindex(NETNS, OTHER));
	topology_leave(home);
	bench_must(skeleton->links.crypt_hand ? 0 : -errno, NULL, "attach");
	return skeleton;
}

static struct lana_stack *make_stack(const char *type)
{
	struct lana_stack *stack = bench_stack(NETNS);
	struct lana_hook_options options = { .hook = LANA_HOOK_XDP };
	const char *words[] = { "mode=encrypt", key_option, NULL };
	struct lana_error error;

	bench_must(lana_hook(stack, DEVICE, &options, &error), &error, "hook");
	bench_add(stack, "end", "drop");
	bench_must(lana_block_add(stack, "c", type, strcmp(type, "crypt") ? NULL : words, &error),
		   &error, "%s", type);
	bench_bind(stack, "end", "c", NULL, true);
	bench_bind(stack, "c", DEVICE, NULL, true);
	bench_must(lana_stack_fuse(stack, true, &error), &error, "fuse");
	return stack;
}

static void end_stack(struct lana_stack *stack)
{
	lana_stack_flush(stack, NULL);
	lana_stack_close(stack);
}

int main(void)
{
	static const struct bench_column columns[] = {
		{ "bytes", -6, 0 },   { "frame_ns", 9, 0 }, { "hand_ns", 9, 0 },
		{ "block_ns", 9, 0 }, { "ratio", 6, 3 },
	};
	double frame[LENGTH(sizes)], worst = 0;
	struct crypt_hand_bpf *hand;
	struct lana_stack *stack;

	bench_begin("crypt");
	topology_netns(NETNS);
	topology_veth(NETNS, DEVICE, NETNS, OTHER);
	make_key();
	stack = make_stack("forward");
	for (size_t i = 0; i < LENGTH(sizes); i++)
		frame[i] = inject(bench_attached(NETNS ":" DEVICE), sizes[i]);
	end_stack(stack);

	stack = make_stack("crypt");
	hand = load_hand();
	bench_table("encrypt", "ns a frame: dropped; encrypted, and dropped, by hand and by crypt",
		    columns, LENGTH(columns));
	for (size_t i = 0; i < LENGTH(sizes); i++) {
		char bytes[16];
		double bare = inject(bpf_program__fd(hand->progs.crypt_hand), sizes[i]);
		double block = inject(bench_attached(NETNS ":" DEVICE), sizes[i]);

		snprintf(bytes, sizeof(bytes), "%u", sizes[i]);
		bench_row(bytes, frame[i], bare, block, block / bare);
		worst = bench_max(worst, block / bare);
	}
	bench_goal("crypt / the same calls by hand", worst, 1.1, false);
	crypt_hand_bpf__destroy(hand);
	end_stack(stack);
	return bench_end();
}
