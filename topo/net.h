/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * net - a network as a topology file describes it
 *
 * Nodes have interfaces; the ends of links are interfaces. All is in arrays and refers to each
 * other by number. What the file says of a thing is noted with the place where it says so.
 */
#ifndef TOPO_NET_H
#define TOPO_NET_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/if.h>
#include <sys/socket.h>

#include <lana/topo.h>

#include "loader/file.h"
#include "loader/index.h"

#define NET_NAME_MAX	 32 /* of a network, node or link, with the 0 */
#define NET_HOST	 "host"

#define NET_END_TEXT_MAX (NET_NAME_MAX + IFNAMSIZ) /* NODE:INTERFACE, with the 0 */

struct net_address {
	int family; /* AF_INET, AF_INET6 */
	__u8 bytes[16];
	__u8 length; /* of the prefix, bits */
	struct place place;
};

struct net_route {
	struct net_address to; /* length 0: default */
	bool has_via, blackhole;
	struct net_address via;
	char *device; /* NULL: the one that leads to via */
	__u32 metric; /* 0: the kernel's own choice */
	char *text;
};

/* KEY: VALUE, in words as the file has them. */
struct net_setting {
	char *key, *value;
	struct place place;
};

struct net_settings {
	struct net_setting *list;
	size_t count;
};

enum net_restart { NET_NEVER, NET_FAILED, NET_ALWAYS };

struct net_process {
	char *name, *log; /* log NULL: one in the network's folder */
	char **words;	  /* ends in NULL */
	enum net_restart restart;
	struct place place;
};

#define NET_NONE UINT32_MAX /* no link, no lower interface */

struct net_interface {
	char name[IFNAMSIZ];
	__u8 mac[6];
	bool has_mac, given; /* given: addresses, or that there are none */
	__u32 mtu;	     /* 0: the link's, or the kernel's */
	struct net_address *addresses;
	size_t addresses_count;
	char *device, *netns; /* of a real device; or NULL */
	__u32 link;	      /* number; NET_NONE: it is in none */
	__u32 lower, vlan;    /* of a tagged one; NET_NONE: it is none */
	struct place place;
};

struct net_node {
	char name[NET_NAME_MAX];
	bool forwarding;
	struct net_interface *interfaces; /* the first one is lo */
	size_t interfaces_count;
	struct net_route *routes;
	size_t routes_count;
	struct net_settings sysctls, mounts, limits;
	struct net_process *processes;
	size_t processes_count;
	char *stack; /* path of a stack file; or NULL */
	struct place place, stack_place;
};

struct net_end {
	__u32 node, interface; /* numbers; of the node's interfaces. NET_NONE while it is read */
	struct place place;
};

/* A property of the direction that begins at an end, or (to) ends there; end -1: of all. */
struct net_property {
	long end;
	bool to;
	bool live; /* not the file says so, but lana_topo_set() has */
	struct net_setting setting;
};

struct net_link {
	char name[NET_NAME_MAX];
	struct net_end *ends;
	size_t ends_count;
	bool segment;
	__u32 mtu; /* 0: the kernel's */
	struct net_property *properties;
	size_t properties_count;
	__u32 subnet; /* number of its network in the pools; NET_NONE: it has none */
	struct place place;
};

enum net_event_kind {
	EVENT_LINK,	  /* down, or up */
	EVENT_SET,	  /* its properties change */
	EVENT_PARTITION,  /* links between the nodes and all others go down */
	EVENT_HEAL,	  /* what partitions took down comes up */
	EVENT_REACHES,	  /* expected: the target answers; or, with no, does not */
	EVENT_LOSS,	  /* expected: a share of echoes below limit is lost */
	EVENT_THROUGHPUT, /* expected: TCP has more than limit bits a second */
};

struct net_event {
	enum net_event_kind kind;
	__u64 at;     /* ns from the beginning */
	size_t order; /* in the file */
	char *text;
	struct place place;
	__u32 link;
	/* Of EVENT_LINK the node that is cut off, of EVENT_SET that which sends; -1: all. */
	long from;
	long to; /* of EVENT_SET: the node that what comes from the segment is for; -1: none */
	char **settings; /* "key=value"; ends in NULL */
	bool up, no;
	bool *members; /* of EVENT_PARTITION: by node */
	__u32 node;    /* that asks */
	struct net_address target;
	__u32 target_node; /* NET_NONE: the target is an address alone */
	double limit;
};

/* Where addresses are taken from; length is that of a link's network; family 0: from nowhere. */
struct net_pool {
	struct net_address prefix;
	__u8 length;
};

struct net {
	struct file file; /* its name, for messages */
	char *file_name;  /* the same, owned */
	char *folder;	  /* that paths are seen from, absolute */
	char name[NET_NAME_MAX];
	struct net_node *nodes;
	size_t nodes_count;
	struct index names; /* of nodes */
	struct net_link *links;
	size_t links_count;
	struct index link_names;
	struct net_pool pools[2]; /* IPv4, IPv6 */
	bool shortest;		  /* nodes get routes to all others */
	struct net_event *events; /* by time */
	size_t events_count;
};

/*
 * Read a file. folder is where its paths begin; NULL: that of its name. Links that were there
 * before (or NULL) keep the numbers of their networks. -EINVAL: where and why.
 */
int net_read(const struct lana_topo_source *source, const char *folder, const struct net *before,
	     struct net *net, struct lana_error *error);
void net_free(struct net *net);

/*
 * Say something of a direction that the file does not, or otherwise. -ENOMEM
 */
int net_put_property(struct net_link *link, size_t end, bool to, const char *key,
		     const char *value);

/* Numbers by name; -1: there is none. */
long net_find_node(const struct net *net, const char *name);
long net_find_link(const struct net *net, const char *name);
long net_find_interface(const struct net_node *node, const char *name);
/* NULL: there is none. */
const struct net_setting *net_find_setting(const struct net_settings *settings, const char *key);

/* ---- for the files that read --------------------------------------------------------------- */

/* One more element of a list, all 0; NULL: no memory. */
void *net_grow(void *list, size_t *count, size_t size);
#define NET_ADD(list, count)                                                \
	({                                                                  \
		void *_grown = net_grow((list), &(count), sizeof(*(list))); \
		_grown ? ((list) = _grown, &(list)[(count)-1]) : NULL;      \
	})

/* False: it is none. With length NULL, text is an address alone, of a prefix of full length. */
bool net_parse_address(const char *text, bool with_length, struct net_address *address);
void net_format_address(const struct net_address *address, bool with_length, char *text,
			size_t size);
bool net_parse_route(const char *text, struct net_route *route);

/* Give networks to links and addresses to their ends. before: those of this one are kept. */
int net_assign(struct net *net, const struct net *before, struct lana_error *error);

/* Add the routes of the shortest paths. -ENOMEM */
int net_route(struct net *net, struct lana_error *error);

/*
 * The address that a node is known by: its first one of a family (or AF_UNSPEC), those of links
 * before those of lo. NULL: it has none.
 */
const struct net_address *net_first_address(const struct net_node *node, int family);

/* "a:eth0"; returns text. */
const char *net_end_text(const struct net *net, const struct net_end *end,
			 char text[NET_END_TEXT_MAX]);

/* MTU of an interface, by what it or its link say; 0: nothing. */
__u32 net_mtu(const struct net *net, const struct net_interface *interface);

/* A MAC address made from names: locally administered, the same each time. */
void net_make_mac(const struct net *net, const struct net_node *node,
		  const struct net_interface *interface, __u8 mac[6]);

#endif
