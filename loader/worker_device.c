// SPDX-License-Identifier: GPL-2.0-only
/*
 * worker_device - the programs of a worker's device
 */
#include <errno.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "loop.h"
#include "worker.h"
#include "worker.skel.h"

static void destroy(void *object)
{
	worker__destroy(object);
}

/* The stack's own maps, and those that types share. */
static int set_maps(const struct lana_stack *stack, struct worker *object)
{
	const int tables[] = { [LANA_INGRESS] = stack->tables[LANA_XDP][LANA_INGRESS],
			       [LANA_EGRESS] = stack->tables[LANA_XDP][LANA_EGRESS] };
	const char *name;
	char path[320];
	int err = bpf_map__reuse_fd(object->maps.lana_loops, stack->loops.fd);

	if (!err)
		err = bpf_map__reuse_fd(object->maps.lana_context, stack->context_fd);
	if (!err)
		err = bpf_map__reuse_fd(object->maps.lana_ingress, tables[LANA_INGRESS]);
	if (!err)
		err = bpf_map__reuse_fd(object->maps.lana_egress, tables[LANA_EGRESS]);
	return err
		       ?: shared_maps_place(object->obj,
					    stack_path(stack, path, sizeof(path), "shared"), &name);
}

static int open_programs(struct lana_stack *stack, struct worker **result)
{
	struct worker *object = worker__open();
	int err = object ? set_maps(stack, object) : -errno;

	if (!err) {
		object->rodata->worker_cpu_mask = stack->cpus - 1;
		err = worker__load(object);
	}
	if (err) {
		worker__destroy(object);
		return err;
	}
	*result = object;
	return 0;
}

int worker_load(const struct socket_plan *plan, struct socket_programs *programs)
{
	struct lana_stack *stack = plan->stack;
	struct worker *object = NULL;
	int err = loops_count_lives(stack, NULL);

	if (!err)
		err = stack_open_tables(stack, LANA_XDP, NULL);
	if (err)
		return err;
	libbpf_hush();
	err = open_programs(stack, &object);
	libbpf_speak();
	if (err)
		return err;
	*programs = (struct socket_programs){
		.object = object,
		.close = destroy,
		.receive = bpf_program__fd(object->progs.worker_receive),
		.poll = bpf_program__fd(object->progs.worker_root),
		.ingress = bpf_program__fd(object->progs.worker_tc),
		.egress = bpf_program__fd(object->progs.worker_out),
		.xsks = bpf_map__fd(object->maps.worker_xsks),
		.counts = bpf_map__fd(object->maps.worker_counts),
	};
	return 0;
}
