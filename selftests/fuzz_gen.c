// SPDX-License-Identifier: GPL-2.0-only
/*
 * fuzz_gen - whatever text is given for packets, it becomes frames, or is refused with a place
 *
 * A libFuzzer target; fuzz.sh runs it.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <loader/cleanup.h>
#include <loader/gen_template.h>

#include "fuzz_edge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void render(struct gen_template *template, bool stamp)
{
	struct gen_completion completion = { .stamp = stamp, .name = "f" };
	struct gen_moment moment = { .sequence = 1, .time = 2 };
	static uint8_t frame[GEN_SIZE_MAX];
	struct lana_error error = {};

	if (gen_complete(template, &completion, &error)) {
		if (strncmp(error.text, "f:", 2))
			abort();
		return;
	}
	for (uint64_t n = 0; n < 3; n++)
		gen_render(template, n * 0x100000001, 0, 0, stamp ? &moment : NULL, frame);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(gen_templates_free) struct gen_templates templates = {};
	struct lana_error error = {};

	if (gen_parse("text", fuzz_edge(data, size), size, &templates, &error)) {
		if (strncmp(error.text, "text:", 5)) {
			fprintf(stderr, "fuzz_gen: refused with '%s'\n", error.text);
			abort();
		}
		return 0;
	}
	for (uint32_t i = 0; i < templates.count; i++)
		render(&templates.list[i], i % 2);
	return 0;
}
