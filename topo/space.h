/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * space - the network namespaces of a network's nodes
 */
#ifndef TOPO_SPACE_H
#define TOPO_SPACE_H

#include "home.h"
#include "sysctl.h"

/* Devices that lana makes have indexes from here on: below are those that the kernel makes. */
#define SPACE_FIRST_INDEX 100

struct space {
	char name[NET_NAME_MAX];
	bool fresh;	 /* it was made by these steps */
	bool forwarding; /* of such a one: switch it on */
	int netns;
	int socket;	  /* of rtnetlink, in it */
	int err;	  /* why it could not be made or opened */
	const char *what; /* was tried then */
	struct space_device {
		char name[IFNAMSIZ];
		__u32 index, peer; /* peer: index of a veth's other end, where that is */
		__u32 raise;	   /* 1 + the step for which it is to be switched on */
	} * devices;
	size_t devices_count;
	__u32 next_index;
};

struct spaces {
	const struct home *home;
	struct space *list;
	size_t count;
	struct index names;
	struct sysctl_mounts sysctls;
};

/* A space by name; NULL: none is known. */
struct space *space_find(const struct spaces *spaces, const char *name);

/* Add one that is to be made or opened; NULL: no memory. Pointers to others are void then. */
struct space *space_add(struct spaces *spaces, const char *name);

/* Make the place where namespaces are mounted. */
int spaces_prepare(const struct home *home, struct lana_error *error);

/* Make or open those from number first on. */
int spaces_make(struct spaces *spaces, size_t first, struct lana_error *error);
int spaces_open(struct spaces *spaces, size_t first, struct lana_error *error);

/* Take the namespace of a node away: it ends when nobody is in it any more. */
int space_remove(const struct home *home, const char *name);

const struct space_device *space_device(const struct space *space, const char *name);
/* The index of a device; 0: there is none. */
__u32 space_index(const struct space *space, const char *device);
/* Choose an index for a device that is to be made; 0: no memory. */
__u32 space_new_index(struct space *space, const char *device);
/* The device that was chosen last is to be switched on, for that step. */
void space_raise(struct space *space, size_t step);
void space_forget(struct space *space, const char *device);

void spaces_free(struct spaces *spaces);

/* Descriptor of a network namespace that a file names: a name, a path or host. */
int space_outside(const char *netns);

/* Write a setting of that namespace; the thread has to be in it. */
int space_sysctl(struct spaces *spaces, const struct space *space, const char *name,
		 const char *value);

#endif
