// SPDX-License-Identifier: GPL-2.0-only
/*
 * fuzz_classic - whatever a filter's text holds, it is assembled, or refused with a reason and a
 * place
 *
 * What is assembled and is a filter can be printed, and assembled again to the same. A libFuzzer
 * target; fuzz.sh runs it.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <loader/classic.h>
#include <loader/cleanup.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool right, const char *what, const char *text)
{
	if (right)
		return;
	fprintf(stderr, "fuzz_classic: %s: '%s'\n", what, text);
	abort();
}

static void assemble_again(const char *text)
{
	_cleanup_free_ char *first = NULL, *second = NULL;
	struct lana_error error = {};
	struct classic filter;

	if (classic_assemble("f", text, &filter, &error)) {
		expect(!strncmp(error.text, "f:", 2), "refused with", error.text);
		return;
	}
	if (classic_check(&filter, LANA_TC, &error))
		return;
	expect(!classic_print(&filter, CLASSIC_ASSEMBLER, &first), "not printed", text);
	expect(!classic_assemble("f", first, &filter, &error), error.text, first);
	expect(!classic_print(&filter, CLASSIC_ASSEMBLER, &second), "not printed", first);
	expect(!strcmp(first, second), "assembled to another filter", first);
}

static void read_numbers(const char *text)
{
	struct lana_error error = {};
	struct classic filter;

	if (classic_read("f", text, &filter, &error))
		expect(!strncmp(error.text, "f:", 2), "refused with", error.text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = strndup((const char *)data, size);

	expect(text, "no memory", "");
	assemble_again(text);
	read_numbers(text);
	return 0;
}
