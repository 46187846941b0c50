// SPDX-License-Identifier: GPL-2.0-only
/*
 * fuzz_type - whatever an object file holds, it is parsed, or refused with a reason
 *
 * A libFuzzer target. The input is an object file. What type_parse() takes for a block goes on
 * as it would in a stack, only that no kernel is asked: libbpf relocates it for a "light
 * skeleton", and it is woven for both hooks and paths. The end of the input serves as options.
 * fuzz.sh runs it.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <loader/cleanup.h>
#include <loader/convert.h>
#include <loader/state.h>
#include <loader/type.h>

#define TEXT_MAX 48

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void claim(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "fuzz_type: %s\n", what);
	abort();
}

/* ---- options ------------------------------------------------------------------------------ */

/* What was set and is printed can be set again and is the same. */
static void check_text_form(const struct type *type, const struct field *field, const __u8 *bytes)
{
	__u8 again[LANA_CONFIG_MAX];
	char text[LANA_CONFIG_MAX + 1];

	memcpy(again, bytes, sizeof(again));
	field_format(type->btf, field, bytes, text, sizeof(text));
	if (field->kind == FIELD_ENUM) /* two of its names may be one */
		return;
	claim(!field_parse(type->btf, field, text, again, NULL), "printed is not parsed");
	claim(!memcmp(again, bytes, sizeof(again)), "printed and parsed differs");
}

static void check_options(const struct type *type, const char *text)
{
	const char *options[] = { text, NULL };
	struct lana_error error = {};

	for (__u32 i = 0; i < type->config.count; i++) {
		const struct field *field = &type->config.fields[i];
		char option[LANA_NAME_MAX + TEXT_MAX + 2];
		__u8 bytes[LANA_CONFIG_MAX] = {};

		snprintf(option, sizeof(option), "%s=%s", field->field.name, text);
		options[0] = option;
		if (layout_apply(type->btf, &type->config, type->name, options, bytes, &error))
			claim(error.text[0], "an option is refused without a reason");
		else if (layout_find(&type->config, field->field.name) == field)
			check_text_form(type, field, bytes);
	}
	for (__u32 i = 0; i < type->counters.count; i++) {
		__u8 bytes[LANA_COUNTERS_MAX] = {};
		char number[32];

		field_format(type->btf, &type->counters.fields[i], bytes, number, sizeof(number));
	}
}

/* ---- state -------------------------------------------------------------------------------- */

#define VALUE_MAX (1 << 20) /* bytes of values that are converted */

static void convert_value(const struct convert *convert, const char *text)
{
	_cleanup_free_ char *old = malloc(convert->old_size ?: 1);
	_cleanup_free_ char *new = malloc(convert->new_size ?: 1);

	for (__u32 i = 0; old && i < convert->old_size; i++)
		old[i] = text[i % TEXT_MAX];
	for (int mode = CONVERT_CHECK; old && new &&mode <= CONVERT_LOSE; mode++) {
		struct lana_error error = {};
		int err = convert_run(convert, old, new, mode, &error);

		claim(!err || mode == CONVERT_CHECK, "a value is refused when it is too late");
		claim(!err || error.text[0], "a value is refused without a reason");
	}
	for (size_t i = 0; i < convert->sums_count; i++)
		claim(convert->sums[i].old_at + convert->sums[i].old_size <= convert->old_size &&
			      convert->sums[i].new_at + convert->sums[i].new_size <=
				      convert->new_size,
		      "a sum is not in its value");
}

static void convert_types(const struct type *type, __u32 from, __u32 to, const char *text)
{
	struct lana_error error = {};
	struct convert *convert;

	if (convert_new(type->btf, from, type->btf, to, &convert, &error)) {
		claim(error.text[0], "a conversion is refused without a reason");
		return;
	}
	if (convert->old_size <= VALUE_MAX && convert->new_size <= VALUE_MAX) {
		_cleanup_free_ __u8 *mask = calloc(1, convert->new_size ?: 1);

		if (mask)
			convert_plain(type->btf, to, mask);
		convert_value(convert, text);
	}
	convert_free(convert);
}

/* Whatever a type's maps hold becomes whatever else they hold, and its counters. */
static void check_conversions(const struct type *type, const char *text)
{
	__u32 ids[2 * WEAVE_OWN_MAX + 1], count = 0;

	ids[count++] = state_counters_id(type);
	for (__u32 i = 0; i < type->own_count; i++) {
		ids[count++] = bpf_map__btf_key_type_id(type->own[i]);
		ids[count++] = bpf_map__btf_value_type_id(type->own[i]);
	}
	for (__u32 i = 0; i < count; i++)
		for (__u32 j = 0; j < count; j++)
			convert_types(type, ids[i], ids[j], text);
}

/* ---- weaving ------------------------------------------------------------------------------ */

/* In a light skeleton maps go by number. Let these be their descriptors. */
static void number_maps(const struct type *type, struct weave_block *block)
{
	struct bpf_map *map;
	int number = 0;

	block->template = (struct weave_maps){ { -1, -1 }, -1, -1, -1, -1, -1 };
	bpf_object__for_each_map (map, type->object) {
		const char *name = bpf_map__name(map);

		if (!strcmp(name, "lana_table_xdp"))
			block->template.tables[LANA_XDP] = number;
		else if (!strcmp(name, "lana_table_tc"))
			block->template.tables[LANA_TC] = number;
		else if (!strcmp(name, ".data.config"))
			block->template.config = number;
		else if (!strcmp(name, ".data.counters"))
			block->template.counters = number;
		else if (!strcmp(name, ".data.context"))
			block->template.context = number;
		else if (!strcmp(name, ".data.ports"))
			block->template.ports = number;
		else if (!strcmp(name, ".data.filter"))
			block->template.filter = number;
		for (__u32 i = 0; i < type->own_count; i++)
			if (type->own[i] == map)
				block->own[block->own_count++] =
					(struct weave_own){ number, 2000 + i };
		number++;
	}
}

static int config_map(void *cookie __attribute__((unused)), size_t block __attribute__((unused)))
{
	return 1002;
}

/* A program of the block, and of two that lead to each other by all their ports. */
static void weave_some(const struct type *type, enum lana_flavour flavour, enum lana_path path,
		       size_t blocks_count)
{
	static const __u8 config[LANA_CONFIG_MAX];
	const struct bpf_program *program = type->programs[flavour];
	size_t count = bpf_program__insn_cnt(program), woven_count;
	struct weave_block blocks[2] = {};
	struct weave w = {
		.flavour = flavour,
		.table = { 1000, 1001 },
		.context = 1003,
		.cpu_mask = 1,
		.blocks = blocks,
		.count = blocks_count,
		.config_map = config_map,
	};
	_cleanup_free_ struct bpf_insn *insns = malloc(count * sizeof(*insns) ?: 1);
	_cleanup_free_ struct bpf_insn *woven = NULL;

	if (!insns)
		return;
	memcpy(insns, bpf_program__insns(program), count * sizeof(*insns));
	for (size_t i = 0; i < count; i++)
		if (insns[i].code == (BPF_LD | BPF_DW | BPF_IMM)) {
			if (insns[i].src_reg == BPF_PSEUDO_MAP_IDX)
				insns[i].src_reg = BPF_PSEUDO_MAP_FD;
			else if (insns[i].src_reg == BPF_PSEUDO_MAP_IDX_VALUE)
				insns[i].src_reg = BPF_PSEUDO_MAP_VALUE;
		}
	for (size_t i = 0; i < blocks_count; i++) {
		blocks[i] = (struct weave_block){
			.insns = insns,
			.count = count,
			.path = i ? !path : path,
			.idp = LANA_BLOCKS_MAX - 1 - i,
			.ports = type->ports_count,
			.turns = type->turns,
			.config = config,
			.config_size = type->config.size,
			.page = 1004 + i,
			.cell = (LANA_PAGE_CELLS - 1) * sizeof(struct lana_cell),
		};
		number_maps(type, &blocks[i]);
		for (__u32 port = 0; port < LANA_PORTS_MAX; port++) {
			blocks[i].exits[LANA_INGRESS][port] =
				(struct weave_exit){ (port + blocks_count) % 3,
						     (i + port) % blocks_count };
			blocks[i].exits[LANA_EGRESS][port] = blocks[i].exits[LANA_INGRESS][port];
		}
	}
	if (!weave(&w, &woven, &woven_count))
		claim(woven && woven_count, "nothing was woven");
}

static bool relocate(struct type *type)
{
	LIBBPF_OPTS(gen_loader_opts, options);
	int err;

	libbpf_hush();
	err = bpf_object__gen_loader(type->object, &options);
	if (!err)
		err = bpf_object__load(type->object);
	libbpf_speak();
	return !err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(type_free_p) struct type *type = NULL;
	_cleanup_free_ void *image = malloc(size ?: 1);
	size_t length = size < TEXT_MAX ? size : TEXT_MAX;
	struct lana_error error = {};
	char text[TEXT_MAX + 1] = "";

	if (!image)
		return 0;
	memcpy(image, data, size);
	if (type_parse(image, size, &type, &error)) {
		claim(error.text[0], "an object is refused without a reason");
		return 0;
	}
	image = NULL;

	memcpy(text, data + size - length, length);
	check_options(type, text);
	check_conversions(type, text);
	if (relocate(type))
		for (int flavour = 0; flavour < LANA_FLAVOURS; flavour++)
			for (int path = 0; path < LANA_PATHS; path++)
				for (int count = 1; count <= 2; count++)
					weave_some(type, flavour, path, count);
	return 0;
}
