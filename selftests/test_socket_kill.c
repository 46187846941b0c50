// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_socket_kill - a program that is killed at any system call of opening or closing a socket
 * leaves nothing of it, and the rest of the stack runs on
 *
 *	 left                                     right
 *	+-----------------------------+        +----------------------+
 *	| "app" ────────┐             |        |                      |
 *	|               ├── l0 ●──────|────────|────● r0 ──── "app"   |
 *	| "witness" ────┘             |        |                      |
 *	+-----------------------------+        +----------------------+
 *
 * The program opens "app", binds it, sends and closes it. It is killed at one of its stops at
 * system calls, for many of them. FAULTS_SEED repeats a run, FAULTS_ALL=1 leaves no stop out.
 */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "inspect.h"
#include "sockets.h"
#include "tap.h"
#include "topology.h"
#include "victim.h"

#define KILLS	 30
#define KEPT_MAX 65536

static struct side left, right;
static struct lana_socket *witness;
static int links; /* that are pinned when there are no more sockets than that */

/* ---- the program ------------------------------------------------------------------------- */

static struct lana_socket_options options;

static void *begin(void)
{
	const struct lana_stack_options of_stack = { .name = left.device,
						     .bpffs = topology_bpffs(),
						     .types = inspect_build("bpf/blocks"),
						     .netns = left.netns };
	struct lana_stack *stack;

	if (lana_stack_open(&of_stack, &stack, NULL))
		_exit(1);
	return stack;
}

static void work(void *state, unsigned int n)
{
	unsigned char frame[100];
	struct lana_socket *socket;

	(void)n;
	frame_make(frame, sizeof(frame), 3);
	if (lana_socket_open(state, "app", &options, &socket, NULL) ||
	    lana_bind(state, "app", left.device, NULL, NULL) ||
	    lana_socket_send(socket, frame, sizeof(frame), SECOND))
		_exit(2);
	lana_socket_close(socket);
}

static const struct victim victim = { .begin = begin, .work = work };

/* ---- what it had --------------------------------------------------------------------------- */

/*
 * Maps and programs that it held when it was killed and that are newer than the test. (Links it
 * holds by pins.)
 */
static struct held {
	const char *kind; /* as in fdinfo */
	int (*open)(__u32 id);
	int (*next)(__u32 from, __u32 *id);
	__u32 newest, count, ids[KEPT_MAX];
} held[] = {
	{ "map_id", bpf_map_get_fd_by_id, bpf_map_get_next_id, 0, 0, {} },
	{ "prog_id", bpf_prog_get_fd_by_id, bpf_prog_get_next_id, 0, 0, {} },
};

#define KINDS (sizeof(held) / sizeof(held[0]))

static void note_newest(void)
{
	for (size_t i = 0; i < KINDS; i++) {
		__u32 id = 0;

		while (!held[i].next(id, &id))
			held[i].newest = id;
	}
}

static void note_held(pid_t pid, const char *fd)
{
	char path[300], line[256];
	unsigned int id;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%s", pid, fd);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		for (size_t i = 0; i < KINDS; i++)
			if (!strncmp(line, held[i].kind, strlen(held[i].kind)) &&
			    sscanf(line, "%*s %u", &id) == 1 && id > held[i].newest &&
			    held[i].count < KEPT_MAX)
				held[i].ids[held[i].count++] = id;
	if (file)
		fclose(file);
}

static void look(pid_t pid)
{
	char path[64];
	struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo", pid);
	dir = opendir(path);
	while (dir && (entry = readdir(dir)))
		if (*entry->d_name != '.')
			note_held(pid, entry->d_name);
	if (dir)
		closedir(dir);
}

static bool is_there(const struct held *held, __u32 id)
{
	int fd = held->open(id);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* They are freed some time after their last user has gone. */
static void check_held(struct held *held)
{
	__u32 there = 0;

	for (int i = 0; i < 1000; i++) {
		there = 0;
		for (__u32 j = 0; j < held->count; j++)
			there += is_there(held, held->ids[j]);
		if (!there)
			break;
		usleep(10000);
	}
	tap_ok(held->count && !there, "of %u of kind %s that they held none is left", held->count,
	       held->kind);
	if (there)
		tap_note("%u are left", there);
}

/* ---- kills ----------------------------------------------------------------------------------- */

static bool cross(void)
{
	unsigned char frame[100], got[100];

	frame_make(frame, sizeof(frame), 7);
	if (lana_socket_send(witness, frame, sizeof(frame), SECOND))
		return false;
	do
		if (lana_socket_recv(right.socket, got, sizeof(got), NULL, SECOND) != sizeof(got))
			return false;
	while (!frame_is(got, sizeof(got), 7)); /* what the program has sent may come before */
	return !lana_socket_send(right.socket, frame, sizeof(frame), SECOND) &&
	       lana_socket_recv(witness, got, sizeof(got), NULL, SECOND) == sizeof(got) &&
	       frame_is(got, sizeof(got), 7);
}

/* NULL, or what is wrong. */
static const char *examine(void)
{
	if (inspect_faults(left.stack)) /* the first command after the kill */
		return "the stack is not sound";
	if (side_has_block(&left, "app"))
		return "the block is there";
	if (side_pins(&left, "sockets") != 1)
		return "a folder is left";
	if (side_pins(&left, "links") != links)
		return "a link is left";
	if (!side_await_devices(&left, 1))
		return "a device is left";
	side_do(&left, "bind witness l0");
	return cross() ? NULL : "the rest of the stack does not run on";
}

static void test_kills(const char *name, unsigned int *seed)
{
	int status;
	size_t stops, step;
	unsigned int killed = 0, wrong = 0;

	stops = victim_run_to(&victim, (size_t)-1, NULL, &status);
	if (status)
		tap_bail("%s: the program does not come to its end: %x", name, status);
	step = getenv("FAULTS_ALL") ? 1 : stops / KILLS + 1;
	for (size_t n = step == 1 ? 0 : rand_r(seed) % step; n < stops; n += step) {
		const char *fault;

		victim_run_to(&victim, n, look, &status);
		killed += WIFSIGNALED(status);
		fault = examine();
		if (fault)
			tap_note("%s: killed at stop %zu of %zu: %s", name, n, stops, fault);
		wrong += fault != NULL;
	}
	tap_ok(killed > KILLS / 2 && !wrong, "%s: %u kills at system calls, and nothing is left",
	       name, killed);
}

int main(void)
{
	const char *wanted = getenv("FAULTS_SEED");
	unsigned int seed = wanted ? strtoul(wanted, NULL, 0) : (unsigned int)time(NULL);

	topology_begin();
	tap_note("FAULTS_SEED=%u", seed);
	sides_open(&left, &right, LANA_HOOK_XDP);
	right.socket = side_socket(&right, "app", NULL);
	side_do(&right, "bind app r0");
	witness = side_socket(&left, "witness", &(struct lana_socket_options){ .indirect = true });
	side_do(&left, "bind witness l0");
	links = side_pins(&left, "links");
	note_newest();
	test_kills("straight from the device", &seed);
	options.indirect = true;
	test_kills("by its own device", &seed);
	lana_socket_close(witness);
	tap_ok(side_await_devices(&left, 0), "no device is left");
	sides_close(&left, &right);
	for (size_t i = 0; i < KINDS; i++)
		check_held(&held[i]);
	return tap_done();
}
