/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lana/lana.h - assemble a network stack from BPF blocks and rearrange it while traffic flows
 *
 * A stack lives in the kernel and in bpffs; a struct lana_stack is one program's handle on it.
 * Any number of programs may hold handles on one stack, and any number of threads may use one
 * handle: every call locks the stack for its duration.
 *
 * Functions return 0 or a negative errno. A call that fails has changed nothing, left its
 * outputs untouched, and, if the caller passed a struct lana_error, said in one line what was
 * refused and why; only after -EINPROGRESS a change was begun that the next call on the stack,
 * by whomever, finishes. Nothing is ever printed.
 *
 * A process that forks shares the lock of its handles with its child: open another one there.
 */
#ifndef LANA_LANA_H
#define LANA_LANA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lana/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LANA_VERSION "0.1.0"

struct lana_stack;

/* One line, without a newline, that says what was refused and why. */
struct lana_error {
	char text[512];
};

struct lana_stack_options {
	const char *name;  /* NULL: "default" */
	const char *bpffs; /* where bpffs is mounted; NULL: "/sys/fs/bpf" */
	const char *types; /* folders with NAME.bpf.o, separated by ':'; NULL: the installed one */
	const char *netns; /* network namespace of the devices named: a name of ip-netns(8) or a
			      path; NULL: the caller's */
	bool create;	   /* make the stack if there is none */
	bool fuse;	   /* after each change by this handle, lana_stack_fuse() */
	/*
	 * Called with the verifier's words when the kernel refuses a program; may be NULL. The
	 * stack is locked meanwhile.
	 */
	void (*verbose)(void *cookie, const char *text);
	void *cookie;
};

/*
 * Open a stack. -ENOENT: there is none and create is not set. What a killed process left unfinished
 * is finished or undone by the first call that works on the stack. A stack that this call made and
 * that is still empty when the handle is closed goes again.
 */
int lana_stack_open(const struct lana_stack_options *options, struct lana_stack **stack,
		    struct lana_error *error);
void lana_stack_close(struct lana_stack *stack);

/*
 * Unhook every device, remove every block, unload every type, remove the stack's pins. If it fails
 * half way, the next lana_stack_open() finishes it.
 */
int lana_stack_flush(struct lana_stack *stack, struct lana_error *error);

/*
 * Join blocks that lead to each other into common programs, wherever that is possible: what they
 * cost together is then nearly what one program written by hand would. A commit does so by itself;
 * lana_bind() and the other calls that change one thing do not, as it takes a millisecond or more:
 * they take out of a common program only the edge that they change. Packets notice nothing of it.
 * With on false no two blocks are joined from now on, until it is called again.
 */
int lana_stack_fuse(struct lana_stack *stack, bool on, struct lana_error *error);

/*
 * Changes of blocks, edges and hooks since the stack was created: each call that made one has
 * added one.
 */
uint32_t lana_stack_generation(struct lana_stack *stack);

/* ---- types ---------------------------------------------------------------------------- */

/*
 * Load a type by name (from the folders of the options) or by the path of an object file (any
 * text with a '/' in it or that ends in ".bpf.o"). The object is kept with the stack: the file
 * may go. Loading the same object again does nothing; another object of the same name becomes
 * the type's next version, which later add and replace calls use.
 */
int lana_type_load(struct lana_stack *stack, const char *name_or_path, struct lana_error *error);

/* Forget every version of a type. -EBUSY: a block uses it. */
int lana_type_unload(struct lana_stack *stack, const char *type, struct lana_error *error);

/* A field of a type's config or counters struct. */
struct lana_field {
	char name[LANA_NAME_MAX];
	char type[LANA_NAME_MAX]; /* as C names it: "__u16", "char[8]" */
	uint32_t offset;	  /* bytes */
	uint32_t size;		  /* bytes */
};

struct lana_type_info {
	char name[LANA_NAME_MAX];
	uint32_t version; /* 1 for the first one loaded */
	uint32_t blocks;  /* that are of this version */
	uint32_t ports_count;
	char ports[LANA_PORTS_MAX][LANA_NAME_MAX];
	uint32_t config_count, counters_count;
	struct lana_field config[32];
	struct lana_field counters[32];
	uint32_t events_count; /* that blocks of it publish */
	char events[LANA_EVENTS_MAX][LANA_NAME_MAX];
	bool hears; /* it has an event function: its blocks can be subscribed to others */
};

/* The loaded versions of all types, by name and version; the caller frees *types. */
int lana_type_list(struct lana_stack *stack, struct lana_type_info **types, size_t *count,
		   struct lana_error *error);

/* ---- blocks --------------------------------------------------------------------------- */

/*
 * options is an array of "key=value" texts that ends in NULL, or NULL. Keys are the fields of
 * the type's config struct; values are converted by its BTF and must fit.
 */

/* Make a block. The type is loaded if need be. -EEXIST, -ENOSPC: the stack is full. */
int lana_block_add(struct lana_stack *stack, const char *name, const char *type,
		   const char *const *options, struct lana_error *error);

/*
 * Remove a block and all that it owns. -EBUSY: an edge leads to it or from it. When this
 * returns the block's code can no longer run.
 */
int lana_block_rm(struct lana_stack *stack, const char *name, struct lana_error *error);

/* Change fields of the config, all of them at one instant. */
int lana_block_set(struct lana_stack *stack, const char *name, const char *const *options,
		   struct lana_error *error);

/*
 * Put the current version of another type (or of the same) behind the block's IDP. Its options, its
 * counters and the entries of its maps carry over field by field, also those that the old code
 * writes meanwhile; docs/state.md has the rules. -EINVAL, -ERANGE, -ENOSPC: something would be lost
 * (or an edge leaves by a port that the new type lacks). With drop_state the block begins anew:
 * counters and maps are fresh ones, and options without a place are lost.
 */
int lana_block_replace(struct lana_stack *stack, const char *name, const char *type,
		       const char *const *options, bool drop_state, struct lana_error *error);

enum lana_hook {
	LANA_HOOK_NONE, /* not a device */
	LANA_HOOK_XDP,	/* XDP in the driver */
	LANA_HOOK_SKB,	/* generic XDP */
	LANA_HOOK_TC,	/* tcx, or clsact where the kernel has none */
};

/* How a packet filter is given: options of these names give a block's, see docs/filter.md. */
enum lana_filter_kind {
	LANA_FILTER_NONE, /* everything matches */
	LANA_FILTER_EXPR, /* an expression of pcap-filter(7) */
	LANA_FILTER_ASM, /* BPF assembler: a file's name, or the text if there is a newline in it */
	LANA_FILTER_CODE, /* the numbers of `tcpdump -ddd` */
};

/* Where a block's port leads. */
struct lana_edge {
	enum lana_path path;
	uint32_t port;
	char port_name[LANA_NAME_MAX];
	bool fused;  /* a jump inside a program; otherwise a tail call */
	uint32_t to; /* IDP */
	char to_name[LANA_NAME_MAX];
};

struct lana_value {
	char name[LANA_NAME_MAX];
	char text[LANA_CONFIG_MAX + 1]; /* as lana_block_set() takes it */
	bool is_number;
};

struct lana_device_info {
	char name[16];	/* as it was called when it was hooked */
	char netns[64]; /* as given when it was hooked; empty: none was named */
	uint32_t ifindex;
	enum lana_hook hook;
	bool gone;     /* the device or the hook no longer exists */
	char note[64]; /* what lana changed on the device or its peer; empty: nothing */
};

#define LANA_COPIES_MAX 4 /* programs that hold a block on one path */

/* Programs that a block is a part of, each by the name of the block that it begins with. */
struct lana_programs {
	uint32_t count;
	char first[LANA_COPIES_MAX][LANA_NAME_MAX];
};

/*
 * How a block sends a packet on by several ports at once: the packet goes through branches that
 * only read and comes back, copies are made by bpf_clone_redirect() at tc, or for all branches that
 * are left at XDP; by the last one goes the packet itself.
 */
struct lana_copies {
	uint32_t inlined, cloned, broadcast; /* branches, of a packet at the hooks in use */
};

struct lana_block_info {
	char name[LANA_NAME_MAX];
	char type[LANA_NAME_MAX];
	uint32_t type_version;
	bool type_current; /* no newer version of the type is loaded */
	uint32_t idp;
	uint32_t references;		/* edges that lead here */
	struct lana_device_info device; /* hook is LANA_HOOK_NONE for a plain block */
	size_t config_count, edges_count;
	struct lana_value config[32]; /* but a filter: */
	struct {
		enum lana_filter_kind kind;
		const char *text;      /* as given; what the file holds. Goes with *blocks */
		uint32_t instructions; /* of the classic machine */
	} filter;
	struct lana_edge edges[LANA_PATHS * LANA_PORTS_MAX];
	struct lana_programs programs[LANA_PATHS]; /* none where no edge leads to it */
	struct lana_copies copies[LANA_PATHS];	   /* all 0 where there is but one branch */
	size_t subscribers_count;
	char subscribers[LANA_SUBSCRIBERS_MAX][LANA_NAME_MAX]; /* to its events */
};

/*
 * One block, or (name NULL) all of them by IDP, of one moment; the caller frees *blocks.
 * -ENOENT: no such block.
 */
int lana_block_list(struct lana_stack *stack, const char *name, struct lana_block_info **blocks,
		    size_t *count, struct lana_error *error);

struct lana_count {
	char name[LANA_NAME_MAX]; /* counter field, drop reason or port name */
	uint64_t value;		  /* sum over the CPUs */
};

/* How a packet leaves a block. */
enum lana_way_kind {
	LANA_WAY_PORT,	  /* by a port */
	LANA_WAY_PASS,	  /* up to the kernel */
	LANA_WAY_SENT,	  /* transmitted */
	LANA_WAY_DROP,	  /* dropped by the block, or by the engine: for a reason */
	LANA_WAY_UNBOUND, /* dropped: the port leads nowhere */
	LANA_WAY_ALL,	  /* by every port that leads somewhere */
};

struct lana_way {
	enum lana_way_kind kind;
	enum lana_path path;	  /* of the port; else the block's */
	char name[LANA_NAME_MAX]; /* of the port or the reason; "pass", "sent", "all" */
};

#define LANA_WAYS_MAX (2 * LANA_PORTS_MAX + 3 + LANA_DROPS_MAX)

/* What left by a way since measuring began. */
struct lana_way_stats {
	struct lana_way way; /* never LANA_WAY_UNBOUND: */
	uint64_t packets, bytes;
	uint64_t dropped; /* of these packets: by a port, those for which it led nowhere */
};

struct lana_path_stats {
	size_t own_count, drops_count, unbound_count;
	struct lana_count own[32];		   /* every field of the counters struct */
	struct lana_count drops[LANA_DROPS_MAX];   /* only reasons that happened */
	struct lana_count unbound[LANA_PORTS_MAX]; /* only ports that missed */
	/* While the stack is measured, see lana_measure(): */
	size_t ways_count;
	struct lana_way_stats ways[LANA_WAYS_MAX]; /* only ways that packets took */
	uint64_t samples;			   /* packets that were timed */
	double ns; /* that one of them spent in the block, what reading the clock takes left out */
};

struct lana_block_stats {
	char name[LANA_NAME_MAX];
	char type[LANA_NAME_MAX];
	uint32_t idp;
	struct lana_path_stats path[LANA_PATHS];
	bool publishes;
	uint64_t events_published, events_suppressed; /* told; and not, as they came too fast */
};

/* Counters of one block or of all; the caller frees *stats. */
int lana_block_stats(struct lana_stack *stack, const char *name, struct lana_block_stats **stats,
		     size_t *count, struct lana_error *error);

/* A rule of a block that has such (lana/rules.h). */
struct lana_rule_info {
	uint32_t line;	  /* of the file */
	uint64_t packets; /* for which it was the first that matched */
	char text[256];	  /* as the file has it, but for spaces, comments and the order of words */
};

/* The rules of a block in their order; the caller frees *rules. -EINVAL: the type has none. */
int lana_block_rules(struct lana_stack *stack, const char *name, struct lana_rule_info **rules,
		     size_t *count, struct lana_error *error);

/* What the kernel counts at a device, whether or not the stack is concerned with it. */
struct lana_device_stats {
	char name[LANA_NAME_MAX]; /* of the block */
	uint32_t idp;
	bool gone; /* the device cannot be found: there are no numbers */
	uint64_t received_packets, received_bytes;
	uint64_t transmitted_packets, transmitted_bytes;
};

/* Of all devices of the stack, by IDP; the caller frees *stats. */
int lana_device_stats(struct lana_stack *stack, struct lana_device_stats **stats, size_t *count,
		      struct lana_error *error);

/* ---- edges ---------------------------------------------------------------------------- */

struct lana_bind_options {
	const char *port;     /* name or number; of lower on ingress, of upper on egress; NULL: 0 */
	bool ingress, egress; /* which way; neither: both ways if port is NULL, else the way on
				 which it is a port: ingress */
};

/*
 * Put upper on top of lower: on ingress a port of lower leads to upper, on egress a port of
 * upper leads to lower. A port that led elsewhere leads here from one packet to the next.
 */
int lana_bind(struct lana_stack *stack, const char *upper, const char *lower,
	      const struct lana_bind_options *options, struct lana_error *error);

/* Undo a bind. -ENOENT: the port does not lead there. */
int lana_unbind(struct lana_stack *stack, const char *upper, const char *lower,
		const struct lana_bind_options *options, struct lana_error *error);

/*
 * Say that edges are going to be rebound often: they are never fused, so that binding them is one
 * slot written. The block's port on the path that options name; without options all edges of
 * the block. Hotness belongs to the port and the block, and stays when they are bound anew.
 */
int lana_hot(struct lana_stack *stack, const char *name, const struct lana_bind_options *options,
	     bool on, struct lana_error *error);

/* ---- events --------------------------------------------------------------------------- */

/*
 * Subscribe a block to another one. Its event function runs, in the kernel and at once, when the
 * publisher's code calls lana_publish(); and when the publisher is bound, unbound, set, replaced or
 * removed, once that has been done, exactly once, whoever had to finish it. -EINVAL: the block has
 * no event function, or the publisher is a device; -EEXIST; -ENOSPC: LANA_SUBSCRIBERS_MAX are.
 */
int lana_subscribe(struct lana_stack *stack, const char *name, const char *publisher,
		   struct lana_error *error);

/* -ENOENT: it is not subscribed. A block that is removed is subscribed to nothing any more. */
int lana_unsubscribe(struct lana_stack *stack, const char *name, const char *publisher,
		     struct lana_error *error);

/* ---- devices -------------------------------------------------------------------------- */

struct lana_hook_options {
	enum lana_hook hook; /* LANA_HOOK_NONE: XDP where the driver has it, else tc */
	const char *as;	     /* name of the block; NULL: the device's */
};

/*
 * Attach a device of the stack's netns. A block of type "device" and of the device's name
 * appears; every packet that the device receives leaves it by port 0, and whatever reaches it
 * is transmitted. A device that was hooked, has gone and is back takes up its old block.
 */
int lana_hook(struct lana_stack *stack, const char *device, const struct lana_hook_options *options,
	      struct lana_error *error);

/* Detach a device. -EBUSY: its block is bound. */
int lana_unhook(struct lana_stack *stack, const char *name, struct lana_error *error);

/* ---- tagged links --------------------------------------------------------------------- */

/*
 * A tagged virtual link is an Ethernet device whose frames cross another device, its carrier, with
 * the Ethernet type 0xAC00 | ID in front of their own: two bytes more. Whoever makes a link of the
 * same ID on a device that is reached by the carrier is at its other end. A carrier has up to 256
 * of them, and its other traffic goes on untouched.
 */

/*
 * Make the device name, in the stack's netns, on a carrier there; it is down, as new devices are.
 * -EEXIST: name or ID is taken. A link of that name that no longer works, as a device of it has
 * gone, is removed first.
 */
int lana_vlink_add(struct lana_stack *stack, const char *name, const char *carrier, uint32_t id,
		   struct lana_error *error);

/* Remove a link and its device, wherever that is by now. -EBUSY: it is hooked, or a carrier. */
int lana_vlink_rm(struct lana_stack *stack, const char *name, struct lana_error *error);

struct lana_vlink_info {
	char name[16];	  /* as it was called when it was made */
	char device[16];  /* as it is called now; empty: it has gone, or cannot be found */
	char carrier[16]; /* as it is called now; if it has gone, as it was called */
	char netns[64];	  /* of the carrier, as given when the link was made */
	uint32_t id;	  /* 0 to 255 */
	uint32_t ifindex; /* of the device; 0: unknown */
	uint32_t mtu;	  /* of the device; 0: unknown */
	bool gone;	  /* device or carrier no longer exist, or the carrier was detached */
	bool moved;	  /* the device is in another network namespace than the carrier */
	bool carrier_up;  /* it is up and running */
	bool whole;	  /* segments and checksums are left to the carrier */
	uint64_t lost;	  /* frames for which the kernel had no memory, both ways */
	char note[128];	  /* what lana changed, or what is wrong; empty: nothing */
};

/* All links, by carrier and ID; the caller frees *vlinks. */
int lana_vlink_list(struct lana_stack *stack, struct lana_vlink_info **vlinks, size_t *count,
		    struct lana_error *error);

/* ---- commits ---------------------------------------------------------------------------- */

/*
 * Many changes as one: either all of it happens or nothing, and each packet sees wholly the old
 * stack or wholly the new one, on all hooks (that is, on its way through one hook: what goes up
 * from XDP and comes by tc again has been on two ways). Steps are collected, and carried out by
 * lana_commit_commit() in the order given, but that tagged links are made and devices hooked before
 * all else, and devices unhooked and links removed after it.
 */
struct lana_commit;

/* Only memory may run out: -ENOMEM. */
int lana_commit_begin(struct lana_stack *stack, struct lana_commit **commit);

/* Forget it: after it was carried out, or instead. */
void lana_commit_free(struct lana_commit *commit);

/* Steps, each as the function without "commit" in its name. -ENOMEM */
int lana_commit_add(struct lana_commit *commit, const char *name, const char *type,
		    const char *const *options);
int lana_commit_rm(struct lana_commit *commit, const char *name);
int lana_commit_set(struct lana_commit *commit, const char *name, const char *const *options);
int lana_commit_replace(struct lana_commit *commit, const char *name, const char *type,
			const char *const *options, bool drop_state);
int lana_commit_bind(struct lana_commit *commit, const char *upper, const char *lower,
		     const struct lana_bind_options *options);
int lana_commit_unbind(struct lana_commit *commit, const char *upper, const char *lower,
		       const struct lana_bind_options *options);
int lana_commit_hot(struct lana_commit *commit, const char *name,
		    const struct lana_bind_options *options, bool on);
int lana_commit_subscribe(struct lana_commit *commit, const char *name, const char *publisher);
int lana_commit_unsubscribe(struct lana_commit *commit, const char *name, const char *publisher);
int lana_commit_hook(struct lana_commit *commit, const char *device,
		     const struct lana_hook_options *options);
int lana_commit_unhook(struct lana_commit *commit, const char *name);
int lana_commit_vlink_add(struct lana_commit *commit, const char *name, const char *carrier,
			  uint32_t id);
int lana_commit_vlink_rm(struct lana_commit *commit, const char *name);

struct lana_commit_options {
	bool compare;	     /* refuse with -ESTALE unless the stack is of this generation: */
	uint32_t generation; /* as of lana_stack_generation() */
	bool dry_run;	     /* check, weave and have the kernel verify all, and change nothing */
};

/* What becomes of a field of a block's state when other code takes the block over. */
enum lana_fate {
	LANA_FATE_KEPT,
	LANA_FATE_WIDENED,  /* every value fits */
	LANA_FATE_NARROWED, /* the values that are there fit */
	LANA_FATE_NEW,	    /* begins as zero */
	LANA_FATE_DROPPED,  /* by consent: drop_state */
	LANA_FATE_LOST,	    /* would be: the change is refused */
};

struct lana_conversion {
	char block[LANA_NAME_MAX];
	char place[64]; /* "options", "counters", or the name of one of the type's maps */
	char field[64]; /* "a.b" inside structs, "a[].b" in an array; empty: all of the place */
	char from[LANA_NAME_MAX]; /* the type in C's words; empty: it is not there */
	char to[LANA_NAME_MAX];
	enum lana_fate fate;
};

/* The results of a commit. The caller frees both arrays. */
struct lana_commit_result {
	uint32_t generation; /* of the stack now */
	size_t failed; /* the step that was refused, from 0 on; their number: none by itself */
	/*
	 * The last counters of blocks that were removed or began anew: no packet is counted there
	 * any more.
	 */
	size_t finals_count;
	struct lana_block_stats *finals;
	/* What became of the state of blocks that were replaced; what would, in a dry run. */
	size_t conversions_count;
	struct lana_conversion *conversions;
};

/*
 * Carry a commit out. It returns when no packet is left on its way through what was before.
 * options and result may be NULL; result is written if it is refused too.
 */
int lana_commit_commit(struct lana_commit *commit, const struct lana_commit_options *options,
		       struct lana_commit_result *result, struct lana_error *error);

/* ---- monitors ---------------------------------------------------------------------------- */

/*
 * What happens to a stack, as it happens, whoever does it. A commit (each call that changes
 * blocks, edges or hooks is one) is told as its steps and then the commit itself, once it is
 * settled; exactly once, even if its process was killed and another one finished it. Loading
 * and fusing are told after they are done, and are not if the process is killed just then.
 *
 * What blocks publish is told in the order of time with the rest, some 20 ms late, as programs
 * cannot wake processes.
 *
 * The stack keeps the latest few thousand events. A monitor reads them without the stack's lock, so
 * it holds nobody up; if it is itself held up for so long that events go before it has read them,
 * it tells how many.
 */
struct lana_monitor;

enum lana_event_kind {
	LANA_EVENT_STEP,      /* of a commit, in the words of lanactl(8) */
	LANA_EVENT_COMMIT,    /* the steps before it */
	LANA_EVENT_TYPE,      /* a type was loaded or unloaded */
	LANA_EVENT_FUSE,      /* lana_stack_fuse(): blocks share programs from now on, or not */
	LANA_EVENT_DEVICE,    /* a call has found one gone; lana_hook() has one back */
	LANA_EVENT_RECOVERY,  /* what a killed process had left was finished or undone */
	LANA_EVENT_PROBE,     /* the stack is measured, traced, captured from, or not any more */
	LANA_EVENT_LOST,      /* events that went too fast for this monitor */
	LANA_EVENT_FLUSH,     /* the stack is no more: the last event */
	LANA_EVENT_PUBLISHED, /* a block's code has published an event, see lana_subscribe() */
};

#define LANA_EVENT_TEXT 256

struct lana_event {
	enum lana_event_kind kind;
	uint64_t number;     /* of the event, counted from the stack's creation on; published ones
				are counted by themselves */
	uint64_t time;	     /* nanoseconds since 1970 began */
	uint32_t generation; /* of the stack after it */
	uint64_t count;	     /* a commit's steps; events lost */
	uint32_t prepare_us; /* of a commit: the time until it was decided, in microseconds */
	uint32_t publish_us; /* and from then until it was carried out, waiting included */
	char text[LANA_EVENT_TEXT]; /* one line */
	/* Of a published event, and of published events lost: */
	bool published;
	char block[LANA_NAME_MAX]; /* as it was called then */
	char event[LANA_NAME_MAX];
	uint64_t value;
	enum lana_path path; /* of the packet */
};

/*
 * Tell what happens from now on. The stack has to stay open for as long as the monitor is, which
 * one thread at a time may use.
 */
int lana_monitor_open(struct lana_stack *stack, struct lana_monitor **monitor,
		      struct lana_error *error);
void lana_monitor_close(struct lana_monitor *monitor);

/*
 * Wait for the next event, for timeout_ms milliseconds (negative: for ever). -EAGAIN: there was
 * none. -EINTR: a signal came. -ENOENT: the stack was flushed, and that has been told.
 */
int lana_monitor_next(struct lana_monitor *monitor, int timeout_ms, struct lana_event *event);

/* The word for a kind: "step", "commit", … */
const char *lana_event_kind_name(enum lana_event_kind kind);

/* ---- stack files ------------------------------------------------------------------------ */

/*
 * A stack as text, in YAML: hooks, blocks and edges; docs/stack-file.md and the JSON Schema beside
 * it describe the form. What the text does not name is not there.
 */

enum lana_apply_mode {
	LANA_APPLY,   /* make the stack so, in one commit */
	LANA_DRY_RUN, /* have the kernel verify all of it, and change nothing */
	LANA_DIFF,    /* only say what would be done */
};

struct lana_apply_options {
	enum lana_apply_mode mode;
	const char *name; /* of the file, for messages; NULL: "stack file" */
	bool drop_state;  /* blocks whose type changes begin anew where state cannot be kept */
};

/* A step of the plan. */
struct lana_step {
	char text[256];	       /* in the words of lanactl(8) */
	uint32_t line, column; /* where the file asks for it; 0: by not naming something */
};

struct lana_apply_result {
	struct lana_commit_result commit;
	size_t steps_count;
	struct lana_step *steps; /* the caller frees it; none: the stack is so already */
};

/*
 * Make a stack what a text of size bytes says. Errors begin with the file's name, line and column.
 * result may be NULL; it is left alone on failure.
 */
int lana_apply(struct lana_stack *stack, const char *text, size_t size,
	       const struct lana_apply_options *options, struct lana_apply_result *result,
	       struct lana_error *error);

/* The stack as text that lana_apply() makes the same stack from; the caller frees *text. */
int lana_export(struct lana_stack *stack, char **text, struct lana_error *error);

/* ---- probes --------------------------------------------------------------------------- */

/*
 * Probes are woven into the blocks on request, and out again; the programs are then the same as
 * before, to the instruction. Packets notice nothing of either.
 */

/*
 * Count packets and bytes by the way on which they leave each block, and sample how long they take:
 * lana_block_stats() tells. All begins at 0. Blocks and devices that come later are measured too.
 */
int lana_measure(struct lana_stack *stack, bool on, struct lana_error *error);

/* Is the stack measured? */
int lana_measured(struct lana_stack *stack, bool *on, struct lana_error *error);

/*
 * A trace follows packets from the hook by which they come through all blocks; one at a time a
 * stack. Its probes go with its process, however that ends. The stack has to stay open for as long
 * as the trace, or capture, is, which one thread at a time may use.
 */
struct lana_trace;

struct lana_trace_options {
	const char *filter; /* packets to be traced, in the words of pcap-filter(7); NULL: any */
	uint64_t count;	    /* packets; 0: until it is closed */
};

/* A packet leaves a block. */
struct lana_hop {
	char block[LANA_NAME_MAX];
	enum lana_path path;
	struct lana_way way;
	uint32_t length; /* of the packet, bytes */
	uint64_t ns;	 /* since it left the first block, a device */
};

#define LANA_HOPS_MAX 256

struct lana_traced {
	uint64_t time; /* when it left the first block: CLOCK_REALTIME, ns */
	bool whole;    /* no record of it was lost, and it was seen to its end */
	size_t hops_count;
	struct lana_hop hops[LANA_HOPS_MAX];
};

/* -EBUSY: the stack is being traced already. -EINVAL: the filter is none, and why. */
int lana_trace_open(struct lana_stack *stack, const struct lana_trace_options *options,
		    struct lana_trace **trace, struct lana_error *error);

/*
 * The next packet. -EAGAIN: none came for so long; -ENODATA: as many have come as were asked for,
 * or the records of the others were lost; -ENOENT: the stack has been flushed. The stack is locked
 * only for moments.
 */
int lana_trace_next(struct lana_trace *trace, int timeout_ms, struct lana_traced *packet,
		    struct lana_error *error);

/* Records that were lost so far, for the reader was too slow. */
uint64_t lana_trace_lost(struct lana_trace *trace);

void lana_trace_close(struct lana_trace *trace);

/*
 * A capture has the packets that leave a block. Its probes go with its process, however that ends.
 */
struct lana_capture;

struct lana_capture_options {
	const char *block;
	const char *way;      /* a port, by name or number; "pass", "sent", "drop"; NULL: any */
	bool ingress, egress; /* path of the port, or else of the packet; neither: both */
	const char *filter;   /* as for a trace */
	uint32_t snaplen;     /* bytes of each packet at most; 0: LANA_SNAPLEN_MAX */
};

#define LANA_SNAPLEN_MAX 65000

struct lana_captured {
	char block[LANA_NAME_MAX];
	enum lana_path path;
	struct lana_way way;
	uint64_t time;	   /* CLOCK_REALTIME, ns */
	uint32_t length;   /* of the packet, bytes */
	uint32_t captured; /* bytes of it */
	const void *bytes; /* the library's, until the next call */
};

/*
 * Packets that should have been captured so far, and those of them that were lost, for the reader
 * was too slow.
 */
struct lana_capture_counts {
	uint64_t seen, lost;
};

int lana_capture_open(struct lana_stack *stack, const struct lana_capture_options *options,
		      struct lana_capture **capture, struct lana_error *error);

/* The next packet. -EAGAIN: none came for so long. -ENOENT: block or stack have gone. */
int lana_capture_next(struct lana_capture *capture, int timeout_ms, struct lana_captured *packet,
		      struct lana_error *error);

/* Weave the probes out; what they have sent can still be read. Then the counts are final. */
int lana_capture_stop(struct lana_capture *capture, struct lana_error *error);

struct lana_capture_counts lana_capture_counts(struct lana_capture *capture);

void lana_capture_close(struct lana_capture *capture);

/* ---- filters -------------------------------------------------------------------------- */

#define LANA_FILTER_MAX 512 /* instructions */

/* Of the classic BPF machine: struct sock_filter of linux/filter.h. */
struct lana_filter_insn {
	uint16_t code;
	uint8_t jt, jf;
	uint32_t k;
};

struct lana_filter_program {
	size_t count;
	struct lana_filter_insn insns[LANA_FILTER_MAX];
	/* What a hook cannot answer, of what the program asks for; empty: nothing. */
	struct lana_error unknown[LANA_FLAVOURS];
};

/*
 * Compile and check what a block's option of that kind would be. Nothing but memory and files is
 * needed for that. -EINVAL, -E2BIG: it is no filter, or no hook at all can answer it.
 */
int lana_filter_compile(enum lana_filter_kind kind, const char *text,
			struct lana_filter_program *program, struct lana_error *error);

enum lana_filter_form {
	LANA_FILTER_ASSEMBLER, /* for LANA_FILTER_ASM: an instruction a line */
	LANA_FILTER_NUMBERS,   /* for LANA_FILTER_CODE */
	LANA_FILTER_C,	       /* elements of an array of struct sock_filter */
};

/* Write a program as text, which the caller frees. -EINVAL: it is none. */
int lana_filter_print(const struct lana_filter_program *program, enum lana_filter_form form,
		      char **text, struct lana_error *error);

/* ---- meters --------------------------------------------------------------------------- */

/*
 * A meter reads what the kernel counts, at network devices and on each CPU. It needs no stack;
 * rates are differences of two readings, by the time between them. One thread at a time may use it.
 */
struct lana_meter;

struct lana_traffic {
	uint64_t packets, bytes, dropped, errors;
};

struct lana_device_reading {
	char name[16];
	uint32_t ifindex;
	struct lana_traffic received, transmitted;
	/* What its driver counts, as ethtool -S has it: by queue, often. May be none. */
	size_t own_count;
	struct lana_count *own;
};

/* Of a CPU, since it was booted. */
struct lana_cpu_reading {
	uint32_t cpu;
	uint64_t net_rx, net_tx; /* softirqs: runs of what receives, and of what transmits */
	uint64_t interrupts;	 /* those of timers and of other CPUs included */
	uint64_t user, system, irq, idle, stolen; /* time, in ticks of 1/100 s as a rule */
	bool has_switches;
	uint64_t switches; /* of context, since the meter was opened */
};

struct lana_reading {
	uint64_t time;	   /* CLOCK_MONOTONIC, ns */
	uint64_t switches; /* of context, on all CPUs since the machine was booted */
	size_t devices_count, cpus_count;
	struct lana_device_reading *devices; /* in the order in which they were named */
	struct lana_cpu_reading *cpus;	     /* that are online, by number */
};

/*
 * devices is an array of names that ends in NULL, of a network namespace that is named as in struct
 * lana_stack_options. -ENODEV: there is none of a name.
 */
int lana_meter_open(const char *netns, const char *const *devices, struct lana_meter **meter,
		    struct lana_error *error);

/* Read everything. -ENODEV: a device has gone. */
int lana_meter_read(struct lana_meter *meter, struct lana_reading *reading,
		    struct lana_error *error);

void lana_reading_free(struct lana_reading *reading);
void lana_meter_close(struct lana_meter *meter);

/* ---- health --------------------------------------------------------------------------- */

struct lana_finding {
	enum { LANA_FINE, LANA_WARN, LANA_FAIL } severity;
	char subject[64];
	char text[256]; /* what is, and for WARN and FAIL what to do about it */
};

/*
 * Compare registry, tables, programs and links; *findings holds one entry a fault, none for a
 * sound stack. The caller frees it.
 */
int lana_stack_check(struct lana_stack *stack, struct lana_finding **findings, size_t *count,
		     struct lana_error *error);

/* What this machine offers lana; needs no stack. The caller frees *findings. */
int lana_doctor(const struct lana_stack_options *options, struct lana_finding **findings,
		size_t *count);

/* Names for printing: "ingress", "xdp", "kept", "expr", … */
const char *lana_path_name(enum lana_path path);
const char *lana_hook_name(enum lana_hook hook);
const char *lana_fate_name(enum lana_fate fate);
const char *lana_filter_kind_name(enum lana_filter_kind kind);

#ifdef __cplusplus
}
#endif

#endif
