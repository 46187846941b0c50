// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <linux/if_link.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <lana/gen.h>

#include "cleanup.h"
#include "device.h"
#include "error.h"
#include "netns.h"
#include "sink.skel.h"
#include "sink_counts.h"
#include "type.h"

#define TCX_INGRESS 46 /* enum bpf_attach_type of kernel 6.6; libbpf 1.1 is older */

_Static_assert(LANA_DELAY_BUCKETS == SINK_BUCKETS, "one number, for two kinds of readers");

struct lana_sink {
	struct sink *skeleton;
	int link;
	const char *hook;
	char device[16];
	bool running;
	__u32 cpus;
	const struct sink_stream *streams;
	const struct sink_counts *counts; /* SINK_STREAMS_MAX a CPU */
	size_t streams_size, counts_size;
};

/* ---- opening -------------------------------------------------------------------------------- */

/* Where a sink may be attached, the best place first. */
static const struct place {
	const char *hook;
	bool tc;
	int attach_type;
	__u32 flags;
} places[] = {
	{ "xdp", false, BPF_XDP, XDP_FLAGS_DRV_MODE },
	{ "tcx", true, TCX_INGRESS, 0 },
	{ "skb", false, BPF_XDP, XDP_FLAGS_SKB_MODE },
};

static __u32 count_cpus(void)
{
	__u32 possible = libbpf_num_possible_cpus(), cpus = 1;

	while (cpus < possible)
		cpus *= 2;
	return cpus;
}

/* The queues of a device may be polled by several CPUs; a veth's only one is polled by one. */
static bool is_concurrent(const struct device *device, const struct place *place)
{
	return !device->is_veth || strcmp(place->hook, "xdp") || device_queues(device->name) != 1;
}

static int load(struct lana_sink *sink, const struct device *device, const struct place *place)
{
	struct sink *skeleton;
	int err;

	libbpf_hush();
	skeleton = sink__open();
	err = skeleton ? 0 : -errno;
	if (!err) {
		skeleton->rodata->cpu_mask = sink->cpus - 1;
		skeleton->rodata->concurrent = is_concurrent(device, place);
		bpf_program__set_autoload(skeleton->progs.sink_xdp, !place->tc);
		bpf_program__set_autoload(skeleton->progs.sink_tc, place->tc);
		err = bpf_map__set_max_entries(skeleton->maps.counts,
					       SINK_STREAMS_MAX * sink->cpus);
	}
	if (!err)
		err = sink__load(skeleton);
	libbpf_speak();
	if (err)
		sink__destroy(skeleton);
	else
		sink->skeleton = skeleton;
	return err;
}

static int attach(struct lana_sink *sink, const struct device *device, const struct place *place)
{
	LIBBPF_OPTS(bpf_link_create_opts, options, .flags = place->flags);
	struct bpf_program *program =
		place->tc ? sink->skeleton->progs.sink_tc : sink->skeleton->progs.sink_xdp;
	int link = bpf_link_create(bpf_program__fd(program), device->ifindex, place->attach_type,
				   &options);

	if (link < 0)
		return -errno;
	sink->link = link;
	sink->hook = place->hook;
	return 0;
}

static int refuse_attach(int err, const char *device, struct lana_error *error)
{
	if (err == -EPERM || err == -EACCES)
		return refuse(error, err, "not permitted to load BPF programs: root is needed");
	if (err == -EBUSY || err == -EEXIST)
		return refuse(error, -EBUSY,
			      "device '%s' has an XDP program already, and the kernel no tcx",
			      device);
	return refuse(error, err, "cannot attach a sink to '%s': %s", device, strerror(-err));
}

/* The first place that will have it. The kernel's word on XDP says more than that on tcx. */
static int attach_somewhere(struct lana_sink *sink, const struct device *device,
			    struct lana_error *error)
{
	int first = 0;

	for (size_t i = 0; i < ARRAY_SIZE(places) && sink->link < 0; i++) {
		int err = load(sink, device, &places[i]);

		if (!err)
			err = attach(sink, device, &places[i]);
		if (sink->link < 0) {
			sink__destroy(sink->skeleton);
			sink->skeleton = NULL;
		}
		first = first ?: err;
	}
	return sink->link < 0 ? refuse_attach(first, device->name, error) : 0;
}

static int map_memory(const struct bpf_map *map, size_t size, const void **memory)
{
	void *mapped = mmap(NULL, size, PROT_READ, MAP_SHARED, bpf_map__fd(map), 0);

	if (mapped == MAP_FAILED)
		return -errno;
	*memory = mapped;
	return 0;
}

static int open_sink(struct lana_sink *sink, const struct lana_sink_options *options,
		     struct lana_error *error)
{
	_cleanup_(netns_leave_p) int before = -1;
	struct device device;
	int err = netns_enter(options->netns ?: "", &before, error);

	if (!err)
		err = device_query(options->device, &device, error);
	if (err)
		return err;
	strcpy(sink->device, device.name);
	err = attach_somewhere(sink, &device, error);
	if (err)
		return err;
	sink->streams_size = SINK_STREAMS_MAX * sizeof(*sink->streams);
	sink->counts_size = sink->cpus * SINK_STREAMS_MAX * sizeof(*sink->counts);
	err = map_memory(sink->skeleton->maps.streams, sink->streams_size,
			 (const void **)&sink->streams);
	if (!err)
		err = map_memory(sink->skeleton->maps.counts, sink->counts_size,
				 (const void **)&sink->counts);
	return err ? refuse(error, err, "cannot read the counts: %s", strerror(-err)) : 0;
}

int lana_sink_open(const struct lana_sink_options *options, struct lana_sink **result,
		   struct lana_error *error)
{
	struct lana_sink *sink = calloc(1, sizeof(*sink));
	int err;

	if (!sink)
		return refuse(error, -ENOMEM, "out of memory");
	sink->link = -1;
	sink->cpus = count_cpus();
	sink->running = options->running;
	err = open_sink(sink, options, error);
	if (err)
		lana_sink_close(sink);
	else
		*result = sink;
	return err;
}

void lana_sink_close(struct lana_sink *sink)
{
	if (!sink)
		return;
	close_p(&sink->link);
	if (sink->streams)
		munmap((void *)sink->streams, sink->streams_size);
	if (sink->counts)
		munmap((void *)sink->counts, sink->counts_size);
	sink__destroy(sink->skeleton);
	free(sink);
}

/* ---- report --------------------------------------------------------------------------------- */

#define load(value) __atomic_load_n(&(value), __ATOMIC_RELAXED)

uint64_t lana_delay_bucket(uint32_t bucket)
{
	uint32_t power = bucket / SINK_PARTS;
	uint64_t part = bucket % SINK_PARTS;

	return power ? (SINK_PARTS + part) << (power - 1) : part;
}

/* The middle of the bucket in which that part of all delays ends, as far as there were any. */
static uint64_t quantile(const struct lana_sink_stream *stream, uint64_t all, double part)
{
	uint64_t wanted = all * part, below = 0, middle;
	uint32_t b = 0;

	while (b < SINK_BUCKETS - 1 && below + stream->delays[b] <= wanted)
		below += stream->delays[b++];
	middle = (lana_delay_bucket(b) + lana_delay_bucket(b + 1)) / 2;
	if (middle < stream->delay_min)
		return stream->delay_min;
	return middle > stream->delay_max ? stream->delay_max : middle;
}

/* Add what a CPU has counted. */
struct sums {
	__u64 fresh, delay_sum, least, first, last;
};

static void add(struct lana_sink_stream *stream, struct sums *sums, const struct sink_counts *count)
{
	__u64 least = load(count->least), first = load(count->first), last = load(count->last);
	__u64 delay_min = load(count->delay_min), delay_max = load(count->delay_max);

	if (!first)
		return;
	sums->fresh += load(count->fresh);
	sums->delay_sum += load(count->delay_sum);
	if (!sums->least || least < sums->least)
		sums->least = least;
	if (!sums->first || first < sums->first)
		sums->first = first;
	if (last > sums->last)
		sums->last = last;
	stream->bytes += load(count->bytes);
	stream->duplicated += load(count->duplicated);
	stream->reordered += load(count->reordered);
	stream->old += load(count->old);
	if (!stream->delay_min || delay_min < stream->delay_min)
		stream->delay_min = delay_min;
	if (delay_max > stream->delay_max)
		stream->delay_max = delay_max;
	for (__u32 b = 0; b < SINK_BUCKETS; b++)
		stream->delays[b] += load(count->buckets[b]);
}

static void read_stream(const struct lana_sink *sink, __u32 key, __u32 place,
			struct lana_sink_stream *stream)
{
	struct sums sums = {};
	__u64 next, all = 0;

	*stream = (struct lana_sink_stream){ .run = key >> 16, .stream = key };
	for (__u32 cpu = 0; cpu < sink->cpus; cpu++)
		add(stream, &sums, &sink->counts[cpu * SINK_STREAMS_MAX + place]);
	/* Read after what was counted: there are never more numbers than came. */
	next = load(sink->streams[place].next);
	stream->received = sums.fresh + stream->duplicated + stream->old;
	if (!sums.first)
		return;
	stream->lowest = sums.least - 1;
	stream->highest = next ? next - 1 : 0;
	stream->lost = next - (sink->running ? stream->lowest : 0);
	stream->lost = stream->lost > sums.fresh ? stream->lost - sums.fresh : 0;
	stream->seconds = (sums.last - sums.first) / 1e9;
	stream->delay_min--;
	for (__u32 b = 0; b < SINK_BUCKETS; b++)
		all += stream->delays[b];
	stream->delay_p50 = quantile(stream, all, 0.5);
	stream->delay_p99 = quantile(stream, all, 0.99);
	stream->delay_mean = all ? (double)sums.delay_sum / all : 0;
}

static int by_key(const void *a, const void *b)
{
	const struct lana_sink_stream *x = a, *y = b;
	__u32 left = (__u32)x->run << 16 | x->stream, right = (__u32)y->run << 16 | y->stream;

	return (left > right) - (left < right);
}

/* A link to a device that has gone has no number of one. */
static bool has_gone(const struct lana_sink *sink)
{
	struct bpf_link_info info = {};
	__u32 length = sizeof(info);

	return !bpf_obj_get_info_by_fd(sink->link, &info, &length) && !info.xdp.ifindex;
}

int lana_sink_report(const struct lana_sink *sink, struct lana_sink_report *report,
		     struct lana_error *error)
{
	struct lana_sink_report r = { .hook = sink->hook };
	int places_fd = bpf_map__fd(sink->skeleton->maps.places);
	__u32 key, *before = NULL, place;

	r.streams = calloc(SINK_STREAMS_MAX, sizeof(*r.streams));
	if (!r.streams)
		return refuse(error, -ENOMEM, "out of memory");
	for (; r.streams_count < SINK_STREAMS_MAX && !bpf_map_get_next_key(places_fd, before, &key);
	     before = &key)
		if (!bpf_map_lookup_elem(places_fd, &key, &place)) {
			read_stream(sink, key, place, &r.streams[r.streams_count]);
			r.stamped += r.streams[r.streams_count++].received;
		}
	qsort(r.streams, r.streams_count, sizeof(*r.streams), by_key);
	for (__u32 cpu = 0; cpu < sink->cpus; cpu++) {
		r.unchecked += load(sink->skeleton->bss->aside[cpu].unchecked);
		r.others += load(sink->skeleton->bss->aside[cpu].other);
	}
	r.stamped += r.unchecked;
	*report = r;
	return has_gone(sink) ? refuse(error, -ENODEV, "device '%s' has gone", sink->device) : 0;
}
