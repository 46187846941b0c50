// SPDX-License-Identifier: GPL-2.0-only
/*
 * fuzz_file - whatever a stack file holds, it is read, or refused with a reason and a place
 *
 * A libFuzzer target; fuzz.sh runs it.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <loader/cleanup.h>
#include <loader/file.h>

#include "fuzz_edge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(file_free) struct file file = {};
	struct lana_error error = {};

	if (!file_parse("stack.yaml", fuzz_edge(data, size), size, &file, &error))
		return 0;
	if (strncmp(error.text, "stack.yaml:", 11)) {
		fprintf(stderr, "fuzz_file: refused with '%s'\n", error.text);
		abort();
	}
	return 0;
}
