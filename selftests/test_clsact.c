// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_clsact - roots are attached by filters where the kernel has no tcx, and leave nothing
 *
 * One device, lo, in a network namespace of its own. A root that drops shows that it runs.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/pkt_cls.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "loader/attach.h"
#include "tap.h"
#include "topology.h"

static unsigned int lo;
static int pass_in, drop_in, pass_out, foreign;

static int load(const char *name, int verdict)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = verdict },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int fd = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, name, "GPL", insns, 2, NULL);

	if (fd < 0)
		tap_skip_all("no tc programs: %s", strerror(errno));
	return fd;
}

/* Does tc list a filter with this program? */
static bool listed(const char *path, const char *program)
{
	return !topology_run("tc filter show dev lo %s | grep -q %s", path, program);
}

/* A filter of somebody else, on ingress. */
static void attach_foreign(void)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = lo, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, options, .prog_fd = foreign, .priority = 9);

	if (bpf_tc_attach(&hook, &options))
		tap_bail("cannot attach a filter: %s", strerror(errno));
}

static bool has_qdisc(const char *kind)
{
	return !topology_run("tc qdisc show dev lo | grep -q %s", kind);
}

static bool packets_pass(void)
{
	return !topology_run("ping -q -c 1 -W 0.2 127.0.0.1 >/dev/null");
}

static void test_attach(void)
{
	__u8 clsact = CLSACT_NONE;

	tap_is(attach_clsact(lo, pass_in, pass_out, &clsact), 0, "two programs are attached");
	tap_is(clsact, CLSACT_MADE, "and a qdisc made for them");
	tap_ok(listed("ingress", "pass_in"), "tc lists the one on ingress");
	tap_ok(listed("egress", "pass_out"), "and the one on egress");
	tap_ok(packets_pass(), "packets pass both");
	detach_clsact(NULL, lo, clsact);
	tap_ok(!has_qdisc("clsact"), "detached, the qdisc is gone");

	tap_is(attach_clsact(lo, drop_in, pass_out, &clsact), 0, "one that drops is attached");
	tap_ok(!packets_pass(), "and runs");
	detach_clsact(NULL, lo, clsact);
	tap_ok(packets_pass(), "until it is detached");
}

static void test_found(void)
{
	__u8 clsact = CLSACT_NONE;

	topology_run("tc qdisc add dev lo clsact");
	attach_foreign();
	tap_is(attach_clsact(lo, pass_in, pass_out, &clsact), 0, "attached to a qdisc found there");
	tap_is(clsact, CLSACT_USED, "which is known to be another's");
	tap_ok(listed("ingress", "pass_in") && listed("egress", "pass_out"), "tc lists both");
	tap_ok(listed("ingress", "foreign"), "beside the filter found there");
	detach_clsact(NULL, lo, clsact);
	tap_ok(!listed("ingress", "pass_in") && !listed("egress", "pass_out"), "both go");
	tap_ok(has_qdisc("clsact") && listed("ingress", "foreign"), "what was there stays");
	topology_run("tc qdisc del dev lo clsact");
}

/* An ingress qdisc stands in the place of clsact and has no egress. */
static void test_refused(void)
{
	__u8 clsact = 77;

	topology_run("tc qdisc add dev lo ingress");
	tap_ok(attach_clsact(lo, pass_in, pass_out, &clsact) < 0, "an ingress qdisc is in the way");
	tap_is(clsact, 77, "the output is untouched");
	tap_ok(has_qdisc("ingress") && !listed("ingress", "pass_in"), "as is the qdisc");
	topology_run("tc qdisc del dev lo ingress");

	tap_is(attach_clsact(lo + 1000, pass_in, pass_out, &clsact), -ENODEV, "no such device");
	tap_ok(attach_clsact(lo, -1, -1, &clsact) < 0, "no such programs");
	tap_ok(!has_qdisc("clsact"), "nothing is left of either");
}

static void test_twice(void)
{
	__u8 first = CLSACT_NONE, second = 77;

	tap_is(attach_clsact(lo, drop_in, pass_out, &first), 0, "attached once");
	tap_is(attach_clsact(lo, pass_in, pass_out, &second), -EEXIST, "but not twice");
	tap_ok(listed("ingress", "drop_in") && listed("egress", "pass_out"),
	       "what was attached first stays");
	detach_clsact(NULL, lo, first);
	tap_ok(!has_qdisc("clsact"), "and goes when it is detached");
}

int main(void)
{
	topology_begin();
	if (unshare(CLONE_NEWNET) || topology_run("ip link set dev lo up"))
		tap_skip_all("no network namespace: %s", strerror(errno));
	if (topology_run("tc qdisc add dev lo clsact && tc qdisc del dev lo clsact"))
		tap_skip_all("no clsact qdisc");
	lo = if_nametoindex("lo");
	pass_in = load("pass_in", TC_ACT_UNSPEC);
	drop_in = load("drop_in", TC_ACT_SHOT);
	pass_out = load("pass_out", TC_ACT_UNSPEC);

	foreign = load("foreign", TC_ACT_UNSPEC);

	test_attach();
	test_found();
	test_refused();
	test_twice();
	return tap_done();
}
