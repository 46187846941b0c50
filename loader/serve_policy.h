/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * serve_policy - who may have which sockets: a file, a rule a line, see lana/serve.h
 */
#ifndef LOADER_SERVE_POLICY_H
#define LOADER_SERVE_POLICY_H

#include <stdbool.h>
#include <sys/types.h>

#include <lana/lana.h>

struct policy_rule {
	bool is_group;
	id_t who;
	char (*names)[LANA_NAME_MAX]; /* patterns */
	__u32 names_count;
	char lower[LANA_NAME_MAX], port[LANA_NAME_MAX]; /* empty: none */
	__u32 mtu, rings, sockets;
	bool indirect;
};

struct policy {
	struct policy_rule *rules;
	__u32 rules_count;
	__u32 sockets, connections, waiting, rate;
};

/* Who is at the other end of a connection. */
struct policy_peer {
	pid_t pid;
	uid_t uid;
	gid_t *groups; /* his process's, the first one too */
	__u32 groups_count;
};

/* Read a file. -EINVAL: it is wrong; error begins with FILE:LINE. */
int policy_read(const char *path, struct policy *policy, struct lana_error *error);
void policy_free(struct policy *policy);

/* The first rule for that user that has the name, or (name is NULL) any. NULL: there is none. */
const struct policy_rule *policy_find(const struct policy *policy, const struct policy_peer *peer,
				      const char *name);

/* Who is it? groups is the caller's to free. */
int policy_peer(int connection, struct policy_peer *peer);

#endif
