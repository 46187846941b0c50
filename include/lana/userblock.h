/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lana/userblock.h - the user-space half of a block
 *
 *	#include <lana/userblock.h>
 *	#include "hold.h"		// struct hold_config, hold_counters, enum hold_port
 *
 *	static void process(struct lana_userblock *block, struct lana_userpacket **packets,
 *			    uint32_t count)
 *	{
 *		…
 *	}
 *
 *	LANA_USERBLOCK(hold, .process = process, .timer = timer);
 *
 * Such a file is built into NAME.so, which a worker ("lanactl worker", lana/worker.h) loads by the
 * type's name. The other half is a BPF source like any block's (lana/user.h); docs/userblock.md
 * builds both.
 *
 * A worker is one thread: of its blocks one function runs at a time. None of them may wait.
 *
 * A packet that process() is given, or that was made, belongs to the block until it sends or drops
 * it. It lies in the worker's memory, and is not copied on its way. A block may keep it as long as
 * it likes, in a list by next.
 *
 * Times are those of CLOCK_MONOTONIC in nanoseconds, as in BPF; lana_user_now() reads it.
 */
#ifndef LANA_USERBLOCK_H
#define LANA_USERBLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <lana/abi.h>
#include <lana/userblock_abi.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LANA_USERBLOCK_ABI 1

struct lana_channel;

struct lana_userpacket {
	void *data;	 /* the frame, from its Ethernet header on */
	uint32_t length; /* bytes; to be changed by the functions below */
	uint32_t mark;	 /* rides with it, to be changed at will */
	uint64_t time;	 /* it left the stack, or was made */
	uint64_t due;	 /* the block's own, as next is */
	struct lana_userpacket *next;
	uint8_t path; /* enum lana_path: the direction of travel */
	/* The library's: */
	uint8_t reserved[3];
	uint32_t frame;
	struct lana_userblock *owner;
};

/* A block as its half sees it. */
struct lana_userblock {
	const char *name;   /* in the stack */
	const void *config; /* struct NAME_config, as it is set now */
	/*
	 * struct NAME_counters, a path each. What is counted here is added to what the kernel half
	 * counts: by "counters->held++", as only the worker writes to it.
	 */
	void *counters[LANA_PATHS];
	void *state; /* state_size bytes, 0 at first: the half's own */
	/* shared_size bytes, 0 at first: of all blocks of the type that the worker has. */
	void *shared;
};

struct lana_userblock_type {
	uint32_t abi;
	const char *name;
	uint32_t config_size, counters_size; /* both halves have to agree on them */
	uint32_t state_size, shared_size;

	/* The block is taken up. A negative errno: it is not, and packets pass it by. */
	int (*init)(struct lana_userblock *block);

	/* Packets that the kernel half has handed over, oldest first. */
	void (*process)(struct lana_userblock *block, struct lana_userpacket **packets,
			uint32_t count);

	/* The time has come that lana_user_timer() has set; it is not set any more. */
	void (*timer)(struct lana_userblock *block, uint64_t now);

	/* config has changed, in place; this is what it was. */
	void (*set)(struct lana_userblock *block, const void *before);

	/* The last of the blocks that share is gone. */
	void (*shared_fini)(void *shared);

	/*
	 * The worker ends, or lets go of the block, which was replaced or removed: the last chance
	 * to send what is held. What is not sent is lost.
	 */
	void (*fini)(struct lana_userblock *block);
};

/*
 * The last line of the half of type NAME: its functions, of which only process is a must,
 * state_size and shared_size, as designated initialisers.
 */
#define LANA_USERBLOCK(block, ...)                                \
	extern const struct lana_userblock_type lana_userblock;   \
	const struct lana_userblock_type lana_userblock = {       \
		.abi = LANA_USERBLOCK_ABI,                        \
		.name = #block,                                   \
		.config_size = sizeof(struct block##_config),     \
		.counters_size = sizeof(struct block##_counters), \
		__VA_ARGS__                                       \
	}

static inline uint64_t lana_user_now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000ULL + time.tv_nsec;
}

/*
 * Send it on by a port of its path. If that leads nowhere it is dropped, and counted by the block
 * as any packet at an unbound port.
 */
void lana_user_send(struct lana_userblock *block, struct lana_userpacket *packet, uint32_t port);

/* The same by a port of the other path. The kernel half ends in LANA_TURNING_USER_BLOCK. */
void lana_user_turn(struct lana_userblock *block, struct lana_userpacket *packet, uint32_t port);

/* Drop it, with a reason, which is counted. */
void lana_user_drop(struct lana_userblock *block, struct lana_userpacket *packet,
		    enum lana_drop reason);

/*
 * Make a packet that the block owns: of length 0, with room for lana_user_room() bytes at data. It
 * has come by no device: at XDP the kernel cannot get it (LANA_PASS), at tc it is one of the
 * stack's first tc device. NULL: the worker has no memory left, which it counts.
 */
struct lana_userpacket *lana_user_make(struct lana_userblock *block, enum lana_path path);

/* A packet like the other, mark and device too. NULL: as above. */
struct lana_userpacket *lana_user_copy(struct lana_userblock *block,
				       const struct lana_userpacket *packet);

/* The largest frame that can be sent, bytes. */
uint32_t lana_user_room(const struct lana_userblock *block);

/*
 * Put size bytes in front of the frame, of any content, or take them away. Returns where it begins
 * now. NULL: there is no room, or the frame would be shorter than an Ethernet header; it is as it
 * was.
 */
void *lana_user_push(struct lana_userpacket *packet, uint32_t size);
void *lana_user_pull(struct lana_userpacket *packet, uint32_t size);

/* Make it so long; what is new at its end holds anything. NULL: as above. */
void *lana_user_resize(struct lana_userpacket *packet, uint32_t length);

/*
 * Have timer() called as soon as it is that late, once. A block has one timer: this one takes the
 * place of the one before. 0: none.
 */
void lana_user_timer(struct lana_userblock *block, uint64_t when);

/*
 * How many frames the worker's memory has: packet->frame is less. *unused (if not NULL): of these,
 * those that nobody has. A block that holds packets drops some while it is still its own choice.
 */
uint32_t lana_user_frames(const struct lana_userblock *block, uint32_t *unused);

/* Has the stack got all that was sent, by whatever block? */
bool lana_user_is_sent(const struct lana_userblock *block);

/* Open a map of the block's state by its name in the kernel half, which is the caller's to close.
 * -ENOENT: it has none of that name. */
int lana_user_map(const struct lana_userblock *block, const char *name);

/* Have the worker say a line to its user. */
__attribute__((format(printf, 2, 3))) void lana_user_log(const struct lana_userblock *block,
							 const char *format, ...);

#ifdef __cplusplus
}
#endif

#endif
