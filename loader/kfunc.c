// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <bpf/bpf.h>

#include "cleanup.h"
#include "error.h"
#include "insn.h"
#include "kfunc.h"

static void btf_free_p(struct btf **btf)
{
	btf__free(*btf);
}

/* Does the type declare a function of that name that it does not have itself? */
static bool declares(const struct type *type, const char *name)
{
	__s32 id = btf__find_by_name_kind(type->btf, name, BTF_KIND_FUNC);
	const struct btf_type *t = id > 0 ? btf__type_by_id(type->btf, id) : NULL;

	return t && btf_vlen(t) == BTF_FUNC_EXTERN;
}

/* The programs of a type one after the other; NULL: no more. */
static const struct bpf_program *template(const struct type *type, int n)
{
	return n < LANA_FLAVOURS ? type->programs[n] : n == LANA_FLAVOURS ? type->event : NULL;
}

/* May the functions called with an index be those of a module? */
static bool provides(const struct type *type, const struct btf *module, __u32 index)
{
	for (int n = 0; template(type, n); n++) {
		const struct bpf_program *program = template(type, n);
		const struct bpf_insn *insns = bpf_program__insns(program);

		for (size_t i = 0; i < bpf_program__insn_cnt(program); i++) {
			const struct btf_type *t;

			if (!insn_is_kfunc_call(&insns[i]) || insns[i].off != (__s16)index)
				continue;
			t = btf__type_by_id(module, insns[i].imm);
			if (!t || !btf_is_func(t) ||
			    !declares(type, btf__name_by_offset(module, t->name_off)))
				return false;
		}
	}
	return true;
}

/* Open that BTF, if it is a module's and provides the functions. */
static int try_module(const struct type *type, const struct btf *kernel, __u32 id, __u32 index,
		      struct weave_module *result)
{
	_cleanup_(btf_free_p) struct btf *module = NULL;
	_cleanup_close_ int fd = bpf_btf_get_fd_by_id(id);
	char name[64] = "";
	struct bpf_btf_info info = { .name = (__u64)(unsigned long)name, .name_len = sizeof(name) };
	__u32 size = sizeof(info);

	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &size) || !info.kernel_btf ||
	    !strcmp(name, "vmlinux"))
		return -ENOENT;
	module = btf__load_from_kernel_by_id_split(id, (struct btf *)kernel);
	if (libbpf_get_error(module)) {
		module = NULL;
		return -ENOENT;
	}
	if (!provides(type, module, index))
		return -ENOENT;
	*result = (struct weave_module){ TAKE_FD(fd), id };
	return 0;
}

static int find_module(const struct type *type, const struct btf *kernel, __u32 index,
		       struct weave_module *module)
{
	for (__u32 id = 0; !bpf_btf_get_next_id(id, &id);)
		if (!try_module(type, kernel, id, index, module))
			return 0;
	return -ENOENT;
}

/* The greatest index that a call holds. */
static __u32 count_modules(const struct type *type)
{
	__u32 count = 0;

	for (int n = 0; template(type, n); n++) {
		const struct bpf_program *program = template(type, n);
		const struct bpf_insn *insns = bpf_program__insns(program);

		for (size_t i = 0; i < bpf_program__insn_cnt(program); i++)
			if (insn_is_kfunc_call(&insns[i]) && insns[i].off > (__s16)count)
				count = insns[i].off;
	}
	return count;
}

int kfunc_find_modules(struct type *type, struct lana_error *error)
{
	_cleanup_(btf_free_p) struct btf *kernel = NULL;
	__u32 count = count_modules(type);

	if (!count)
		return 0;
	if (count > WEAVE_MODULES_MAX)
		return refuse(error, -E2BIG, "type '%s' calls functions of more than %d modules",
			      type->name, WEAVE_MODULES_MAX);
	kernel = btf__load_vmlinux_btf();
	if (libbpf_get_error(kernel)) {
		kernel = NULL;
		return refuse(error, -ENOENT, "the kernel does not describe itself (BTF)");
	}
	while (type->modules.count < count) {
		__u32 n = type->modules.count;
		int err = find_module(type, kernel, n + 1, &type->modules.all[n]);

		if (err)
			return refuse(error, err,
				      "a module whose functions type '%s' calls is gone",
				      type->name);
		type->modules.count++;
	}
	return 0;
}

void kfunc_close_modules(struct type *type)
{
	while (type->modules.count)
		close(type->modules.all[--type->modules.count].fd);
}

/* "extern (func ksym) 'NAME': not found in kernel or module BTFs", as libbpf 1.1 to 1.5 say */
bool kfunc_refuse(const char *type, const char *complaint, struct lana_error *error)
{
	const char *name = strchr(complaint, '\''), *end = name ? strchr(++name, '\'') : NULL;
	const char *why = "that this kernel has in another form";

	if (!end || !strstr(complaint, "ksym"))
		return false;
	if (strstr(end, "not found"))
		why = "that this kernel lacks";
	refuse(error, -ENOTSUP, "type '%s' calls the kernel's function '%.*s', %s", type,
	       (int)(end - name), name, why);
	return true;
}
