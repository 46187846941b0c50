// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <bpf/bpf.h>

#include "cleanup.h"
#include "serve.h"
#include "socket.h"

void serve_memory_free(struct serve_memory *memory)
{
	if (!memory)
		return;
	close_p(&memory->frames);
	close_p(&memory->held);
	free(memory);
}

static void free_memory_p(struct serve_memory **memory)
{
	serve_memory_free(*memory);
}

/* An AF_XDP socket leaves the maps that it is in when the last of its descriptors is closed. */
static int put_xsks(const struct lana_socket *socket, struct serve_memory *memory)
{
	memory->held = bpf_map_create(BPF_MAP_TYPE_XSKMAP, "lana_held", sizeof(__u32),
				      sizeof(__u32), memory->xsks, NULL);
	if (memory->held < 0)
		return -errno;
	for (__u32 i = 0; i < memory->xsks; i++)
		if (bpf_map_update_elem(memory->held, &i, &socket->xsks[i].fd, BPF_ANY))
			return -errno;
	return 0;
}

int serve_memory_note(const struct lana_socket *socket, uid_t uid, struct serve_memory **result)
{
	_cleanup_(free_memory_p) struct serve_memory *memory = malloc(sizeof(*memory));
	int err;

	if (!memory)
		return -ENOMEM;
	*memory = (struct serve_memory){
		.uid = uid, .xsks = socket->parts.xsks, .frames = -1, .held = -1
	};
	memory->frames = fcntl(socket->parts.fds[SOCKET_FD_MEMORY], F_DUPFD_CLOEXEC, 0);
	if (memory->frames < 0)
		return -errno;
	err = put_xsks(socket, memory);
	if (err)
		return err;
	*result = TAKE_PTR(memory);
	return 0;
}

/*
 * What the program touches from then on is charged to itself. Where the kernel refuses, the memory
 * stays open, and is tried again.
 */
static void take_away(struct serve_memory *memory)
{
	off_t size = memory->frames < 0 ? 0 : lseek(memory->frames, 0, SEEK_END);

	if (size <= 0 ||
	    fallocate(memory->frames, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, size))
		return;
	close_p(&memory->frames);
	memory->frames = -1;
}

void serve_memory_end(struct lana_server *server, struct serve_memory *memory)
{
	take_away(memory);
	memory->next = server->kept;
	server->kept = memory;
}

/* Where one is another cannot be put. What the kernel refuses for other reasons is no answer. */
static bool is_held(struct lana_server *server, const struct serve_memory *memory)
{
	for (__u32 i = 0; i < memory->xsks; i++)
		if (bpf_map_update_elem(memory->held, &i, &server->probe, BPF_NOEXIST))
			return true;
	return false;
}

static bool have_probe(struct lana_server *server)
{
	if (server->probe < 0)
		server->probe = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
	return server->probe >= 0;
}

__u32 serve_memory_kept(struct lana_server *server, uid_t uid)
{
	struct serve_memory **at = &server->kept;
	bool look = server->kept && have_probe(server);
	__u32 count = 0;

	while (*at) {
		struct serve_memory *memory = *at;

		take_away(memory);
		if (look && memory->frames < 0 && !is_held(server, memory)) {
			*at = memory->next;
			serve_memory_free(memory);
			continue;
		}
		count += uid == (uid_t)-1 || memory->uid == uid;
		at = &memory->next;
	}
	return count;
}
