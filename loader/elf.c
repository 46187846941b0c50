// SPDX-License-Identifier: GPL-2.0-only
#include <elf.h>
#include <errno.h>
#include <string.h>

#include <linux/bpf.h>
#include <linux/btf.h>

#include "cleanup.h"
#include "elf.h"
#include "error.h"

#ifndef EM_BPF
#define EM_BPF 247
#endif

#define SECTIONS_MAX  4096
#define BTF_KINDS_MAX 32 /* five bits */
#define CHAIN_MAX     32 /* of typedefs, qualifiers and arrays, as in the kernel */

/* Nothing in a file need be aligned: what is looked at is copied. */
struct span {
	const void *bytes;
	size_t size;
};

struct elf {
	struct span image;
	__u32 sections_count;
	const void *sections;
	struct span names; /* of sections */
	__u32 symbols_section;
	__u32 symbols_count;
	const void *symbols;
};

static int broken(struct lana_error *error, const char *what)
{
	return refuse(error, -EINVAL, "not a BPF object file (broken or cut short: %s)", what);
}

/* Part of a span; false: it is not wholly inside. */
static bool part(struct span whole, __u64 offset, __u64 size, struct span *part)
{
	if (offset > whole.size || size > whole.size - offset)
		return false;
	*part = (struct span){ whole.bytes + offset, size };
	return true;
}

static bool is_text(struct span strings, __u64 offset)
{
	return offset < strings.size; /* the last byte is a 0 */
}

static bool are_strings(struct span strings)
{
	return strings.size && !((const char *)strings.bytes)[strings.size - 1];
}

/* ---- sections ----------------------------------------------------------------------------- */

static Elf64_Shdr section(const struct elf *elf, __u32 index)
{
	Elf64_Shdr header;

	memcpy(&header, elf->sections + index * sizeof(header), sizeof(header));
	return header;
}

static bool contents(const struct elf *elf, __u32 index, struct span *bytes)
{
	Elf64_Shdr header = section(elf, index);

	return header.sh_type != SHT_NULL && header.sh_type != SHT_NOBITS &&
	       part(elf->image, header.sh_offset, header.sh_size, bytes);
}

static bool strings(const struct elf *elf, __u32 index, struct span *text)
{
	return index < elf->sections_count && section(elf, index).sh_type == SHT_STRTAB &&
	       contents(elf, index, text) && are_strings(*text);
}

static const char *section_name(const struct elf *elf, __u32 index)
{
	return elf->names.bytes + section(elf, index).sh_name;
}

static int check_header(struct elf *elf, struct lana_error *error)
{
	Elf64_Ehdr header;
	struct span table;

	if (elf->image.size < sizeof(header) || memcmp(elf->image.bytes, ELFMAG, SELFMAG))
		return refuse(error, -EINVAL, "not a BPF object file (not ELF, or cut short)");
	memcpy(&header, elf->image.bytes, sizeof(header));
	if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB ||
	    header.e_type != ET_REL || header.e_machine != EM_BPF)
		return refuse(error, -EINVAL,
			      "not a BPF object file (ELF of another kind: it is "
			      "made by clang --target=bpf -c)");
	if (header.e_version != EV_CURRENT || header.e_ident[EI_VERSION] != EV_CURRENT ||
	    header.e_phnum || header.e_shentsize != sizeof(Elf64_Shdr) || !header.e_shnum ||
	    header.e_shnum > SECTIONS_MAX ||
	    !part(elf->image, header.e_shoff, header.e_shnum * sizeof(Elf64_Shdr), &table))
		return broken(error, "table of sections");

	elf->sections_count = header.e_shnum;
	elf->sections = table.bytes;
	if (!strings(elf, header.e_shstrndx, &elf->names))
		return broken(error, "names of sections");
	return 0;
}

static int check_sections(struct elf *elf, struct lana_error *error)
{
	for (__u32 i = 0; i < elf->sections_count; i++) {
		Elf64_Shdr header = section(elf, i);
		struct span bytes;

		if (!is_text(elf->names, header.sh_name))
			return broken(error, "name of a section");
		if (!i && header.sh_type != SHT_NULL)
			return broken(error, "first section");
		if (header.sh_type != SHT_NULL && header.sh_type != SHT_NOBITS &&
		    !contents(elf, i, &bytes))
			return broken(error, section_name(elf, i));
		if (header.sh_flags & SHF_COMPRESSED || header.sh_size > 0x7fffffff)
			return broken(error, section_name(elf, i));
		if (header.sh_type != SHT_SYMTAB)
			continue;
		if (elf->symbols_section)
			return broken(error, "two tables of symbols");
		elf->symbols_section = i;
	}
	return elf->symbols_section ? 0 : broken(error, "no symbols");
}

/* ---- symbols and relocations ---------------------------------------------------------------- */

static Elf64_Sym symbol(const struct elf *elf, __u32 index)
{
	Elf64_Sym symbol;

	memcpy(&symbol, elf->symbols + index * sizeof(symbol), sizeof(symbol));
	return symbol;
}

/*
 * libbpf patches both halves of an instruction of two without a look at where the program ends. So
 * the last of a function must not be the first half.
 */
static bool ends_in_half(const struct elf *elf, const Elf64_Sym *function)
{
	struct bpf_insn last;
	struct span code;

	if (ELF64_ST_TYPE(function->st_info) != STT_FUNC || function->st_size < sizeof(last) ||
	    !contents(elf, function->st_shndx, &code))
		return false;
	memcpy(&last, code.bytes + function->st_value + function->st_size - sizeof(last),
	       sizeof(last));
	return last.code == (BPF_LD | BPF_DW | BPF_IMM);
}

/* libbpf copies programs from where symbols say they are. */
static int check_symbols(struct elf *elf, struct lana_error *error)
{
	Elf64_Shdr header = section(elf, elf->symbols_section);
	struct span names, bytes;

	if (header.sh_entsize != sizeof(Elf64_Sym) || header.sh_size % sizeof(Elf64_Sym) ||
	    !contents(elf, elf->symbols_section, &bytes))
		return broken(error, "table of symbols");
	if (!strings(elf, header.sh_link, &names))
		return broken(error, "names of symbols");
	elf->symbols = bytes.bytes;
	elf->symbols_count = bytes.size / sizeof(Elf64_Sym);

	for (__u32 i = 0; i < elf->symbols_count; i++) {
		Elf64_Sym sym = symbol(elf, i);
		__u64 room;

		if (!is_text(names, sym.st_name))
			return broken(error, "name of a symbol");
		if (sym.st_shndx == SHN_UNDEF || sym.st_shndx == SHN_ABS)
			continue;
		if (sym.st_shndx >= elf->sections_count)
			return broken(error, "section of a symbol");
		room = section(elf, sym.st_shndx).sh_size;
		if (sym.st_value > room || sym.st_size > room - sym.st_value)
			return broken(error, "a symbol beyond its section");
		if (ends_in_half(elf, &sym))
			return broken(error, "a function that ends in half an instruction");
	}
	return 0;
}

/* libbpf patches instructions where relocations of code say so. */
static int check_relocations(const struct elf *elf, __u32 index, struct lana_error *error)
{
	Elf64_Shdr header = section(elf, index);
	const char *name = section_name(elf, index);
	struct span bytes, target;

	if (header.sh_entsize != sizeof(Elf64_Rel) || header.sh_size % sizeof(Elf64_Rel) ||
	    header.sh_link != elf->symbols_section || !contents(elf, index, &bytes))
		return broken(error, name);
	if (header.sh_info >= elf->sections_count || !contents(elf, header.sh_info, &target) ||
	    section(elf, header.sh_info).sh_type != SHT_PROGBITS)
		return broken(error, name);

	for (size_t at = 0; at < bytes.size; at += sizeof(Elf64_Rel)) {
		Elf64_Rel relocation;

		memcpy(&relocation, bytes.bytes + at, sizeof(relocation));
		if (ELF64_R_SYM(relocation.r_info) >= elf->symbols_count ||
		    relocation.r_offset >= target.size)
			return broken(error, name);
	}
	return 0;
}

/* ---- BTF ---------------------------------------------------------------------------------- */

struct btf_view {
	struct span strings;
	const void **types; /* by id; the first is void */
	__u32 count;
};

static struct btf_type btf_type(const struct btf_view *btf, __u32 id)
{
	struct btf_type type = {};

	if (id)
		memcpy(&type, btf->types[id], sizeof(type));
	return type;
}

static __u32 kind_of(const struct btf_view *btf, __u32 id)
{
	return BTF_INFO_KIND(btf_type(btf, id).info);
}

/*
 * What each kind has: a type that it refers to; entries behind it, so many (vlen: as many as the
 * type says) of that size, with a name and a type each at these offsets (-1: none).
 */
static const struct kind {
	bool known, refers, vlen;
	__u8 size;
	__s8 name, type;
} kinds[BTF_KINDS_MAX] = {
	[BTF_KIND_INT] = { true, false, false, 4, -1, -1 },
	[BTF_KIND_PTR] = { true, true, false, 0, -1, -1 },
	[BTF_KIND_ARRAY] = { true, false, false, sizeof(struct btf_array), -1, 0 },
	[BTF_KIND_STRUCT] = { true, false, true, sizeof(struct btf_member), 0, 4 },
	[BTF_KIND_UNION] = { true, false, true, sizeof(struct btf_member), 0, 4 },
	[BTF_KIND_ENUM] = { true, false, true, sizeof(struct btf_enum), 0, -1 },
	[BTF_KIND_FWD] = { true, false, false, 0, -1, -1 },
	[BTF_KIND_TYPEDEF] = { true, true, false, 0, -1, -1 },
	[BTF_KIND_VOLATILE] = { true, true, false, 0, -1, -1 },
	[BTF_KIND_CONST] = { true, true, false, 0, -1, -1 },
	[BTF_KIND_RESTRICT] = { true, true, false, 0, -1, -1 },
	[BTF_KIND_FUNC] = { true, true, false, 0, -1, -1 },
	[BTF_KIND_FUNC_PROTO] = { true, true, true, sizeof(struct btf_param), 0, 4 },
	[BTF_KIND_VAR] = { true, true, false, sizeof(struct btf_var), -1, -1 },
	[BTF_KIND_DATASEC] = { true, false, true, sizeof(struct btf_var_secinfo), -1, 0 },
	[BTF_KIND_FLOAT] = { true, false, false, 0, -1, -1 },
	[BTF_KIND_DECL_TAG] = { true, true, false, sizeof(struct btf_decl_tag), -1, -1 },
	[BTF_KIND_TYPE_TAG] = { true, true, false, 0, -1, -1 },
	[BTF_KIND_ENUM64] = { true, false, true, sizeof(struct btf_enum64), 0, -1 },
};

static __u32 word(const void *bytes)
{
	__u32 word;

	memcpy(&word, bytes, sizeof(word));
	return word;
}

/* Find where each type begins. */
static bool index_types(struct btf_view *btf, struct span types)
{
	size_t at = 0;

	while (at < types.size) {
		const struct kind *kind;
		struct btf_type type;
		struct span rest;

		if (!part(types, at, sizeof(type), &rest))
			return false;
		memcpy(&type, rest.bytes, sizeof(type));
		kind = &kinds[BTF_INFO_KIND(type.info)];
		if (!kind->known || !is_text(btf->strings, type.name_off))
			return false;
		btf->types[btf->count++] = rest.bytes;
		at += sizeof(type) + kind->size * (kind->vlen ? BTF_INFO_VLEN(type.info) : 1);
	}
	return at == types.size;
}

static bool entries_are_sound(const struct btf_view *btf, __u32 id)
{
	struct btf_type type = btf_type(btf, id);
	__u32 kind_id = BTF_INFO_KIND(type.info), count;
	const struct kind *kind = &kinds[kind_id];
	const void *entry = btf->types[id] + sizeof(type);

	count = kind->vlen ? BTF_INFO_VLEN(type.info) : kind->size > 0;
	for (; count; count--, entry += kind->size) {
		if (kind->name >= 0 && !is_text(btf->strings, word(entry + kind->name)))
			return false;
		if (kind->type >= 0 && word(entry + kind->type) >= btf->count)
			return false;
		if (kind_id == BTF_KIND_DATASEC && kind_of(btf, word(entry)) != BTF_KIND_VAR &&
		    kind_of(btf, word(entry)) != BTF_KIND_FUNC)
			return false;
	}
	return true;
}

/*
 * Kernel configuration and struct_ops are of no use to blocks, and the code of libbpf for them
 * goes wherever structs that contain themselves lead it.
 */
static bool is_foreign(const char *section)
{
	return !strcmp(section, ".kconfig") || !strncmp(section, ".struct_ops", 11);
}

/* Does a chain of typedefs, qualifiers and arrays come to an end? */
static bool ends(const struct btf_view *btf, __u32 id)
{
	for (int steps = 0; steps < CHAIN_MAX; steps++) {
		struct btf_type type = btf_type(btf, id);

		switch (BTF_INFO_KIND(type.info)) {
		case BTF_KIND_TYPEDEF:
		case BTF_KIND_VOLATILE:
		case BTF_KIND_CONST:
		case BTF_KIND_RESTRICT:
		case BTF_KIND_TYPE_TAG:
		case BTF_KIND_VAR:
			id = type.type;
			break;
		case BTF_KIND_ARRAY:
			id = word(btf->types[id] + sizeof(type));
			break;
		default:
			return true;
		}
	}
	return false;
}

static bool types_are_sound(const struct btf_view *btf)
{
	for (__u32 id = 1; id < btf->count; id++) {
		struct btf_type type = btf_type(btf, id);

		if (kinds[BTF_INFO_KIND(type.info)].refers && type.type >= btf->count)
			return false;
		if (!entries_are_sound(btf, id))
			return false;
		if (BTF_INFO_KIND(type.info) == BTF_KIND_FUNC &&
		    kind_of(btf, type.type) != BTF_KIND_FUNC_PROTO)
			return false;
	}
	for (__u32 id = 1; id < btf->count; id++)
		if (!ends(btf, id))
			return false;
	return true;
}

static int check_btf(struct span bytes, struct lana_error *error)
{
	_cleanup_free_ const void **index = NULL;
	struct btf_view btf = { .count = 1 };
	struct btf_header header;
	struct span body, types;

	if (bytes.size < sizeof(header))
		return broken(error, ".BTF");
	memcpy(&header, bytes.bytes, sizeof(header));
	if (header.magic != BTF_MAGIC || header.hdr_len < sizeof(header) ||
	    !part(bytes, header.hdr_len, bytes.size - header.hdr_len, &body) ||
	    !part(body, header.type_off, header.type_len, &types) ||
	    !part(body, header.str_off, header.str_len, &btf.strings) ||
	    !are_strings(btf.strings) || header.type_off % 4 || header.hdr_len % 4)
		return broken(error, ".BTF");

	index = calloc(types.size / sizeof(struct btf_type) + 1, sizeof(*index));
	if (!index)
		return refuse(error, -ENOMEM, "out of memory");
	btf.types = index;
	if (!index_types(&btf, types) || !types_are_sound(&btf))
		return broken(error, "types in .BTF");
	for (__u32 id = 1; id < btf.count; id++) {
		const char *name = btf.strings.bytes + btf_type(&btf, id).name_off;

		if (kind_of(&btf, id) == BTF_KIND_DATASEC && is_foreign(name))
			return refuse(error, -EINVAL, "section %s is of no use to blocks", name);
	}
	return 0;
}

/* ------------------------------------------------------------------------------------------- */

int elf_check(const void *image, size_t size, struct lana_error *error)
{
	struct elf elf = { .image = { image, size } };
	bool has_btf = false;
	int err;

	err = check_header(&elf, error);
	if (!err)
		err = check_sections(&elf, error);
	if (!err)
		err = check_symbols(&elf, error);
	for (__u32 i = 1; !err && i < elf.sections_count; i++) {
		struct span bytes;

		if (section(&elf, i).sh_type == SHT_REL) {
			err = check_relocations(&elf, i, error);
		} else if (!strcmp(section_name(&elf, i), ".BTF")) {
			has_btf = true;
			err = contents(&elf, i, &bytes) ? check_btf(bytes, error)
							: broken(error, ".BTF");
		}
	}
	if (!err && !has_btf)
		err = refuse(error, -EINVAL, "the object has no BTF (compile it with -g)");
	return err;
}
