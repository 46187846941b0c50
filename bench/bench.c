// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench - what benchmarks share; see bench.h
 */
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <json-c/json.h>

#include "bench.h"
#include "selftests/tap.h"
#include "selftests/topology.h"
#include "selftests/traffic_endpoint.h"

static const char *bench_name;
static struct json_object *results, *table, *goals;
static const struct bench_column *columns;
static size_t columns_count;

/* ---- results ---------------------------------------------------------------------------- */

static void describe_machine(void)
{
	struct json_object *machine = json_object_new_object();
	struct utsname name;

	uname(&name);
	json_object_object_add(machine, "kernel", json_object_new_string(name.release));
	json_object_object_add(machine, "arch", json_object_new_string(name.machine));
	json_object_object_add(machine, "cpus", json_object_new_int(sysconf(_SC_NPROCESSORS_ONLN)));
	json_object_object_add(results, "machine", machine);
}

void bench_begin(const char *name)
{
	topology_begin();
	bench_name = name;
	results = json_object_new_object();
	goals = json_object_new_array();
	describe_machine();
	setvbuf(stdout, NULL, _IOLBF, 0);
	libbpf_set_print(NULL);
	setpriority(PRIO_PROCESS, 0, -20); /* what else the machine does is not to be measured */
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		tap_skip_all("two CPUs are needed: one sends, one changes");
}

static const char *build(void)
{
	return getenv("LANA_BUILD") ?: "build";
}

FILE *bench_file(const char *name)
{
	char path[512];
	FILE *file;

	snprintf(path, sizeof(path), "%s/bench/%s", build(), name);
	file = fopen(path, "we");
	bench_must(file ? 0 : -errno, NULL, "%s", path);
	return file;
}

bool bench_wanted(int argc, char **argv, const char *table)
{
	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], table))
			return true;
	return argc < 2;
}

int bench_end(void)
{
	char path[512];

	json_object_object_add(results, "goals", goals);
	snprintf(path, sizeof(path), "%s/bench/%s.json", build(), bench_name);
	if (json_object_to_file_ext(path, results, JSON_C_TO_STRING_PRETTY)) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return 1;
	}
	printf("\n-> %s\n", path);
	json_object_put(results);
	return 0;
}

void bench_table(const char *key, const char *title, const struct bench_column *new, size_t count)
{
	columns = new;
	columns_count = count;
	table = json_object_new_array();
	json_object_object_add(results, key, table);
	printf("\n%s\n", title);
	for (size_t i = 0; i < count; i++)
		printf("%*s%s", columns[i].width, columns[i].key, i + 1 < count ? "  " : "\n");
}

/* The one place that prints a value: on paper and in JSON. */
void bench_row(const char *first, ...)
{
	struct json_object *row = json_object_new_object(), *value;
	va_list args;

	va_start(args, first);
	for (size_t i = 0; i < columns_count; i++) {
		const struct bench_column *c = &columns[i];

		if (c->width < 0) {
			const char *text = i ? va_arg(args, const char *) : first;

			printf("%*s", c->width, text);
			value = json_object_new_string(text);
		} else {
			double number = va_arg(args, double);
			char text[32];

			snprintf(text, sizeof(text), "%.*f", c->decimals, number);
			printf("%*s", c->width, isnan(number) ? "-" : text);
			value = isnan(number) ? NULL : json_object_new_double_s(number, text);
		}
		json_object_object_add(row, c->key, value);
		printf("%s", i + 1 < columns_count ? "  " : "\n");
	}
	va_end(args);
	json_object_array_add(table, row);
}

void bench_goal(const char *text, double worst, double limit, bool at_least)
{
	bool met = at_least ? worst >= limit : worst <= limit;
	struct json_object *goal = json_object_new_object();

	printf("goal %-52s %s %g: %8.2f  %s\n", text, at_least ? ">=" : "<=", limit, worst,
	       met ? "met" : "MISSED");
	json_object_object_add(goal, "goal", json_object_new_string(text));
	json_object_object_add(goal, "limit", json_object_new_double(limit));
	json_object_object_add(goal, "worst", json_object_new_double(worst));
	json_object_object_add(goal, "met", json_object_new_boolean(met));
	json_object_array_add(goals, goal);
}

/* ---- numbers ---------------------------------------------------------------------------- */

static double read_clock(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

double bench_now(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

double bench_cpu_time(void)
{
	return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

bool bench_quick(void)
{
	return getenv("BENCH_QUICK");
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double bench_quantile(double *values, size_t count, double quantile)
{
	if (!count)
		return NAN;
	qsort(values, count, sizeof(*values), ascending);
	return values[(size_t)((count - 1) * quantile)];
}

void bench_pin(unsigned int cpu)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	bench_must(-pthread_setaffinity_np(pthread_self(), sizeof(cpus), &cpus), NULL, "CPU %u",
		   cpu);
}

/* ---- a stack ---------------------------------------------------------------------------- */

void bench_must(int err, const struct lana_error *error, const char *format, ...)
{
	char what[256];
	va_list args;

	if (!err)
		return;
	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	tap_bail("%s: %s", what, error && error->text[0] ? error->text : strerror(-err));
}

struct lana_stack *bench_stack(const char *netns)
{
	struct lana_stack_options options = {
		.bpffs = topology_bpffs(),
		.netns = netns,
		.create = true,
	};
	struct lana_error error = {};
	struct lana_stack *stack;

	bench_must(lana_stack_open(&options, &stack, &error), &error, "stack");
	return stack;
}

const char *bench_type(const char *name)
{
	static char path[512];

	snprintf(path, sizeof(path), "%s/bench/%s.bpf.o", build(), name);
	return path;
}

void bench_add(struct lana_stack *stack, const char *name, const char *type)
{
	struct lana_error error = {};

	bench_must(lana_block_add(stack, name, type, NULL, &error), &error, "add %s", name);
}

void bench_bind(struct lana_stack *stack, const char *upper, const char *lower, const char *port,
		bool ingress)
{
	struct lana_bind_options options = { .port = port, .ingress = ingress };
	struct lana_error error = {};

	bench_must(lana_bind(stack, upper, lower, &options, &error), &error, "bind %s %s", upper,
		   lower);
}

int bench_attached(const char *device)
{
	struct traffic_endpoint endpoint = TRAFFIC_ENDPOINT_CLOSED;
	__u32 id = 0;
	int home, fd;

	bench_must(traffic_endpoint_open(&endpoint, device), NULL, "%s", device);
	bench_must(traffic_endpoint_enter(&endpoint, &home), NULL, "%s", device);
	bench_must(bpf_xdp_query_id(endpoint.ifindex, 0, &id), NULL, "%s", device);
	traffic_endpoint_leave(home);
	traffic_endpoint_close(&endpoint);
	fd = bpf_prog_get_fd_by_id(id);
	bench_must(fd < 0 ? fd : 0, NULL, "the program of %s", device);
	return fd;
}
