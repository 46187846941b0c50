/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rt - many messages of rtnetlink(7) at a time
 *
 *	rt_begin(&rt, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, tag);
 *	rt_put(&rt, &header, sizeof(header));
 *	rt_attr(&rt, IFA_LOCAL, bytes, 4);
 *	rt_end(&rt);
 *	…
 *	err = rt_flush(&rt, note_failure, cookie);
 *
 * Messages are collected and sent by one system call a block of some 32 KB. The kernel works on
 * them in their order before that call returns, tells which have failed, and of the last one of a
 * block that it is done. So the price of a message is little more than that of the work.
 */
#ifndef TOPO_RT_H
#define TOPO_RT_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/types.h>

#define RT_NEST_MAX 4

struct rt {
	int socket;
	char *buffer;
	size_t used, message; /* bytes; where the message that is being written begins */
	size_t nests[RT_NEST_MAX];
	unsigned int depth;
	__u32 *tags; /* of the messages in the buffer */
	__u32 count, sequence;
	/* What the first flush by itself has found; rt_flush() returns it. */
	int err;
	void (*failed)(void *cookie, __u32 tag, int err, const char *why);
	void *cookie;
};

/*
 * Open a socket in the network namespace that the thread is in. failed is called for each message
 * that the kernel refuses, with its reason, if it gives one (else NULL).
 */
int rt_open(struct rt *rt, void (*failed)(void *cookie, __u32 tag, int err, const char *why),
	    void *cookie);
/* As that, over a socket that is there; rt_close() leaves it open. */
int rt_use(struct rt *rt, int socket,
	   void (*failed)(void *cookie, __u32 tag, int err, const char *why), void *cookie);
void rt_close(struct rt *rt);
void rt_release(struct rt *rt);

/* A `failed` that does nothing: of dumps, whose errors rt_dump() returns. */
void rt_tell_nobody(void *cookie, __u32 tag, int err, const char *why);

/* A socket of the namespace that the thread is in; a negative errno. */
int rt_socket(void);

void rt_begin(struct rt *rt, __u16 type, __u16 flags, __u32 tag);
void rt_put(struct rt *rt, const void *bytes, size_t size);
void rt_attr(struct rt *rt, __u16 type, const void *bytes, size_t size);
void rt_attr_u32(struct rt *rt, __u16 type, __u32 value);
void rt_attr_text(struct rt *rt, __u16 type, const char *text);
void rt_nest(struct rt *rt, __u16 type);
void rt_unnest(struct rt *rt);
void rt_end(struct rt *rt);

/* Send what is left. The first error of the socket itself, not those of messages. */
int rt_flush(struct rt *rt);

/*
 * Ask for a dump by the message in the buffer, and call visit for each answer; it must be the only
 * one. A visit that returns an error ends it.
 */
int rt_dump(struct rt *rt, int (*visit)(void *cookie, const struct nlmsghdr *header), void *cookie);

/* The attributes of an answer behind a header of that size, by type; others stay NULL. */
void rt_parse(const struct nlmsghdr *header, size_t size, const struct rtattr **table,
	      size_t count);

static inline __u32 rt_u32(const struct rtattr *attribute)
{
	return *(const __u32 *)RTA_DATA(attribute);
}

#endif
