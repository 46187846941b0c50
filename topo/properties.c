// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>

#include "properties.h"

int properties_check(const struct net *net, struct lana_error *error)
{
	for (size_t i = 0; i < net->links_count; i++) {
		const struct net_link *link = &net->links[i];

		if (link->properties_count)
			return file_refuse(&net->file, link->properties[0].setting.place, error,
					   -EOPNOTSUPP,
					   "'%s' of link '%s' is not built into this version",
					   link->properties[0].setting.key, link->name);
	}
	return 0;
}
