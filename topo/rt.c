// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/socket.h>

#include "rt.h"

#define BLOCK	    (32 << 10) /* bytes; sent when it is full */
#define MESSAGE_MAX (4 << 10)
#define ANSWER_MAX  (64 << 10)
#define TAGS_MAX    (BLOCK / NLMSG_HDRLEN)

void rt_tell_nobody(void *cookie, __u32 tag, int err, const char *why)
{
	(void)cookie, (void)tag, (void)err, (void)why;
}

int rt_socket(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), on = 1, room = 1 << 20;

	if (fd < 0)
		return -errno;
	/* Reasons in words, and no copies of what was refused. Both only save; may be missing. */
	setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	return fd;
}

int rt_use(struct rt *rt, int socket,
	   void (*failed)(void *cookie, __u32 tag, int err, const char *why), void *cookie)
{
	*rt = (struct rt){ .socket = socket,
			   .buffer = malloc(BLOCK + MESSAGE_MAX),
			   .tags = malloc(TAGS_MAX * sizeof(*rt->tags)),
			   .failed = failed,
			   .cookie = cookie };
	if (rt->buffer && rt->tags)
		return 0;
	rt_release(rt);
	return -ENOMEM;
}

int rt_open(struct rt *rt, void (*failed)(void *cookie, __u32 tag, int err, const char *why),
	    void *cookie)
{
	int fd = rt_socket(), err;

	if (fd < 0)
		return fd;
	err = rt_use(rt, fd, failed, cookie);
	if (err)
		close(fd);
	return err;
}

void rt_release(struct rt *rt)
{
	free(rt->buffer);
	free(rt->tags);
	rt->buffer = NULL;
	rt->tags = NULL;
}

void rt_close(struct rt *rt)
{
	if (rt->buffer)
		close(rt->socket);
	rt_release(rt);
}

/* ---- messages ------------------------------------------------------------------------------ */

static struct nlmsghdr *message(struct rt *rt)
{
	return (struct nlmsghdr *)(rt->buffer + rt->message);
}

void rt_begin(struct rt *rt, __u16 type, __u16 flags, __u32 tag)
{
	if (rt->used >= BLOCK || rt->count == TAGS_MAX) {
		int err = rt_flush(rt);

		rt->err = rt->err ?: err;
	}
	rt->message = rt->used;
	rt->tags[rt->count] = tag;
	*message(rt) = (struct nlmsghdr){ .nlmsg_type = type,
					  .nlmsg_flags = NLM_F_REQUEST | flags,
					  .nlmsg_seq = rt->sequence + rt->count++ };
	rt->used += NLMSG_HDRLEN;
}

void rt_put(struct rt *rt, const void *bytes, size_t size)
{
	/* No message comes near it: names and addresses are short. */
	if (rt->used + NLMSG_ALIGN(size) > BLOCK + MESSAGE_MAX)
		abort();
	memcpy(rt->buffer + rt->used, bytes, size);
	memset(rt->buffer + rt->used + size, 0, NLMSG_ALIGN(size) - size);
	rt->used += NLMSG_ALIGN(size);
}

void rt_attr(struct rt *rt, __u16 type, const void *bytes, size_t size)
{
	struct rtattr attribute = { .rta_type = type, .rta_len = RTA_LENGTH(size) };

	rt_put(rt, &attribute, sizeof(attribute));
	rt_put(rt, bytes, size);
}

void rt_attr_u32(struct rt *rt, __u16 type, __u32 value)
{
	rt_attr(rt, type, &value, sizeof(value));
}

void rt_attr_text(struct rt *rt, __u16 type, const char *text)
{
	rt_attr(rt, type, text, strlen(text) + 1);
}

void rt_nest(struct rt *rt, __u16 type)
{
	struct rtattr attribute = { .rta_type = type };

	rt->nests[rt->depth++] = rt->used;
	rt_put(rt, &attribute, sizeof(attribute));
}

void rt_unnest(struct rt *rt)
{
	struct rtattr *attribute = (struct rtattr *)(rt->buffer + rt->nests[--rt->depth]);

	attribute->rta_len = rt->used - rt->nests[rt->depth];
}

void rt_end(struct rt *rt)
{
	message(rt)->nlmsg_len = rt->used - rt->message;
}

/* ---- answers ------------------------------------------------------------------------------- */

/* The kernel's reason in words, behind what it says of a message. */
static const char *reason(const struct nlmsghdr *header)
{
	const struct nlmsgerr *error = NLMSG_DATA(header);
	size_t at = NLMSG_HDRLEN + sizeof(*error);

	if (!(header->nlmsg_flags & NLM_F_ACK_TLVS))
		return NULL;
	if (!(header->nlmsg_flags & NLM_F_CAPPED))
		at += error->msg.nlmsg_len - NLMSG_HDRLEN;
	while (at + sizeof(struct rtattr) <= header->nlmsg_len) {
		const struct rtattr *attribute = (void *)((char *)header + at);

		if (attribute->rta_len < sizeof(*attribute))
			break;
		if (attribute->rta_type == NLMSGERR_ATTR_MSG)
			return RTA_DATA(attribute);
		at += RTA_ALIGN(attribute->rta_len);
	}
	return NULL;
}

/* Take what was said of a message; true: it was the last one. */
static bool take_answer(struct rt *rt, const struct nlmsghdr *header)
{
	const struct nlmsgerr *error = NLMSG_DATA(header);
	__u32 number = header->nlmsg_seq - rt->sequence;

	if (header->nlmsg_type != NLMSG_ERROR || number >= rt->count)
		return false;
	if (error->error)
		rt->failed(rt->cookie, rt->tags[number], error->error, reason(header));
	return number == rt->count - 1;
}

int rt_flush(struct rt *rt)
{
	static __thread char answers[ANSWER_MAX];
	bool done = !rt->count;
	int err = rt->err;

	if (!done) {
		message(rt)->nlmsg_flags |= NLM_F_ACK;
		if (send(rt->socket, rt->buffer, rt->used, 0) < 0)
			err = err ?: -errno;
		done = err;
	}
	while (!done) {
		ssize_t size = recv(rt->socket, answers, sizeof(answers), 0);
		struct nlmsghdr *header = (void *)answers;

		if (size < 0 && errno == EINTR)
			continue;
		if (size < 0) {
			err = -errno;
			break;
		}
		for (; NLMSG_OK(header, size); header = NLMSG_NEXT(header, size))
			done |= take_answer(rt, header);
	}
	rt->sequence += rt->count;
	rt->used = rt->count = 0;
	rt->err = 0;
	return err;
}

int rt_dump(struct rt *rt, int (*visit)(void *cookie, const struct nlmsghdr *header), void *cookie)
{
	static __thread char answers[ANSWER_MAX];
	int err = 0;
	bool done = false;

	if (send(rt->socket, rt->buffer, rt->used, 0) < 0)
		err = -errno;
	while (!err && !done) {
		ssize_t size = recv(rt->socket, answers, sizeof(answers), 0);
		struct nlmsghdr *header = (void *)answers;

		if (size < 0 && errno != EINTR)
			err = -errno;
		for (; !done && size > 0 && NLMSG_OK(header, size);
		     header = NLMSG_NEXT(header, size)) {
			const struct nlmsgerr *error = NLMSG_DATA(header);

			if (header->nlmsg_seq != rt->sequence)
				continue;
			done = header->nlmsg_type == NLMSG_DONE ||
			       header->nlmsg_type == NLMSG_ERROR ||
			       !(header->nlmsg_flags & NLM_F_MULTI);
			if (header->nlmsg_type == NLMSG_ERROR)
				err = error->error;
			else if (header->nlmsg_type != NLMSG_DONE && !err)
				err = visit(cookie, header);
		}
	}
	rt->sequence += rt->count;
	rt->used = rt->count = 0;
	return err;
}

void rt_parse(const struct nlmsghdr *header, size_t size, const struct rtattr **table, size_t count)
{
	const struct rtattr *attribute = (void *)((char *)NLMSG_DATA(header) + NLMSG_ALIGN(size));
	size_t left = header->nlmsg_len - NLMSG_SPACE(size);

	memset(table, 0, count * sizeof(*table));
	for (; RTA_OK(attribute, left); attribute = RTA_NEXT(attribute, left))
		if ((attribute->rta_type & NLA_TYPE_MASK) < count)
			table[attribute->rta_type & NLA_TYPE_MASK] = attribute;
}
