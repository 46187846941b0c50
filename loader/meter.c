// SPDX-License-Identifier: GPL-2.0-only
/*
 * meter - what the kernel counts at devices and on CPUs
 */
#include <errno.h>
#include <net/if.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <linux/ethtool.h>
#include <linux/perf_event.h>
#include <linux/sockios.h>

#include <netlink/netlink.h>
#include <netlink/route/link.h>

#include "cleanup.h"
#include "clock.h"
#include "error.h"
#include "netns.h"

struct lana_meter {
	int netns; /* of the devices; -1: the caller's */
	int *perf; /* by CPU: counts its switches of context; -1: cannot */
	size_t cpus;
	char (*devices)[IFNAMSIZ];
	size_t devices_count;
};

/* ---- devices -------------------------------------------------------------------------------- */

static int ethtool(int fd, const char *name, void *request)
{
	struct ifreq ifreq = { .ifr_data = request };

	snprintf(ifreq.ifr_name, sizeof(ifreq.ifr_name), "%s", name);
	return ioctl(fd, SIOCETHTOOL, &ifreq) ? -errno : 0;
}

static __u32 count_own(int fd, const char *name)
{
	_cleanup_free_ struct ethtool_sset_info *set = calloc(1, sizeof(*set) + sizeof(__u32));

	if (!set)
		return 0;
	*set = (struct ethtool_sset_info){ .cmd = ETHTOOL_GSSET_INFO,
					   .sset_mask = 1ULL << ETH_SS_STATS };
	return ethtool(fd, name, set) || !set->sset_mask ? 0 : set->data[0];
}

/* A driver that has none, or no memory for them, leaves the list empty. */
static void read_own(struct lana_device_reading *device)
{
	_cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	__u32 count = fd < 0 ? 0 : count_own(fd, device->name);
	_cleanup_free_ struct ethtool_gstrings *names =
		calloc(1, sizeof(*names) + (size_t)count * ETH_GSTRING_LEN);
	_cleanup_free_ struct ethtool_stats *values =
		calloc(1, sizeof(*values) + (size_t)count * sizeof(__u64));

	if (!count || !names || !values)
		return;
	*names = (struct ethtool_gstrings){ .cmd = ETHTOOL_GSTRINGS,
					    .string_set = ETH_SS_STATS,
					    .len = count };
	*values = (struct ethtool_stats){ .cmd = ETHTOOL_GSTATS, .n_stats = count };
	if (ethtool(fd, device->name, names) || ethtool(fd, device->name, values) ||
	    names->len != count || values->n_stats != count)
		return; /* the number of queues was just changed */
	device->own = calloc(count, sizeof(*device->own));
	for (__u32 i = 0; device->own && i < count; i++) {
		struct lana_count *own = &device->own[device->own_count++];

		memcpy(own->name, names->data + i * ETH_GSTRING_LEN, sizeof(own->name) - 1);
		own->value = values->data[i];
	}
}

static int read_device(struct nl_sock *socket, const char *name, struct lana_device_reading *device,
		       struct lana_error *error)
{
	struct rtnl_link *link = NULL;

	if (rtnl_link_get_kernel(socket, 0, name, &link))
		return refuse(error, -ENODEV, "no device '%s'", name);
	snprintf(device->name, sizeof(device->name), "%s", name);
	device->ifindex = rtnl_link_get_ifindex(link);
	device->received = (struct lana_traffic){
		.packets = rtnl_link_get_stat(link, RTNL_LINK_RX_PACKETS),
		.bytes = rtnl_link_get_stat(link, RTNL_LINK_RX_BYTES),
		.dropped = rtnl_link_get_stat(link, RTNL_LINK_RX_DROPPED) +
			   rtnl_link_get_stat(link, RTNL_LINK_RX_MISSED_ERR),
		.errors = rtnl_link_get_stat(link, RTNL_LINK_RX_ERRORS),
	};
	device->transmitted = (struct lana_traffic){
		.packets = rtnl_link_get_stat(link, RTNL_LINK_TX_PACKETS),
		.bytes = rtnl_link_get_stat(link, RTNL_LINK_TX_BYTES),
		.dropped = rtnl_link_get_stat(link, RTNL_LINK_TX_DROPPED),
		.errors = rtnl_link_get_stat(link, RTNL_LINK_TX_ERRORS),
	};
	rtnl_link_put(link);
	read_own(device);
	return 0;
}

static int read_devices(const struct lana_meter *meter, struct lana_reading *reading,
			struct lana_error *error)
{
	_cleanup_(netns_leave_p) int before = -1;
	struct nl_sock *socket;
	int err = meter->netns < 0 ? 0 : netns_enter_fd(meter->netns, &before);

	if (err)
		return refuse(error, err, "cannot enter the network namespace: %s", strerror(-err));
	reading->devices = calloc(meter->devices_count + 1, sizeof(*reading->devices));
	socket = reading->devices ? nl_socket_alloc() : NULL;
	if (!socket)
		return refuse(error, -ENOMEM, "out of memory");
	if (nl_connect(socket, NETLINK_ROUTE))
		err = refuse(error, -errno, "no netlink socket: %s", strerror(errno));
	while (!err && reading->devices_count < meter->devices_count) {
		size_t i = reading->devices_count++;

		err = read_device(socket, meter->devices[i], &reading->devices[i], error);
	}
	nl_socket_free(socket);
	return err;
}

/* ---- CPUs ----------------------------------------------------------------------------------- */

static struct lana_cpu_reading *find_cpu(const struct lana_reading *reading, __u32 cpu)
{
	for (size_t i = 0; i < reading->cpus_count; i++)
		if (reading->cpus[i].cpu == cpu)
			return &reading->cpus[i];
	return NULL;
}

static bool add_cpu(struct lana_reading *reading, const struct lana_cpu_reading *cpu)
{
	struct lana_cpu_reading *grown =
		reallocarray(reading->cpus, reading->cpus_count + 1, sizeof(*grown));

	if (!grown)
		return false;
	reading->cpus = grown;
	grown[reading->cpus_count++] = *cpu;
	return true;
}

/* proc_stat(5): the CPUs that are online, and how many switches there were. */
static int read_stat(struct lana_reading *reading, struct lana_error *error)
{
	FILE *file = fopen("/proc/stat", "re");
	_cleanup_free_ char *line = NULL;
	bool failed = false;
	size_t size = 0;

	if (!file)
		return refuse(error, -errno, "no /proc/stat: %s", strerror(errno));
	while (getline(&line, &size, file) > 0) {
		unsigned long long user, nice, system, idle, wait, irq, softirq, stolen, switches;
		__u32 number;

		/* The line of all CPUs has a blank behind "cpu". */
		if (strncmp(line, "cpu ", 4) &&
		    sscanf(line, "cpu%u %llu %llu %llu %llu %llu %llu %llu %llu", &number, &user,
			   &nice, &system, &idle, &wait, &irq, &softirq, &stolen) == 9) {
			const struct lana_cpu_reading cpu = { .cpu = number,
							      .user = user + nice,
							      .system = system,
							      .irq = irq + softirq,
							      .idle = idle + wait,
							      .stolen = stolen };

			failed |= !add_cpu(reading, &cpu);
		} else if (sscanf(line, "ctxt %llu", &switches) == 1) {
			reading->switches = switches;
		}
	}
	fclose(file);
	return failed ? refuse(error, -ENOMEM, "out of memory") : 0;
}

/* The header of a table of /proc names a CPU for each column. How many there are. */
static size_t read_header(const char *line, __u32 **columns)
{
	size_t count = 0;

	while ((line = strstr(line, "CPU"))) {
		__u32 *grown = reallocarray(*columns, count + 1, sizeof(*grown));

		if (!grown)
			return 0;
		*columns = grown;
		(*columns)[count++] = strtoul(line + 3, (char **)&line, 10);
	}
	return count;
}

/* Add the rows of that label, or (NULL) all, to a field of each CPU's reading. */
static void add_row(struct lana_reading *reading, const char *row, const __u32 *columns,
		    size_t count, size_t field)
{
	for (size_t i = 0; i < count; i++) {
		struct lana_cpu_reading *cpu = find_cpu(reading, columns[i]);
		char *end;
		unsigned long long value = strtoull(row, &end, 10);

		if (end == row) /* rows like ERR have one number, that is no CPU's */
			return;
		row = end;
		if (cpu)
			*(uint64_t *)((char *)cpu + field) += value;
	}
}

static void read_table(struct lana_reading *reading, const char *path, const char *label,
		       size_t field)
{
	FILE *file = fopen(path, "re");
	_cleanup_free_ __u32 *columns = NULL;
	_cleanup_free_ char *line = NULL;
	size_t size = 0, count = 0;

	while (file && getline(&line, &size, file) > 0) {
		char *name = line + strspn(line, " "), *row = strchr(line, ':');

		if (!count)
			count = read_header(line, &columns);
		if (!row || (!label && (!strncmp(name, "ERR:", 4) || !strncmp(name, "MIS:", 4))) ||
		    (label && strncmp(name, label, row - name)))
			continue;
		add_row(reading, row + 1, columns, count, field);
	}
	if (file)
		fclose(file);
}

static void read_switches(const struct lana_meter *meter, struct lana_reading *reading)
{
	for (size_t i = 0; i < reading->cpus_count; i++) {
		struct lana_cpu_reading *cpu = &reading->cpus[i];
		__u64 value;

		if (cpu->cpu >= meter->cpus || meter->perf[cpu->cpu] < 0 ||
		    read(meter->perf[cpu->cpu], &value, sizeof(value)) != sizeof(value))
			continue;
		cpu->has_switches = true;
		cpu->switches = value;
	}
}

/* /proc has them of all CPUs together only; a kernel without perf, or privilege, has no more. */
static int open_switches(__u32 cpu)
{
	struct perf_event_attr attr = { .type = PERF_TYPE_SOFTWARE,
					.size = sizeof(attr),
					.config = PERF_COUNT_SW_CONTEXT_SWITCHES };

	return syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
}

/* ------------------------------------------------------------------------------------------- */

int lana_meter_read(struct lana_meter *meter, struct lana_reading *reading,
		    struct lana_error *error)
{
	struct lana_reading found = {};
	int err = read_devices(meter, &found, error);
	uint64_t time = clock_ns(CLOCK_MONOTONIC);

	if (!err)
		err = read_stat(&found, error);
	if (err) {
		lana_reading_free(&found);
		return err;
	}
	found.time = time;
	read_table(&found, "/proc/softirqs", "NET_RX", offsetof(struct lana_cpu_reading, net_rx));
	read_table(&found, "/proc/softirqs", "NET_TX", offsetof(struct lana_cpu_reading, net_tx));
	read_table(&found, "/proc/interrupts", NULL, offsetof(struct lana_cpu_reading, interrupts));
	read_switches(meter, &found);
	*reading = found;
	return 0;
}

void lana_reading_free(struct lana_reading *reading)
{
	for (size_t i = 0; i < reading->devices_count; i++)
		free(reading->devices[i].own);
	free(reading->devices);
	free(reading->cpus);
	*reading = (struct lana_reading){};
}

void lana_meter_close(struct lana_meter *meter)
{
	if (!meter)
		return;
	for (size_t i = 0; i < meter->cpus; i++)
		close_p(&meter->perf[i]);
	close_p(&meter->netns);
	free(meter->perf);
	free(meter->devices);
	free(meter);
}

static void close_meter_p(struct lana_meter **meter)
{
	lana_meter_close(*meter);
}

static int take_devices(struct lana_meter *meter, const char *const *devices,
			struct lana_error *error)
{
	size_t count = 0;

	while (devices[count])
		count++;
	meter->devices = calloc(count + 1, sizeof(*meter->devices));
	if (!meter->devices)
		return refuse(error, -ENOMEM, "out of memory");
	for (size_t i = 0; i < count; i++) {
		if (!*devices[i] || strlen(devices[i]) >= IFNAMSIZ)
			return refuse(error, -ENODEV, "no device '%s'", devices[i]);
		strcpy(meter->devices[meter->devices_count++], devices[i]);
	}
	return 0;
}

/* A descriptor of the namespace: its name may be given to another one. */
static int open_netns(const char *netns, int *fd, struct lana_error *error)
{
	int before = -1, err = netns_enter(netns ?: "", &before, error);

	if (err || before < 0)
		return err;
	*fd = netns_own();
	err = *fd < 0 ? refuse(error, *fd, "no network namespace: %s", strerror(-*fd)) : 0;
	netns_leave(before);
	return err;
}

int lana_meter_open(const char *netns, const char *const *devices, struct lana_meter **result,
		    struct lana_error *error)
{
	_cleanup_(close_meter_p) struct lana_meter *meter = calloc(1, sizeof(*meter));
	struct lana_reading reading = {};
	long cpus = sysconf(_SC_NPROCESSORS_CONF);
	int err;

	if (!meter)
		return refuse(error, -ENOMEM, "out of memory");
	meter->netns = -1;
	meter->perf = calloc(cpus > 0 ? cpus : 1, sizeof(*meter->perf));
	if (!meter->perf)
		return refuse(error, -ENOMEM, "out of memory");
	for (long cpu = 0; cpu < cpus; cpu++)
		meter->perf[meter->cpus++] = open_switches(cpu);
	err = take_devices(meter, devices, error);
	if (!err)
		err = open_netns(netns, &meter->netns, error);
	if (!err)
		err = lana_meter_read(meter, &reading, error); /* are they there? */
	if (err)
		return err;
	lana_reading_free(&reading);
	*result = TAKE_PTR(meter);
	return 0;
}
