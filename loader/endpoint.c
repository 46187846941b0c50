// SPDX-License-Identifier: GPL-2.0-only
/*
 * endpoint - where the far ends of tunnels are that blocks have learnt (maps/endpoints.h)
 */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include <bpf/bpf.h>

#include "cleanup.h"
#include "error.h"
#include "stack.h"

/* Those that are known; how many. */
static size_t read_all(int map, struct lana_endpoint_info *infos)
{
	struct lana_endpoint endpoint;
	size_t count = 0;

	for (__u32 peer = 1; peer < LANA_PEERS_MAX; peer++) {
		if (bpf_map_lookup_elem(map, &peer, &endpoint) || !endpoint.place)
			continue;
		infos[count] = (struct lana_endpoint_info){
			.peer = peer,
			.port = ntohs(LANA_PLACE_PORT(endpoint.place)),
		};
		inet_ntop(AF_INET, &(__u32){ LANA_PLACE_ADDRESS(endpoint.place) },
			  infos[count].address, sizeof(infos[count].address));
		count++;
	}
	return count;
}

int lana_endpoint_list(struct lana_stack *stack, struct lana_endpoint_info **endpoints,
		       size_t *count, struct lana_error *error)
{
	_cleanup_close_ int map = -1;
	struct lana_endpoint_info *infos;
	char path[320];
	int err = stack_lock(stack, error);

	if (err)
		return err;
	LOCKED(stack);

	map = bpf_obj_get(stack_path(stack, path, sizeof(path), "shared/lana_endpoints"));
	if (map < 0 && errno != ENOENT)
		return refuse(error, -errno, "no '%s': %s", path, strerror(errno));
	infos = calloc(LANA_PEERS_MAX, sizeof(*infos));
	if (!infos)
		return refuse(error, -ENOMEM, "out of memory");
	*count = map < 0 ? 0 : read_all(map, infos);
	*endpoints = infos;
	return 0;
}
