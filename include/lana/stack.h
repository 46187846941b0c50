/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lana/stack.h - a stack: its types, blocks, edges and devices
 */
#ifndef LANA_STACK_H
#define LANA_STACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lana/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

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
 * Open a stack. -ENOENT: there is none and create is not set. -EINVAL: a wrong name. The network
 * namespace need not be there until something is done in it, so that a stack whose namespace has
 * gone can be removed. What a killed process left unfinished is finished or undone by the first
 * call that works on the stack. A stack that this call made and that is still empty when the handle
 * is closed goes again.
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

/* ---- types ------------------------------------------------------------------------- */

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
	uint64_t least, most;	  /* of numbers; most 0: whatever fits */
};

struct lana_type_info {
	char name[LANA_NAME_MAX];
	uint32_t version; /* 1 for the first one loaded */
	uint32_t blocks;  /* that are of this version */
	uint32_t ports_count;
	char ports[LANA_PORTS_MAX][LANA_NAME_MAX];
	uint32_t config_count, counters_count;
	struct lana_field config[LANA_FIELDS_MAX];
	struct lana_field counters[LANA_FIELDS_MAX];
	uint32_t events_count; /* that blocks of it publish */
	char events[LANA_EVENTS_MAX][LANA_NAME_MAX];
	bool hears; /* it has an event function: its blocks can be subscribed to others */
};

/* The loaded versions of all types, by name and version; the caller frees *types. */
int lana_type_list(struct lana_stack *stack, struct lana_type_info **types, size_t *count,
		   struct lana_error *error);

/* ---- blocks ------------------------------------------------------------------------ */

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

/* A file with a key that a block has (lana/crypt.h). */
struct lana_key_info {
	char option[LANA_NAME_MAX];
	char file[48];
	char fingerprint[17]; /* the same at both ends if the key is; the key does not follow */
};

/* The keys of a block; the caller frees *keys. -EINVAL: the type has none. */
int lana_block_keys(struct lana_stack *stack, const char *name, struct lana_key_info **keys,
		    size_t *count, struct lana_error *error);

/* The far end of a tunnel, as block decap has learnt it for blocks encap of that number. */
struct lana_endpoint_info {
	uint32_t peer;
	uint16_t port;
	char address[16];
};

/* What the stack's blocks have learnt, by number; the caller frees *endpoints. */
int lana_endpoint_list(struct lana_stack *stack, struct lana_endpoint_info **endpoints,
		       size_t *count, struct lana_error *error);

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

#define LANA_VALUE_TEXT_MAX 40

struct lana_value {
	char name[LANA_NAME_MAX];
	char text[LANA_CONFIG_MAX + 1]; /* as lana_block_set() takes it */
	bool is_number;
	/* What is in effect by default, where that is another value than text says; else empty. */
	char in_effect[LANA_VALUE_TEXT_MAX];
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
	size_t config_count;
	struct lana_value config[LANA_FIELDS_MAX]; /* all but a filter */
	size_t edges_count;
	struct lana_edge edges[LANA_PATHS * LANA_PORTS_MAX];
	struct lana_programs programs[LANA_PATHS]; /* none where no edge leads to it */
	struct lana_copies copies[LANA_PATHS];	   /* all 0 where there is but one branch */
	size_t subscribers_count;
	char subscribers[LANA_SUBSCRIBERS_MAX][LANA_NAME_MAX]; /* to its events */
	struct {
		enum lana_filter_kind kind;
		const char *text;      /* as given; what the file holds. Goes with *blocks */
		uint32_t instructions; /* of the classic machine */
	} filter;
	bool user;		    /* it lives in user space, */
	char worker[LANA_NAME_MAX]; /* with this worker; empty: none has it */
	/*
	 * That worker, or the block itself if it is one, has not come round for so long: it was
	 * stopped, or a half does not return. 0: it does come round.
	 */
	uint32_t silent_ms;
};

/*
 * One block, or (name NULL) all of them by IDP, of one moment; the caller frees *blocks.
 * -ENOENT: no such block.
 */
int lana_block_list(struct lana_stack *stack, const char *name, struct lana_block_info **blocks,
		    size_t *count, struct lana_error *error);

/* ---- edges ------------------------------------------------------------------------- */

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

/* ---- events ------------------------------------------------------------------------ */

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

/* ---- devices ----------------------------------------------------------------------- */

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

/* ---- names for printing ------------------------------------------------------------ */

/* "ingress", "xdp", "expr" */
const char *lana_path_name(enum lana_path path);
const char *lana_hook_name(enum lana_hook hook);
const char *lana_filter_kind_name(enum lana_filter_kind kind);

#ifdef __cplusplus
}
#endif

#endif
