// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench_socket - a socket beside the kernel's packet sockets and UDP
 *
 *	far                      near
 *	f0 ──────────────────── n0 ── stack ── socket
 *
 * Receiving: the generator sends from f0 as fast as it goes, and the receivers take turns at n0.
 * Sending: each sender sends into a veth at whose other end the stack drops; the socket into its
 * own, and also through the stack by n0 to f0. What is told is the best of all turns.
 * Ping-pong: a program at either end, on CPUs of their own.
 */
#include <errno.h>
#include <math.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>

#include <lana/gen.h>
#include <lana/socket.h>

#include "bare.h"
#include "bench.h"
#include "packet.h"
#include "selftests/topology.h"
#include "socket_lab.h"

#define ROUNDS	  (bench_quick() ? 1 : 5)
#define SECONDS	  (bench_quick() ? 0.05 : 0.3)
#define BATCH	  256
#define FRAME_MAX 2048

struct result {
	double rate; /* packets a second */
	double cpu;  /* ns of the thread's time a packet */
};

static void keep_best(struct result *best, double packets, double seconds, double cpu)
{
	if (packets / seconds > best->rate)
		*best = (struct result){ packets / seconds, packets ? cpu / packets * 1e9 : NAN };
}

/* ---- receivers ---------------------------------------------------------------------------- */

/* Each takes packets until the time is over, and returns how many. */
struct receiver {
	const char *name;
	uint64_t (*receive)(double until);
	bool is_socket;
};

static uint64_t receive_recvfrom(double until)
{
	return packet_recvfrom("n0", until);
}

static uint64_t receive_mapped(double until)
{
	return packet_mapped("n0", until);
}

static uint64_t receive_bare(double until)
{
	int home = topology_enter("near");
	struct bare *bare = bare_open("n0", 2048, true);
	uint64_t count = 0;

	topology_leave(home);
	while (bench_now() < until)
		count += bare_receive(bare);
	bare_close(bare);
	return count;
}

static uint64_t borrow_until(double until, int64_t timeout)
{
	struct lana_frame frames[BATCH];
	uint64_t count = 0;

	while (bench_now() < until) {
		int got = lana_socket_borrow(socket_lab.app, frames, BATCH, timeout);

		if (got <= 0)
			continue;
		count += got;
		lana_socket_give_back(socket_lab.app, frames, got);
	}
	return count;
}

static uint64_t receive_borrow(double until)
{
	return borrow_until(until, 10000000);
}

static uint64_t receive_spin(double until)
{
	return borrow_until(until, 0);
}

static uint64_t receive_recvm(double until)
{
	static char bytes[BATCH][FRAME_MAX];
	struct lana_frame frames[BATCH];
	uint64_t count = 0;

	while (bench_now() < until) {
		int got;

		for (int i = 0; i < BATCH; i++)
			frames[i] = (struct lana_frame){ .data = bytes[i], .size = FRAME_MAX };
		got = lana_socket_recvm(socket_lab.app, frames, BATCH, 10000000);
		count += got > 0 ? got : 0;
	}
	return count;
}

static uint64_t receive_recv(double until)
{
	char frame[FRAME_MAX];
	uint64_t count = 0;

	while (bench_now() < until)
		for (int i = 0; i < BATCH; i++)
			count += lana_socket_recv(socket_lab.app, frame, sizeof(frame), NULL,
						  10000000) > 0;
	return count;
}

static const struct receiver receivers[] = {
	{ "packet socket, recvfrom", receive_recvfrom, false },
	{ "packet socket, TPACKET_V3", receive_mapped, false },
	{ "bare AF_XDP, spinning", receive_bare, false },
	{ "socket, borrow", receive_borrow, true },
	{ "socket, borrow, spinning", receive_spin, true },
	{ "socket, recvm", receive_recvm, true },
	{ "socket, recv", receive_recv, true },
};

enum { RECVFROM, TPACKET, BARE, BORROW };

static void unpin(void)
{
	cpu_set_t all;

	memset(&all, 0xff, sizeof(all));
	sched_setaffinity(0, sizeof(all), &all);
}

/* On the last CPU; this thread goes to the first. Returns when frames come. */
static struct lana_gen *start_generator(const char *profile)
{
	const struct lana_gen_options options = {
		.device = "f0", .netns = "/run/netns/far", .profile = profile, .rate = "max"
	};
	struct lana_gen_report report = {};
	struct lana_error error = {};
	struct lana_gen *gen;

	unpin();
	bench_must(lana_gen_open(&options, &gen, &error), &error, "generator");
	bench_must(lana_gen_start(gen, &error), &error, "generator");
	bench_pin(BENCH_CPU_CHANGE);
	while (!report.sent) {
		usleep(1000);
		lana_gen_report(gen, &report);
	}
	return gen;
}

static void stop_generator(struct lana_gen *gen)
{
	struct lana_error error = {};

	bench_must(lana_gen_stop(gen, &error), &error, "generator");
	lana_gen_close(gen);
}

static void run_receiver(const struct receiver *receiver, const char *profile, struct result *best)
{
	struct lana_gen *gen;
	double start, cpu;
	uint64_t count;

	topology_offload("near", "n0", "gro", !receiver->is_socket);
	if (receiver->is_socket)
		socket_lab_open(LANA_HOOK_XDP);
	gen = start_generator(profile);
	start = bench_now();
	cpu = bench_cpu_time();
	count = receiver->receive(start + SECONDS);
	keep_best(best, count, bench_now() - start, bench_cpu_time() - cpu);
	stop_generator(gen);
	if (receiver->is_socket)
		socket_lab_close();
}

static void bench_receive(const char *size, const char *profile)
{
	struct result best[LENGTH(receivers)] = {};

	for (int round = 0; round < ROUNDS; round++)
		for (size_t i = 0; i < LENGTH(receivers); i++)
			run_receiver(&receivers[i], profile, &best[i]);
	for (size_t i = 0; i < LENGTH(receivers); i++)
		bench_row(receivers[i].name, size, best[i].rate / 1e6, best[i].cpu,
			  best[i].rate / best[RECVFROM].rate, best[i].rate / best[TPACKET].rate);
	bench_goal("borrow against recvfrom", best[BORROW].rate / best[RECVFROM].rate, 8, true);
	bench_goal("borrow against TPACKET_V3", best[BORROW].rate / best[TPACKET].rate, 2.5, true);
}

/* ---- senders ------------------------------------------------------------------------------ */

/* What reaches the device is dropped at once. */
static int drop_at(const char *netns, const char *device)
{
	LIBBPF_OPTS(bpf_link_create_opts, options, .flags = XDP_FLAGS_DRV_MODE);
	const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = XDP_DROP },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int program = bpf_prog_load(BPF_PROG_TYPE_XDP, "drop", "GPL", insns, LENGTH(insns), NULL);
	int home = topology_enter(netns);
	int link = bpf_link_create(program, topology_ifindex(netns, device), BPF_XDP, &options);

	bench_must(link < 0 ? -errno : 0, NULL, "drop at %s", device);
	topology_leave(home);
	close(program);
	return link;
}

struct sender {
	const char *name;
	uint64_t (*send)(const char *device, size_t size, double until);
	const char *device; /* of a packet socket; NULL: a socket */
	const char *lower;  /* what the socket stands on */
};

static uint64_t send_sendmmsg(const char *device, size_t size, double until)
{
	return packet_sendmmsg(device, size, until, 0);
}

static uint64_t send_bypass(const char *device, size_t size, double until)
{
	return packet_sendmmsg(device, size, until, 1);
}

static uint64_t send_bare(const char *device, size_t size, double until)
{
	static const char bytes[FRAME_MAX] = { [12] = 0x88, 0xb5 };
	int home = topology_enter("near");
	struct bare *bare = bare_open(device, 2048, false);
	uint64_t count = 0;

	topology_leave(home);
	while (bench_now() < until)
		count += bare_send(bare, bytes, size, BATCH);
	bare_close(bare);
	return count;
}

static uint64_t send_sendm(const char *device, size_t size, double until)
{
	static char bytes[FRAME_MAX] = { [12] = 0x88, 0xb5 };
	struct lana_frame frames[BATCH];
	uint64_t count = 0;

	(void)device;
	for (int i = 0; i < BATCH; i++)
		frames[i] = (struct lana_frame){ .data = bytes, .length = size };
	while (bench_now() < until) {
		int sent = lana_socket_sendm(socket_lab.app, frames, BATCH, LANA_SOCKET_FOREVER);

		count += sent > 0 ? sent : 0;
	}
	return count;
}

static uint64_t send_submit(const char *device, size_t size, double until)
{
	struct lana_frame frames[BATCH];
	uint64_t count = 0;

	(void)device;
	while (bench_now() < until) {
		int got = lana_socket_reserve(socket_lab.app, frames, BATCH, LANA_SOCKET_FOREVER);

		for (int i = 0; i < got; i++) {
			memcpy((char *)frames[i].data + 12, "\x88\xb5", 2);
			frames[i].length = size;
		}
		got = lana_socket_submit(socket_lab.app, frames, got, LANA_SOCKET_FOREVER);
		count += got > 0 ? got : 0;
	}
	return count;
}

static const struct sender senders[] = {
	{ "packet socket, sendmmsg", send_sendmmsg, "v0", NULL },
	{ "sendmmsg, past the qdisc", send_bypass, "v0", NULL },
	{ "bare AF_XDP", send_bare, "v0", NULL },
	{ "socket, submit", send_submit, NULL, "drop" },
	{ "socket, sendm", send_sendm, NULL, "drop" },
	{ "socket, submit, to f0", send_submit, NULL, "n0" },
};

enum { SENDMMSG, BYPASS, BARE_SENDER, SUBMIT };

static void run_sender(const struct sender *sender, size_t size, struct result *best)
{
	const struct lana_bind_options down = { .egress = true };
	struct lana_error error = {};
	double start, cpu;
	uint64_t count;

	if (sender->lower)
		bench_must(lana_bind(socket_lab.stack, "app", sender->lower, &down, &error)
				   ?: lana_stack_fuse(socket_lab.stack, true, &error),
			   &error, "bind");
	start = bench_now();
	cpu = bench_cpu_time();
	count = sender->send(sender->device, size, start + SECONDS);
	keep_best(best, count, bench_now() - start, bench_cpu_time() - cpu);
}

static void bench_send(const char *name, size_t size)
{
	struct result best[LENGTH(senders)] = {};

	for (int round = 0; round < ROUNDS; round++)
		for (size_t i = 0; i < LENGTH(senders); i++)
			run_sender(&senders[i], size, &best[i]);
	for (size_t i = 0; i < LENGTH(senders); i++)
		bench_row(senders[i].name, name, best[i].rate / 1e6, best[i].cpu,
			  best[i].rate / best[SENDMMSG].rate);
	bench_goal("submit against sendmmsg", best[SUBMIT].rate / best[SENDMMSG].rate, 1.4, true);
}

int main(void)
{
	static const struct bench_column receiving[] = {
		{ "receiver", -28, 0 }, { "size", -6, 0 },	 { "Mpps", 8, 2 },
		{ "CPU ns", 8, 0 },	{ "x recvfrom", 11, 2 }, { "x TPACKET", 10, 2 },
	};
	static const struct bench_column sending[] = {
		{ "sender", -28, 0 }, { "size", -6, 0 },       { "Mpps", 8, 2 },
		{ "CPU ns", 8, 0 },   { "x sendmmsg", 11, 2 },
	};
	static const struct bench_column trips[] = { { "ends", -28, 0 },
						     { "us p50", 8, 1 },
						     { "us p99", 8, 1 } };
	const struct lana_bind_options up = { .ingress = true };
	const struct lana_hook_options how = { .hook = LANA_HOOK_XDP };
	struct lana_error error = {};
	int link;

	bench_begin("socket");
	socket_lab_begin();

	bench_table("receive", "receiving, generator on the other CPU", receiving,
		    LENGTH(receiving));
	bench_receive("64", "64");
	bench_receive("1500", "1500");

	bench_table("trip", "there and back, 64 bytes, a CPU each", trips, LENGTH(trips));
	socket_trip();

	link = drop_at("far", "f0");
	socket_lab_open(LANA_HOOK_XDP);
	bench_add(socket_lab.stack, "drop", "drop");
	bench_must(lana_hook(socket_lab.stack, "v1", &how, &error)
			   ?: lana_bind(socket_lab.stack, "drop", "v1", &up, &error),
		   &error, "hook v1");
	bench_table("send", "sending, on one CPU", sending, LENGTH(sending));
	bench_send("64", 60);
	bench_send("1500", 1496);
	socket_lab_close();
	close(link);
	return bench_end();
}
