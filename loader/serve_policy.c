// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <grp.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <lana/socket.h>

#include "cleanup.h"
#include "error.h"
#include "serve_policy.h"

#define BLANK	  " \t\r\n"
#define FILE_MAX  (1 << 20) /* bytes */
#define COUNT_MAX 65536

/* A line as it is read. */
struct line {
	const char *path;
	__u32 number;
	char *rest; /* of the words */
	struct lana_error *error;
};

__attribute__((format(printf, 2, 3))) static int wrong(const struct line *line, const char *format,
						       ...)
{
	char text[256];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return refuse(line->error, -EINVAL, "%.200s:%u: %s", line->path, line->number, text);
}

static char *next_word(struct line *line)
{
	char *word;

	while ((word = strsep(&line->rest, BLANK)) && !*word)
		;
	return word;
}

/* ---- words --------------------------------------------------------------------------------- */

static bool read_number(const char *word, unsigned long most, unsigned long *number)
{
	char *end;

	errno = 0;
	*number = strtoul(word, &end, 10);
	return isdigit((unsigned char)*word) && !*end && !errno && *number <= most;
}

static int read_count(struct line *line, const char *what, __u32 least, __u32 most, __u32 *count)
{
	const char *word = next_word(line);
	unsigned long number;

	if (!word)
		return wrong(line, "'%s' needs a number", what);
	if (!read_number(word, most, &number) || number < least)
		return wrong(line, "%s '%.32s': a number from %u to %u", what, word, least, most);
	*count = number;
	return 0;
}

/* Words of a rule are no names, so that a name that is missing is not made of what follows. */
static bool is_option(const char *word)
{
	static const char *const options[] = {
		"bind", "port", "mtu", "rings", "sockets", "indirect"
	};

	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		if (!strcmp(options[i], word))
			return true;
	return false;
}

static int read_name(struct line *line, const char *what, char name[LANA_NAME_MAX])
{
	const char *word = next_word(line);

	if (!word || is_option(word))
		return wrong(line, "'%s' needs a name", what);
	if (strlen(word) >= LANA_NAME_MAX)
		return wrong(line, "'%.64s' is too long for a name", word);
	strcpy(name, word);
	return 0;
}

static int read_user(const char *word, id_t *who)
{
	const struct passwd *user = getpwnam(word);

	if (!user)
		return -ENOENT;
	*who = user->pw_uid;
	return 0;
}

static int read_group(const char *word, id_t *who)
{
	const struct group *group = getgrnam(word);

	if (!group)
		return -ENOENT;
	*who = group->gr_gid;
	return 0;
}

static int read_who(struct line *line, struct policy_rule *rule)
{
	const char *kind = rule->is_group ? "group" : "user", *word = next_word(line);
	unsigned long number;

	if (!word)
		return wrong(line, "'%s' needs a name or a number", kind);
	if (isdigit((unsigned char)*word)) {
		if (!read_number(word, (id_t)-2, &number)) /* -1 is nobody's */
			return wrong(line, "'%.32s' is no number of a %s", word, kind);
		rule->who = number;
		return 0;
	}
	if (rule->is_group ? read_group(word, &rule->who) : read_user(word, &rule->who))
		return wrong(line, "there is no %s '%.32s'", kind, word);
	return 0;
}

static int add_name(struct line *line, struct policy_rule *rule, const char *word)
{
	void *names;

	if (!*word)
		return wrong(line, "a comma without a name: names are told as NAME,NAME without "
				   "blanks");
	if (is_option(word))
		return wrong(line, "'%s' stands where the names belong", word);
	if (strlen(word) >= LANA_NAME_MAX)
		return wrong(line, "'%.64s' is too long for a name", word);
	for (const char *c = word; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr("_-.@+*?", *c))
			return wrong(line,
				     "'%.32s' is no name of a block, nor a pattern with * and ?",
				     word);
	names = reallocarray(rule->names, rule->names_count + 1, sizeof(rule->names[0]));
	if (!names)
		return refuse(line->error, -ENOMEM, "no memory for the policy");
	rule->names = names;
	strcpy(rule->names[rule->names_count++], word);
	return 0;
}

/* One word, so that nothing else in the line can be taken for a name. */
static int read_names(struct line *line, struct policy_rule *rule)
{
	char *names = next_word(line);
	int err = 0;

	if (!names)
		return wrong(line, "no name of a socket");
	while (!err && names)
		err = add_name(line, rule, strsep(&names, ","));
	return err;
}

/* ---- lines --------------------------------------------------------------------------------- */

static int read_option(struct line *line, struct policy_rule *rule, const char *word)
{
	int err;

	if (!strcmp(word, "bind"))
		return read_name(line, word, rule->lower);
	if (!strcmp(word, "port"))
		return read_name(line, word, rule->port);
	if (!strcmp(word, "mtu"))
		return read_count(line, word, 68, LANA_SOCKET_MTU_MAX, &rule->mtu);
	if (!strcmp(word, "sockets"))
		return read_count(line, word, 0, COUNT_MAX, &rule->sockets);
	if (!strcmp(word, "indirect")) {
		rule->indirect = true;
		return 0;
	}
	if (strcmp(word, "rings"))
		return wrong(line,
			     "unknown word '%.32s'; several names are told as NAME,NAME without "
			     "blanks",
			     word);
	err = read_count(line, word, 1, LANA_SOCKET_RING_MAX, &rule->rings);
	if (!err && rule->rings & (rule->rings - 1))
		return wrong(line, "rings %u: a power of two", rule->rings);
	return err;
}

static int read_rule(struct line *line, bool is_group, struct policy *policy)
{
	struct policy_rule *rules =
		reallocarray(policy->rules, policy->rules_count + 1, sizeof(*rules));
	struct policy_rule *rule;
	char *word;
	int err;

	if (!rules)
		return refuse(line->error, -ENOMEM, "no memory for the policy");
	policy->rules = rules;
	rule = &rules[policy->rules_count++];
	*rule = (struct policy_rule){
		.is_group = is_group, .mtu = 1500, .rings = 2048, .sockets = 4
	};
	err = read_who(line, rule);
	err = err ?: read_names(line, rule);
	while (!err && (word = next_word(line)))
		err = read_option(line, rule, word);
	if (err)
		return err;
	return *rule->port && !*rule->lower ? wrong(line, "'port' without 'bind'") : 0;
}

static int read_limit(struct line *line, struct policy *policy)
{
	const struct {
		const char *name;
		__u32 *limit;
	} limits[] = { { "sockets", &policy->sockets },
		       { "connections", &policy->connections },
		       { "waiting", &policy->waiting },
		       { "rate", &policy->rate } };
	const char *word = next_word(line);
	int err = word ? 0 : wrong(line, "limit of what?");

	for (; !err && word; word = next_word(line)) {
		size_t i = 0;

		while (i < ARRAY_SIZE(limits) && strcmp(limits[i].name, word))
			i++;
		if (i == ARRAY_SIZE(limits))
			return wrong(line, "no limit is called '%.32s'", word);
		err = read_count(line, word, 1, COUNT_MAX, limits[i].limit);
	}
	return err;
}

static int read_line(struct line *line, struct policy *policy)
{
	char *word;

	line->rest[strcspn(line->rest, "#")] = 0;
	word = next_word(line);
	if (!word)
		return 0;
	if (!strcmp(word, "user") || !strcmp(word, "group"))
		return read_rule(line, *word == 'g', policy);
	if (!strcmp(word, "limit"))
		return read_limit(line, policy);
	return wrong(line, "'%.32s' begins no rule: user, group or limit does", word);
}

/* ---- files --------------------------------------------------------------------------------- */

/* Who can write it, decides for root. */
static int open_file(const char *path, FILE **file, struct lana_error *error)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat status;
	int err;

	if (fd < 0 || fstat(fd, &status)) {
		err = -errno;
		return refuse(error, err, "cannot read %s: %s", path, strerror(-err));
	}
	if (!S_ISREG(status.st_mode) || status.st_size > FILE_MAX)
		return refuse(error, -EINVAL, "%s is no file, or too large", path);
	if ((status.st_uid && status.st_uid != geteuid()) || status.st_mode & 022)
		return refuse(error, -EPERM, "%s: others than its user may write it", path);
	*file = fdopen(fd, "r");
	if (!*file)
		return refuse(error, -ENOMEM, "no memory for the policy");
	TAKE_FD(fd);
	return 0;
}

int policy_read(const char *path, struct policy *result, struct lana_error *error)
{
	struct policy policy = { .sockets = 64, .connections = 256, .waiting = 16, .rate = 50 };
	struct line line = { .path = path, .error = error };
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	FILE *file;
	int err = open_file(path, &file, error);

	if (err)
		return err;
	while (!err && getline(&text, &size, file) >= 0) {
		line.number++;
		line.rest = text;
		err = read_line(&line, &policy);
	}
	if (!err && ferror(file))
		err = refuse(error, -EIO, "cannot read %s", path);
	fclose(file);
	if (err)
		policy_free(&policy);
	else
		*result = policy;
	return err;
}

void policy_free(struct policy *policy)
{
	for (__u32 i = 0; i < policy->rules_count; i++)
		free(policy->rules[i].names);
	free(policy->rules);
}

/* ---- peers --------------------------------------------------------------------------------- */

static bool is_for(const struct policy_rule *rule, const struct policy_peer *peer)
{
	if (!rule->is_group)
		return rule->who == peer->uid;
	for (__u32 i = 0; i < peer->groups_count; i++)
		if (rule->who == peer->groups[i])
			return true;
	return false;
}

static bool has_name(const struct policy_rule *rule, const char *name)
{
	for (__u32 i = 0; i < rule->names_count; i++)
		if (!name || !fnmatch(rule->names[i], name, FNM_NOESCAPE))
			return true;
	return false;
}

const struct policy_rule *policy_find(const struct policy *policy, const struct policy_peer *peer,
				      const char *name)
{
	for (__u32 i = 0; i < policy->rules_count; i++)
		if (is_for(&policy->rules[i], peer) && has_name(&policy->rules[i], name))
			return &policy->rules[i];
	return NULL;
}

/* The kernel says which groups the process was in when it connected, and how many they are. */
static int read_groups(int connection, gid_t first, struct policy_peer *peer)
{
	socklen_t size = 0;
	gid_t *groups;

	if (getsockopt(connection, SOL_SOCKET, SO_PEERGROUPS, NULL, &size) && errno != ERANGE)
		return -errno;
	groups = malloc(size + sizeof(gid_t));
	if (!groups)
		return -ENOMEM;
	if (size && getsockopt(connection, SOL_SOCKET, SO_PEERGROUPS, groups + 1, &size)) {
		free(groups);
		return -errno;
	}
	groups[0] = first;
	peer->groups = groups;
	peer->groups_count = 1 + size / sizeof(gid_t);
	return 0;
}

int policy_peer(int connection, struct policy_peer *peer)
{
	struct ucred who;
	socklen_t size = sizeof(who);

	if (getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &who, &size))
		return -errno;
	peer->pid = who.pid;
	peer->uid = who.uid;
	return read_groups(connection, who.gid, peer);
}
