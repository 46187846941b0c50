/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * registry - what a stack should be, in memory that outlives every process
 *
 * One array map, pinned and mapped. Its records are the stack as wanted; tables and programs
 * are made to agree with them. A writer that changes records first writes all of the new ones
 * into the journal and then sets pending, the one store that decides: before it nothing has
 * happened, after it the change will be completed, if need be by the next process.
 *
 * Only the holder of the stack's lock reads or writes it.
 */
#ifndef LOADER_REGISTRY_H
#define LOADER_REGISTRY_H

#include <stdbool.h>

#include <linux/types.h>

#include <lana/lana.h>

#include "probe.h"

#define REGISTRY_FLUSHING 0x67656e6f /* in the place of the magic: to be removed */
#define REGISTRY_MAGIC	  0x6c616e61
#define REGISTRY_VERSION  7
#define BUCKETS		  4096

/* What is being done to a device. */
enum changing {
	CHANGING_NOT,
	CHANGING,	 /* it is hooked, or unhooked as a commit has said */
	CHANGING_UNHOOK, /* it is unhooked, which nobody has told yet */
};

/* A block's network device. */
struct device_record {
	__u64 netns; /* inode of its network namespace */
	__u32 ifindex;
	__u8 hook;	/* enum lana_hook; LANA_HOOK_NONE: the block is no device */
	__u8 clsact;	/* attached by filters on a clsact qdisc, not by links */
	__u8 peer_gro;	/* GRO was switched on at the peer, for it to take XDP frames */
	__u8 changing;	/* enum changing; found set: he who did was killed */
	__u8 gone;	/* it was not there when somebody looked, which has been told */
	__u8 passing;	/* what it receives goes to the kernel while port next leads nowhere */
	__u8 is_socket; /* it is the library's own, of a program's socket, see socket_block.h */
	__u8 is_worker; /* and that is a worker's, see worker.h */
	__u32 process;	/* that has opened it */
	char name[16];
	char netns_name[64]; /* as the user gave it; empty: the caller's own */
};

struct record {
	char name[LANA_NAME_MAX]; /* empty: the IDP is free */
	char type[LANA_NAME_MAX];
	__u32 version; /* of the type */
	__u32 cell;    /* number of the counter cell */
	__u32 insns;   /* of the type's templates, the longest one, with the filter */
	__u16 edges[LANA_PATHS][LANA_PORTS_MAX]; /* IDPs; 0: unbound */
	__u16 fused[LANA_PATHS]; /* bit n: port n's edge is a jump inside a program, not its slot */
	__u16 hot[LANA_PATHS];	 /* bit n: it shall never be, by the user's wish */
	__u16 stuck[LANA_PATHS]; /* bit n: it cannot be, the kernel refused the program */
	__u16 stale[LANA_PATHS]; /* bit n: its slot, not used any more, holds on to a program */
	__u16 references[LANA_PATHS]; /* edges that lead here */
	__u16 entries[LANA_PATHS];    /* those of them that are not fused */
	__u8 woven
		[LANA_PATHS]; /* bit n: a program of flavour n stands in slot IDP and is current */
	__u8 turns;	      /* its type turns packets round */
	__u8 user;	      /* its type lives in user space: packets come back by slots */
	__u8 copies;	      /* enum lana_copying of its type, and in the upper half a port */
	__u8 nature;	      /* enum nature, by its code and options */
	__u8 maps;	      /* that a program of it uses, those of the stack not counted */
	__u8 hot_block;	      /* none of its edges shall be fused, by the user's wish */
	__u16 next;	      /* IDP of the next record in the bucket; 0: none */
	__u64 left_user;   /* CLOCK_MONOTONIC, ns: its type does not live in user space any more */
	__u16 probes;	   /* that are woven into it, PROBE_MEASURED and so on */
	__u16 filter;	   /* number of its map; 0: it has none */
	__u8 publishes;	   /* its type does */
	__u8 hears;	   /* its type has an event function: */
	__u8 hearing_maps; /* that it uses, */
	__u16 hearing_insns;			 /* and its instructions */
	__u16 subscribers[LANA_SUBSCRIBERS_MAX]; /* IDPs; 0: no more of them */
	struct device_record device;
	__u8 config[LANA_CONFIG_MAX];
};

/* What has been done to a block by a commit, and whom that is to be told. */
struct notice {
	__u16 occasions; /* bits as of enum lana_occasion */
	__u16 subscribers[LANA_SUBSCRIBERS_MAX];
};

#define LOG_MAX 4096 /* events; a power of two */

/* What happened, see log.h. */
struct log_entry {
	__u64 number; /* of the event, from 1 on; written last, and 0 meanwhile */
	__u64 time;   /* CLOCK_REALTIME, ns */
	__u32 kind;   /* enum lana_event_kind */
	__u32 generation;
	__u32 steps, prepare_us, publish_us; /* of a commit */
	char text[LANA_EVENT_TEXT];
};

struct registry {
	__u32 magic, version, abi;
	__u32 generation;	/* changes made */
	__u32 busy;		/* process at work; found set by the next one: it was killed */
	__u32 pending;		/* journal entries to be carried out */
	__u32 carried;		/* of these the state has been carried over */
	__u32 limit;		/* no IDP from here on has been used */
	__u32 tables;		/* bit table_bit(): in use and complete */
	__u32 turns;		/* blocks that turn packets round are or were there */
	__u32 types_generation; /* changes made to the folder of types */
	__u32 unfused;		/* blocks are not to be fused at all */
	__u32 switches_count;	/* slots that hold a switch, see LANA_SLOT_SWITCH */
	__u32 bank;		/* that they use, or the last ones used */
	__u32 left[2];		/* by bank: how many hold on to programs that are not needed */
	__u32 measured;		/* all blocks are: each time anew another number; 0: none is */
	__u32 measurings;	/* the last such number */
	__u32 probe_serial;	/* of the last session */
	struct probe_session sessions[PROBE_SESSIONS];
	struct {
		__u16 flavour, path;
		__u32 slot;
	} switches[LANA_SWITCHES_MAX];
	struct {
		__u32 idp;
		__u32 carries; /* what the cell of the record before has kept goes to this one's */
		struct notice notice;
		struct record record;
	} journal[LANA_BLOCKS_MAX];
	__u64 notified;		/* event functions that have run for the sake of the journal */
	__u32 events;		/* the map of struct event_log was made */
	__u32 sockets;		/* there may be blocks that are sockets */
	__u16 buckets[BUCKETS]; /* by hash of the name; 0: none */
	struct record records[LANA_BLOCKS_MAX]; /* by IDP; 0 is not used */

	__u32 generation_decided; /* what it is once the change under way is settled */
	__u64 logged;		  /* number of the last event that may be read */
	__u64 log_decided;	  /* of the last one, once the change under way is settled */
	struct log_entry log[LOG_MAX];
};

/* The ports of a path that lead somewhere, a bit each. */
static inline __u32 record_bound(const struct record *record, int path)
{
	__u32 bound = 0;

	for (__u32 port = 0; port < LANA_PORTS_MAX; port++)
		bound |= record->edges[path][port] ? 1U << port : 0;
	return bound;
}

/* Which bit of registry.tables stands for a table. */
static inline __u32 table_bit(int flavour, int path)
{
	return 1U << (flavour * LANA_PATHS + path);
}

static inline struct log_entry *log_entry(struct registry *registry, __u64 number)
{
	return &registry->log[number % LOG_MAX];
}

/* Of a block's name. */
__u32 registry_hash(const char *name);

/* IDP of the block of that name; 0: none. */
__u32 registry_find(const struct registry *registry, const char *name);

/* Put a record in its place, or (name empty) clear it, and keep the buckets true. */
void registry_store(struct registry *registry, __u32 idp, const struct record *record);

/* Is a program to begin with the block, in a table in use, and does not? */
bool registry_lacks(const struct registry *registry, const struct record *record, int path);

/* Do numbers that lead elsewhere lead somewhere? Nothing else may be done with it if not. */
bool registry_is_sane(const struct registry *registry);

/* Make the buckets anew. */
void registry_rehash(struct registry *registry);

#define registry_for_each(registry, idp)                    \
	for (__u32 idp = 1; idp < (registry)->limit; idp++) \
		if ((registry)->records[idp].name[0])

#endif
