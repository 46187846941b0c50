// SPDX-License-Identifier: GPL-2.0-only
/*
 * doctor - what this machine offers lana
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/vfs.h>

#include <linux/magic.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "attach.h"
#include "cleanup.h"
#include "findings.h"
#include "insn.h"
#include "key.h"

static void check_kernel(struct findings *findings)
{
	struct utsname name;
	int major = 0, minor = 0;

	uname(&name);
	sscanf(name.release, "%d.%d", &major, &minor);
	if (major < 5 || (major == 5 && minor < 18))
		findings_add(findings, LANA_FAIL, "kernel",
			     "%s is too old: 5.18 or later is "
			     "needed (XDP with fragments)",
			     name.release);
	else
		findings_add(findings, LANA_FINE, "kernel", "%s on %s", name.release, name.machine);
	if (__BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__)
		findings_add(findings, LANA_FAIL, "byte order",
			     "lana runs on little-endian machines "
			     "only");
}

static int read_number(const char *path, int *number)
{
	FILE *file = fopen(path, "re");
	int found;

	if (!file)
		return -errno;
	found = fscanf(file, "%d", number);
	fclose(file);
	return found == 1 ? 0 : -EINVAL;
}

static void check_jit(struct findings *findings)
{
	int enabled = 0, harden = 0;

	if (read_number("/proc/sys/net/core/bpf_jit_enable", &enabled))
		findings_add(findings, LANA_WARN, "JIT", "cannot tell whether it is on");
	else if (!enabled)
		findings_add(findings, LANA_WARN, "JIT",
			     "off, blocks run many times slower: sysctl "
			     "net.core.bpf_jit_enable=1");
	else
		findings_add(findings, LANA_FINE, "JIT", "on");
	if (!read_number("/proc/sys/net/core/bpf_jit_harden", &harden) && harden == 2)
		findings_add(findings, LANA_WARN, "JIT hardening",
			     "constant blinding makes jumps "
			     "between blocks indirect and slow: sysctl net.core.bpf_jit_harden=1");
}

/* Load "return 0": the plainest proof of what may be loaded. */
static int try_load(enum bpf_prog_type type, __u32 flags)
{
	LIBBPF_OPTS(bpf_prog_load_opts, options, .prog_flags = flags);
	const struct bpf_insn insns[] = { insn_mov_imm(BPF_REG_0, 0), insn_exit() };
	int fd;

	if (type == BPF_PROG_TYPE_XDP)
		options.expected_attach_type = BPF_XDP;
	fd = bpf_prog_load(type, "doctor", "GPL", insns, ARRAY_SIZE(insns), &options);
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static void check_programs(struct findings *findings)
{
	int err = try_load(BPF_PROG_TYPE_XDP, BPF_F_XDP_HAS_FRAGS);

	if (err == -EPERM || err == -EACCES)
		findings_add(findings, LANA_FAIL, "privilege",
			     "not permitted to load BPF programs: "
			     "root, or CAP_SYS_ADMIN and CAP_NET_ADMIN, is needed");
	else if (err)
		findings_add(findings, LANA_FAIL, "XDP", "no programs with fragments: %s",
			     strerror(-err));
	else
		findings_add(findings, LANA_FINE, "XDP", "programs with fragments can be loaded");
	err = try_load(BPF_PROG_TYPE_SCHED_CLS, 0);
	if (err && err != -EPERM)
		findings_add(findings, LANA_FAIL, "tc", "no programs: %s", strerror(-err));
	else if (!err)
		findings_add(findings, LANA_FINE, "tc", "programs can be loaded");
}

/*
 * A block that publishes is a program with functions and tail calls, which not every machine's JIT
 * can have together.
 */
static void check_events(struct findings *findings)
{
	_cleanup_close_ int table = bpf_map_create(BPF_MAP_TYPE_PROG_ARRAY, "doctor", sizeof(__u32),
						   sizeof(__u32), 1, NULL);
	struct bpf_insn insns[] = {
		insn_mov(BPF_REG_6, BPF_REG_1),
		insn_call_subprogram(),
		insn_mov(BPF_REG_1, BPF_REG_6),
		insn(BPF_LD | BPF_DW | BPF_IMM, BPF_REG_2, BPF_PSEUDO_MAP_FD, 0, table),
		insn(0, 0, 0, 0, 0),
		insn_mov_imm(BPF_REG_3, 0),
		insn_call(BPF_FUNC_tail_call),
		insn_mov_imm(BPF_REG_0, 0),
		insn_exit(),
		insn_mov_imm(BPF_REG_0, 0), /* the function */
		insn_exit(),
	};
	_cleanup_close_ int program = -1;

	insns[1].imm = 7; /* past this instruction */
	if (table >= 0)
		program = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "doctor", "GPL", insns,
					ARRAY_SIZE(insns), NULL);
	if (program >= 0)
		findings_add(findings, LANA_FINE, "events", "blocks can publish");
	else if (errno != EPERM)
		findings_add(findings, LANA_WARN, "events",
			     "blocks that publish cannot be used: programs may not have both "
			     "functions and tail calls: %s",
			     strerror(errno));
}

static void check_crypto(struct findings *findings)
{
	int err = key_try();

	if (!err)
		findings_add(findings, LANA_FINE, "crypto", "blocks can encrypt");
	else if (err == -ENOENT)
		findings_add(findings, LANA_WARN, "crypto",
			     "block crypt cannot be used: the kernel has no cbc(aes) for BPF "
			     "(CONFIG_CRYPTO_CBC, CONFIG_CRYPTO_AES)");
	else if (err != -EPERM && err != -EACCES)
		findings_add(findings, LANA_WARN, "crypto",
			     "block crypt cannot be used: the kernel lacks bpf_crypto_ctx_create() "
			     "(kernel 6.10 has it, with CONFIG_CRYPTO)");
}

static void check_tcx(struct findings *findings)
{
	bool has = false;

	attach_has_tcx(&has);
	if (has)
		findings_add(findings, LANA_FINE, "tcx", "there");
	else
		findings_add(findings, LANA_WARN, "tcx",
			     "missing (kernel 6.6 has it): tc hooks use filters of a clsact qdisc");
}

static void check_files(const struct lana_stack_options *options, struct findings *findings)
{
	const char *bpffs = (options && options->bpffs) ? options->bpffs : "/sys/fs/bpf";
	const char *types = (options && options->types) ? options->types : LANA_TYPES_DIR;
	_cleanup_free_ char *folders = strdup(types);
	char *rest = folders, *folder;
	struct statfs info;

	if (statfs(bpffs, &info) || info.f_type != BPF_FS_MAGIC)
		findings_add(findings, LANA_FAIL, "bpffs",
			     "not mounted at %s: mount -t bpf -o mode=700 bpf %s", bpffs, bpffs);
	else
		findings_add(findings, LANA_FINE, "bpffs", "mounted at %s", bpffs);
	if (access("/sys/kernel/btf/vmlinux", R_OK))
		findings_add(findings, LANA_WARN, "BTF",
			     "the kernel has none: block types that use "
			     "kernel structs cannot be loaded");
	else
		findings_add(findings, LANA_FINE, "BTF", "/sys/kernel/btf/vmlinux");

	while (folders && (folder = strsep(&rest, ":"))) {
		char path[1200];

		snprintf(path, sizeof(path), "%s/device.bpf.o", folder);
		if (!access(path, R_OK)) {
			findings_add(findings, LANA_FINE, "block types", "in %s", folder);
			return;
		}
	}
	findings_add(findings, LANA_FAIL, "block types",
		     "none in %s: install lana, or say where "
		     "they are",
		     types);
}

int lana_doctor(const struct lana_stack_options *options, struct lana_finding **list, size_t *count)
{
	_cleanup_(findings_free) struct findings findings = {};

	check_kernel(&findings);
	check_jit(&findings);
	check_programs(&findings);
	check_events(&findings);
	check_crypto(&findings);
	check_tcx(&findings);
	check_files(options, &findings);
	return findings_take(&findings, list, count);
}
