/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lana/topo.h - networks on one machine, as a file describes them
 *
 * A network is nodes, each a network namespace that unmodified programs run in, and links between
 * them. docs/topology.md says what stands in a file. A network lives in the kernel and in a folder
 * below LANA_TOPO_FOLDER; its nodes are known to ip-netns(8) as NETWORK.NODE. Nothing of lana runs
 * for it, but a process if the file has processes: their keeper, which starts them again; and two
 * if links take time: the keeper and the worker of these links, in which a program that is linked
 * with liblana.a has to let halves find lana_user_* (lana/worker.h).
 *
 * Functions return 0 or a negative errno, and what is refused has changed nothing, as in
 * lana/lana.h. Whoever is killed in the middle leaves a network that lana_topo_down() takes away.
 * Commands on one network wait for each other.
 */
#ifndef LANA_TOPO_H
#define LANA_TOPO_H

#include <lana/fidelity.h>
#include <lana/stack.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LANA_TOPO_FOLDER "/run/lana/topo"

struct lana_topo_options {
	const char *folder; /* of all networks, an absolute path; NULL: LANA_TOPO_FOLDER */
	const struct lana_stack_options *stack; /* bpffs and types for stacks, or NULL */
	const char
		*halves; /* of the links' worker, as in lana/worker.h; NULL: the installed ones */
};

/* A file, as text of size bytes. */
struct lana_topo_source {
	const char *name; /* for messages; paths in it are seen from its folder */
	const char *text;
	size_t size;
	const char *network; /* what the network is called; NULL: as the file says */
	const char *types;   /* for lana_topo_validate(): as of the options of a stack; of "link"
				it says which properties there are */
};

/* A step that makes or changes a network. */
struct lana_topo_step {
	char text[256];
	uint32_t line, column; /* where the file asks for it; 0: by not naming something */
};

struct lana_topo_result {
	char network[32];
	size_t nodes, links, addresses, routes, processes; /* that the file has */
	/*
	 * A limit of the machine that a network so large may run into; names by which programs in
	 * nodes cannot find others; or empty.
	 */
	char note[500];
	size_t steps_count;
	struct lana_topo_step *steps; /* the caller frees it */
};

/* Is the file right? result (it may be NULL) has no steps. */
int lana_topo_validate(const struct lana_topo_source *source, struct lana_topo_result *result,
		       struct lana_error *error);

/* The JSON Schema of topology files; the caller frees *text. */
int lana_topo_schema(char **text);

/*
 * Make the network. When it returns links are up and addresses can be used. -EEXIST: there is one
 * of that name. result may be NULL, and is left alone on failure.
 */
int lana_topo_up(const struct lana_topo_options *options, const struct lana_topo_source *source,
		 struct lana_topo_result *result, struct lana_error *error);

/* Change a running network by what differs from the file; the rest is left alone. -ENOENT */
int lana_topo_apply(const struct lana_topo_options *options, const struct lana_topo_source *source,
		    struct lana_topo_result *result, struct lana_error *error);

/* What lana_topo_apply() would do; or lana_topo_up(), if there is no such network. */
int lana_topo_plan(const struct lana_topo_options *options, const struct lana_topo_source *source,
		   struct lana_topo_result *result, struct lana_error *error);

/*
 * Take a network away: end all processes in its nodes (by SIGTERM, and SIGKILL a second later),
 * give real devices back, remove nodes, links and stacks. Also what a killed command has left.
 * -ENOENT
 */
int lana_topo_down(const struct lana_topo_options *options, const char *network,
		   struct lana_error *error);

/* Names of all networks; the caller frees *names. */
int lana_topo_list(const struct lana_topo_options *options, char (**names)[32], size_t *count,
		   struct lana_error *error);

/* ---- what is there --------------------------------------------------------------------------- */

struct lana_topo_address {
	char text[56]; /* with the length of the prefix */
};

struct lana_topo_interface {
	char name[16];
	char mac[18];
	char link[32];	 /* that it is an end of; empty: none */
	char device[16]; /* what a real device was called; empty: it is none */
	uint32_t mtu;
	bool up;      /* it is switched on */
	bool carrier; /* and has a carrier: it can be used */
	bool cut;     /* what it sends is dropped, by lana_topo_link() */
	bool gso_off; /* it sends no super-segments, for the sake of its link's properties */
	size_t addresses_count;
	struct lana_topo_address *addresses;
};

enum lana_topo_process_state {
	LANA_TOPO_RUNNING,
	LANA_TOPO_ENDED,   /* and it is not to be started again */
	LANA_TOPO_WAITING, /* until it is started again */
};

struct lana_topo_process {
	char name[32];
	char log[256];
	enum lana_topo_process_state state;
	uint32_t pid;	 /* 0: it does not run */
	int status;	 /* of wait(2), the last time it ended */
	uint32_t starts; /* times it was started */
};

struct lana_topo_node {
	char name[32];
	char netns[72]; /* as ip-netns(8) knows it */
	bool forwarding;
	size_t interfaces_count, processes_count;
	struct lana_topo_interface *interfaces; /* as the kernel has them, but for lo */
	struct lana_topo_process *processes;
};

struct lana_topo_link {
	char name[32];
	bool segment;
	bool properties; /* it, or an end of it, has some */
	size_t ends_count;
	struct lana_topo_end {
		char node[32], interface[16];
	} * ends;
	bool up; /* all ends have a carrier, and none is cut */
};

/* A direction of a link with properties: what is sent by one end, or comes to one of a segment. */
struct lana_topo_direction {
	char link[32];
	char from[48], to[48]; /* NODE:INTERFACE; empty: all other ends of a segment */
	/*
	 * Settings and meter of its block in the network's own stack; no name: it is missing, as
	 * somebody has removed it.
	 */
	struct lana_link_info info;
};

struct lana_topo_info {
	char name[32];
	char file[256];
	bool broken;	 /* a command on it was killed half way: take it down */
	bool unkept;	 /* the keeper of what it has has gone: apply starts it again */
	uint32_t keeper; /* its pid; 0: none */
	size_t nodes_count, links_count, directions_count;
	struct lana_topo_node *nodes;
	struct lana_topo_link *links;
	struct lana_topo_direction *directions;
	/* The worker of links that take time; no name: there is none, and none is wanted. */
	struct lana_topo_process worker;
};

/* Look at a network; lana_topo_info_free() frees it. -ENOENT */
int lana_topo_show(const struct lana_topo_options *options, const char *network,
		   struct lana_topo_info **info, struct lana_error *error);
void lana_topo_info_free(struct lana_topo_info *info);

/*
 * ---- running through a file's events
 * -----------------------------------------------------------
 */

enum lana_topo_outcome { LANA_TOPO_DONE, LANA_TOPO_PASSED, LANA_TOPO_FAILED };

struct lana_topo_event {
	char text[128];
	uint32_t line, column;
	uint64_t at;   /* ns from the beginning, as the file says */
	uint64_t late; /* ns later than that it was begun */
	enum lana_topo_outcome outcome;
	char found[128]; /* what was found, or why it failed; or empty */
};

struct lana_topo_report {
	char network[32];
	size_t events_count, failed;
	struct lana_topo_event *events; /* the caller frees it, and directions */
	size_t directions_count;
	struct lana_topo_direction *directions; /* of links with properties, at the end */
	size_t late; /* of these: where the host could not keep up, as the meter says */
};

/*
 * Make the network, do what its file says at the times that it says, look whether what it expects
 * is so, and take the network away. stop may be NULL; as soon as it is true the run ends.
 * report->failed is how many events failed, which is no error. -EEXIST
 */
int lana_topo_run(const struct lana_topo_options *options, const struct lana_topo_source *source,
		  bool (*stop)(void), struct lana_topo_report *report, struct lana_error *error);

/* ---- files from elsewhere -------------------------------------------------------------------- */

struct lana_topo_shape {
	const char *kind; /* line, ring, star, tree, grid, fat-tree or random */
	uint32_t size;	  /* nodes; of a star leaves, of a tree levels, of a grid columns, k of a
			     fat tree */
	uint32_t by;   /* of a tree children a node, of a grid rows, of random links a node; 0: 2,
			     as many as columns, 3 */
	uint32_t seed; /* of random */
};

/* The text of a file that describes a network of that shape; the caller frees *text. -EINVAL */
int lana_topo_generate(const struct lana_topo_shape *shape, char **text, struct lana_error *error);

/*
 * The text of a file that describes the network of another program's file: GraphML (as of the
 * Internet Topology Zoo) or IMUNES (.imn, both of its forms). bare: without properties of links.
 * -EINVAL: it cannot be read, and where and why.
 */
int lana_topo_import(const struct lana_topo_source *source, bool bare, char **text,
		     struct lana_error *error);

/* ---- doing things in it ---------------------------------------------------------------------- */

/*
 * Move the calling thread into a node: its network namespace, its control group, and a mount
 * namespace of the thread's own, in which the node's mounts are made and /etc/hosts knows the names
 * of nodes. -ENOENT
 */
int lana_topo_enter(const struct lana_topo_options *options, const char *network, const char *node,
		    struct lana_error *error);

struct lana_topo_ping {
	const char *from, *to; /* nodes; NULL: all */
	uint32_t family;       /* 4 or 6; 0: both */
	uint32_t count;	       /* echoes a pair, behind one that finds neighbours; 0: 3 */
	uint64_t wait;	       /* ns for the last answer; 0: a second */
};

/* What became of the echoes of a pair. */
struct lana_topo_echoes {
	char from[32], to[32];
	uint32_t family, sent, received;
	uint64_t least, mean, most; /* of round trips, ns; 0: none came back */
};

/*
 * Send echoes (ping) between nodes that have an address of the same family, to the first one, those
 * of links before those of lo. *echoes, by family, from and to, is freed by the caller. That there
 * are no answers is no error. -ENOENT, -EADDRNOTAVAIL: there are no such nodes
 */
int lana_topo_ping(const struct lana_topo_options *options, const char *network,
		   const struct lana_topo_ping *wish, struct lana_topo_echoes **echoes,
		   size_t *count, struct lana_error *error);

/*
 * Take a link down, or up again. With from, a node, only what that one sends is lost, and no end
 * notices by its carrier; up without from ends that too. -ENOENT
 */
int lana_topo_link(const struct lana_topo_options *options, const char *network, const char *link,
		   const char *from, bool up, struct lana_error *error);

/*
 * Change properties of a link, in place: "key=value" texts, of which the last is NULL; others stay.
 * With from, a node, of what that one sends; with to, of what comes to it from a segment; with
 * neither, of all that its ends send. A link that had no properties is made anew. It holds until
 * lana_topo_apply(). -ENOENT
 */
int lana_topo_set(const struct lana_topo_options *options, const char *network, const char *link,
		  const char *from, const char *to, const char *const *settings,
		  struct lana_error *error);

#ifdef __cplusplus
}
#endif

#endif
