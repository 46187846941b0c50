// SPDX-License-Identifier: GPL-2.0-only
/*
 * relay - the user half of the least that can stand between sender and checker
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <stdlib.h>
#include <unistd.h>

#include "relay.h"
#include "relay.skel.h"
#include "traffic_endpoint.h"

struct relay {
	struct relay_bpf *skeleton;
	int link;
};

static int attach(struct relay *relay, const struct traffic_endpoint *input, const char *output,
		  unsigned int drop_every)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = XDP_FLAGS_DRV_MODE);
	unsigned int ifindex;
	int home, err;

	err = traffic_endpoint_enter(input, &home);
	if (err)
		return err;
	ifindex = if_nametoindex(output);
	err = ifindex ? 0 : -ENODEV;
	relay->skeleton->rodata->output = ifindex;
	relay->skeleton->rodata->drop_every = drop_every;
	if (!err)
		err = relay_bpf__load(relay->skeleton);
	if (!err) {
		relay->link = bpf_link_create(bpf_program__fd(relay->skeleton->progs.relay),
					      input->ifindex, BPF_XDP, &opts);
		err = relay->link < 0 ? relay->link : 0;
	}
	traffic_endpoint_leave(home);
	return err;
}

int relay_open(const char *input, const char *output, unsigned int drop_every, struct relay **relay)
{
	struct traffic_endpoint endpoint = TRAFFIC_ENDPOINT_CLOSED;
	struct relay *new;
	int err;

	new = calloc(1, sizeof(*new));
	if (!new)
		return -ENOMEM;
	new->link = -1;
	new->skeleton = relay_bpf__open();
	err = new->skeleton ? traffic_endpoint_open(&endpoint, input) : -errno;
	if (!err)
		err = attach(new, &endpoint, output, drop_every);
	traffic_endpoint_close(&endpoint);
	if (err) {
		relay_close(new);
		return err;
	}
	*relay = new;
	return 0;
}

void relay_close(struct relay *relay)
{
	if (!relay)
		return;
	if (relay->link >= 0)
		close(relay->link);
	relay_bpf__destroy(relay->skeleton);
	free(relay);
}
