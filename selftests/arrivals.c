// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>

#include <lana/gen.h>

#include "arrivals.h"
#include "arrivals.skel.h"
#include "tap.h"
#include "topology.h"

struct arrivals *arrivals_seen;

void arrivals_watch(const char *netns, const char *device)
{
	LIBBPF_OPTS(bpf_link_create_opts, options, .flags = XDP_FLAGS_DRV_MODE);
	struct arrivals_bpf *program = arrivals_bpf__open_and_load();
	int home = topology_enter(netns), link;

	if (!program)
		tap_bail("arrivals: %s", strerror(errno));
	link = bpf_link_create(bpf_program__fd(program->progs.arrivals_receive),
			       topology_ifindex(netns, device), BPF_XDP, &options);
	if (link < 0)
		tap_bail("arrivals at %s: %s", device, strerror(-link));
	topology_leave(home);
	arrivals_seen = &program->bss->arrivals;
}

void arrivals_forget(void)
{
	arrivals_seen->count = 0;
}

uint64_t arrivals_send(const char *packet, const char *rate, uint64_t count, uint16_t stream)
{
	const struct lana_gen_options options = { .device = "g0",
						  .netns = "/run/netns/generator",
						  .packet = packet,
						  .packet_size = strlen(packet),
						  .rate = rate,
						  .count = count,
						  .stamp = true,
						  .stream = stream };
	struct lana_gen_report report;
	struct lana_error error = {};
	struct lana_gen *gen;

	if (lana_gen_open(&options, &gen, &error) || lana_gen_start(gen, &error))
		tap_bail("%s: %s", packet, error.text);
	while (lana_gen_wait(gen, 1000, &error) == -EAGAIN)
		;
	lana_gen_report(gen, &report);
	lana_gen_close(gen);
	return report.sent;
}

uint64_t arrivals_wait(uint64_t count, unsigned int quiet_ms)
{
	uint64_t before = 0, now;

	for (unsigned int quiet = 0; quiet < quiet_ms; quiet++) {
		now = __atomic_load_n(&arrivals_seen->count, __ATOMIC_ACQUIRE);
		if (now >= count)
			break;
		if (now != before)
			quiet = 0;
		before = now;
		usleep(1000);
	}
	return arrivals_seen->count;
}
