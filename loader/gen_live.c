// SPDX-License-Identifier: GPL-2.0-only
/*
 * gen_live - frames made in the kernel, by a program in a live-frames test run
 *
 * A run of many frames is one system call. It may take 60 ms to set up, so pace is kept inside:
 * runs of the program that come too early make no frame.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <bpf/bpf.h>

#include "cleanup.h"
#include "error.h"
#include "gen.h"

/*
 * Frames between two looks at the softirqs. A veth polls 64 at a time, so on a CPU that is left
 * alone its ring of 256 is never full.
 */
#define BATCH 64

/* Program runs a call. */
#define RUNS_MAX (1U << 30)

/* Those of paced runs mostly wait, for a microsecond each. */
#define PACED_RUNS_MAX (1U << 26)

/* Up to so many frames a second, a frame leaves as soon as it is made. */
#define SINGLE_MAX 1.6e6

static int make_map(const char *name, __u32 size, __u32 flags, __u32 type)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = flags);
	int fd = bpf_map_create(type, name, sizeof(__u32), size, 1, &options);

	return fd < 0 ? -errno : fd;
}

static int write_map(int map, const void *value)
{
	__u32 key = 0;

	return bpf_map_update_elem(map, &key, value, BPF_ANY) ? -errno : 0;
}

static int make_data(struct lana_gen *gen, __u32 *size)
{
	const struct gen_plan *plan = &gen->plan;
	_cleanup_free_ __u8 *data = NULL;
	__u32 needed;

	if (plan->templates.count)
		needed = gen_data_size(&plan->templates, plan->order_count);
	else
		/* All of the largest frame can be read behind each record, says the verifier. */
		needed = plan->records_size + sizeof(struct gen_record) + GEN_SIZE_MAX;
	data = calloc(1, needed);
	if (!data)
		return -ENOMEM;
	if (plan->templates.count)
		gen_data_write(&plan->templates, plan->order, plan->order_count, data);
	else
		memcpy(data, plan->records, plan->records_size);
	gen->data = make_map("lana_gen_data", needed, BPF_F_RDONLY_PROG, BPF_MAP_TYPE_ARRAY);
	if (gen->data < 0)
		return gen->data;
	*size = needed;
	return write_map(gen->data, data);
}

static int make_devices(struct lana_gen *gen)
{
	__u32 ifindex = gen->target.device.ifindex;

	gen->devices = make_map("lana_gen_dev", sizeof(ifindex), 0, BPF_MAP_TYPE_DEVMAP);
	return gen->devices < 0 ? gen->devices : write_map(gen->devices, &ifindex);
}

static int make_state(struct gen_sender *sender)
{
	size_t size = sizeof(struct gen_state);
	void *memory;

	sender->state_map = make_map("lana_gen_state", size, BPF_F_MMAPABLE, BPF_MAP_TYPE_ARRAY);
	if (sender->state_map < 0)
		return sender->state_map;
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, sender->state_map, 0);
	if (memory == MAP_FAILED)
		return -errno;
	sender->state = memory;
	return 0;
}

static int load(struct gen_sender *sender, __u32 data_size)
{
	struct lana_gen *gen = sender->gen;
	struct gen_plan *plan = &gen->plan;
	_cleanup_free_ struct gen_program *program = calloc(1, sizeof(*program));

	if (!program)
		return -ENOMEM;
	*program = (struct gen_program){
		.templates = plan->templates.count ? &plan->templates : NULL,
		.order = plan->order,
		.order_count = plan->order_count,
		.state = sender->state_map,
		.data = gen->data,
		.data_size = data_size,
		.key = gen_key(sender),
		.paced = plan->timed || plan->rate.packets || plan->rate.bits,
		.timed = plan->timed,
		.period = plan->period,
		.size_max = plan->size_max,
		.devices = gen->devices,
		.table = gen->session ? gen->entry.table : -1,
		.slot = gen->entry.slot,
		.context = gen->entry.context,
		.cpu_mask = gen->entry.cpu_mask,
	};
	program->intervals[0] = gen_interval(plan, plan->size_mean, gen->cpus);
	for (__u32 i = 0; i < plan->templates.count; i++)
		program->intervals[i] = gen_interval(plan, plan->templates.list[i].size, gen->cpus);
	sender->program = gen_load(program, NULL, 0);
	return sender->program < 0 ? sender->program : 0;
}

int gen_live_prepare(struct lana_gen *gen, struct lana_error *error)
{
	__u32 data_size;
	int err = make_data(gen, &data_size);

	if (!err && !gen->session)
		err = make_devices(gen);
	for (__u32 i = 0; !err && i < gen->cpus; i++) {
		err = make_state(&gen->senders[i]);
		if (!err)
			err = load(&gen->senders[i], data_size);
	}
	if (err == -EPERM || err == -EACCES)
		return refuse(error, err, "not permitted to load BPF programs: root is needed");
	if (err)
		return refuse(error, err, "the kernel refuses the program that makes frames: %s",
			      strerror(-err));
	return 0;
}

/* ---- running -------------------------------------------------------------------------------- */

static int run_once(struct gen_sender *sender, const void *frame)
{
	const struct gen_plan *plan = &sender->gen->plan;
	double rate = gen_plan_pps(plan);
	bool paced = rate > 0;
	__u64 sent = gen_read(sender->state->sent), limit = gen_read(sender->state->limit);
	LIBBPF_OPTS(bpf_test_run_opts, options, .flags = BPF_F_TEST_XDP_LIVE_FRAMES,
		    .batch_size = !paced || rate / sender->gen->cpus > SINGLE_MAX ? BATCH : 1,
		    .data_in = frame, .data_size_in = plan->size_max);

	if (paced)
		options.repeat = PACED_RUNS_MAX;
	else
		/* One more run than there are frames notes the time. */
		options.repeat = limit - sent < RUNS_MAX ? limit - sent + 1 : RUNS_MAX;
	if (bpf_prog_test_run_opts(sender->program, &options) && errno != EINTR)
		return -errno;
	if (gen_read(sender->state->refused))
		return -ENODEV;
	return 0;
}

int gen_live_run(struct gen_sender *sender)
{
	_cleanup_free_ void *frame = calloc(1, sender->gen->plan.size_max);
	int err = frame ? 0 : -ENOMEM;

	while (!err && !gen_is_done(sender))
		err = run_once(sender, frame);
	return err;
}
