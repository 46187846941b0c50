// SPDX-License-Identifier: GPL-2.0-only
/*
 * fuzz_topo - any bytes as a topology file, as GraphML and as a file of IMUNES
 *
 * What is refused has to be so with the file's name in front; what an importer prints has to be a
 * topology file, unless an address or a name in it is none.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lana/topo.h>

#include <loader/cleanup.h>

#include "fuzz_edge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void judge(const char *what, int err, const struct lana_error *error)
{
	if (!err || !strncmp(error->text, "t:", 2))
		return;
	fprintf(stderr, "fuzz_topo: %s refused with '%s'\n", what, error->text);
	abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *input = fuzz_edge(data, size);
	struct lana_topo_source source = { .name = "t", .text = input, .size = size };
	_cleanup_free_ char *text = NULL;
	struct lana_error error = {};

	judge("a file is", lana_topo_validate(&source, NULL, &error), &error);
	judge("an import is", lana_topo_import(&source, false, &text, &error), &error);
	if (!text)
		return 0;
	source.text = text;
	source.size = strlen(text);
	judge("what was imported is", lana_topo_validate(&source, NULL, &error), &error);
	return 0;
}
