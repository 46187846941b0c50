/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * type - a block type: an object file, opened, checked and verified
 *
 * The object file itself is kept with the stack, in a pinned map of its own, so that a type
 * outlasts the file it came from and every process weaves from the same code.
 */
#ifndef LOADER_TYPE_H
#define LOADER_TYPE_H

#include <bpf/libbpf.h>

#include "layout.h"
#include "weave.h"

struct type {
	char name[LANA_NAME_MAX];
	__u32 version;
	bool is_newest; /* no newer version is loaded */
	bool verified;
	void *image; /* the object file */
	size_t image_size;

	bool turns;   /* packets round */
	bool user;    /* it lives in user space */
	__u32 copies; /* it may return LANA_ALL: enum lana_copying, and a port */
	__u32 ports_count;
	char ports[LANA_PORTS_MAX][LANA_NAME_MAX];
	__u32 events_count; /* that it publishes */
	char events[LANA_EVENTS_MAX][LANA_NAME_MAX];
	struct layout config, counters;

	struct bpf_object *object;
	const struct btf *btf;
	struct bpf_program *programs[LANA_FLAVOURS];
	struct weave_modules modules;	    /* whose functions the templates call, once verified */
	struct bpf_program *event;	    /* with its event function; NULL: it has none */
	struct weave_maps maps;		    /* the template's, once verified */
	struct bpf_map *own[WEAVE_OWN_MAX]; /* maps of which each block has its copy */
	__u32 own_count;
	__u32 tables; /* bit n: own[n] is one */

	struct type *next; /* in the stack's cache */
};

/*
 * Make a type of an object file's bytes (taken over on success) without asking the kernel:
 * enough to know its names and structs. -EINVAL: not an object of a block, and why.
 */
int type_parse(void *image, size_t size, struct type **type, struct lana_error *error);

/*
 * Have the kernel verify and libbpf relocate the templates. Maps that types share are made or
 * found in folder shared. verbose gets the verifier's words on refusal; may be NULL.
 */
int type_verify(struct type *type, const char *shared,
		void (*verbose)(void *cookie, const char *text), void *cookie,
		struct lana_error *error);

/*
 * Have an object that is not loaded yet use the maps that types share, in that folder, or have
 * libbpf make and pin them. *name: of the last one looked at. -EEXIST: it is of another layout.
 */
int shared_maps_place(struct bpf_object *object, const char *shared, const char **name);

/* The descriptors of a loaded object's maps that weaving replaces. */
void type_maps(const struct bpf_object *object, struct weave_maps *maps);

void type_free(struct type *type);
void type_free_p(struct type **type);

/* A port by its name or number. -ENOENT */
int type_port(const struct type *type, const char *text, __u32 *port);

/*
 * Open a BPF object while libbpf holds its tongue: its messages are global and go to stderr
 * otherwise. Undone by libbpf_speak(). Calls nest across threads.
 */
void libbpf_hush(void);
void libbpf_speak(void);

#define VERIFIER_LOG_SIZE (1 << 20) /* bytes */

/* The line of a verifier's log that says what is wrong; a pointer into log, which is cut. */
const char *verifier_verdict(char *log);

#endif
