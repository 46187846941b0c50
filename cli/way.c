// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>

#include "way.h"

const char *cli_way_kind(enum lana_way_kind kind)
{
	static const char *const names[] = {
		[LANA_WAY_PORT] = "port", [LANA_WAY_PASS] = "pass",	  [LANA_WAY_SENT] = "sent",
		[LANA_WAY_DROP] = "drop", [LANA_WAY_UNBOUND] = "unbound", [LANA_WAY_ALL] = "all",
	};

	return kind < sizeof(names) / sizeof(names[0]) ? names[kind] : "?";
}

const char *cli_way(const struct lana_way *way, enum lana_path path, char text[CLI_WAY_MAX])
{
	const char *end = way->kind == LANA_WAY_DROP	  ? ": dropped"
			  : way->kind == LANA_WAY_UNBOUND ? ": unbound"
							  : "";
	bool turns = way->path != path;

	snprintf(text, CLI_WAY_MAX, "%s%s%s%s%s", way->name, turns ? " (" : "",
		 turns ? lana_path_name(way->path) : "", turns ? ")" : "", end);
	return text;
}
