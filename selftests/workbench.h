/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * workbench.h - one block in a stack of its own, fed packet by packet
 *
 *	wb1 (hooked xdp) ──┐
 *			   ├── the block, all its ports unbound
 *	wb2 (hooked tc)  ──┘
 *
 * Packets enter the roots by BPF_PROG_TEST_RUN. Where the block sent one is told by the counter
 * that grew: each port that leads nowhere counts.
 */
#ifndef WORKBENCH_H
#define WORKBENCH_H

#include <lana/lana.h>

struct workbench {
	struct lana_stack *stack;
	int roots[LANA_FLAVOURS];
	bool sums; /* the kernel makes packets as of a device that sums up (Linux 6.11) */
};

struct packet {
	unsigned char bytes[9216]; /* at XDP, more than fits into one buffer */
	unsigned int size;
	unsigned int mark; /* in and out at tc */
	unsigned int
		gso; /* at tc: bytes of data in each segment of a super-segment; 0: it is none */
	bool summed; /* at tc: a device has summed it up (CHECKSUM_COMPLETE), if bench->sums */
};

/* Set the topology and the stack up. Ends the test if that fails. types: folders of types. */
void workbench_open(struct workbench *bench, const char *types);
void workbench_close(struct workbench *bench);

/* Put a block of that type and those options ("a=1 b=2", or NULL) on the bench, named "dut". */
int workbench_add(struct workbench *bench, const char *type, const char *options,
		  struct lana_error *error);
/* The same with options as lana_block_add() takes them. */
int workbench_put(struct workbench *bench, const char *type, const char *const *options,
		  struct lana_error *error);
/*
 * A descriptor of the root that a hook of the default stack has, to be fed: "IDP@xdp" or
 * "IDP@ingress" of a device.
 */
int workbench_root(const char *pin, const char *netns, const char *device);

void workbench_rm(struct workbench *bench);

/*
 * Run a packet through and let it be as the block left it. Writes where it went: "next" (a
 * port), "turn next" (a port of the other path), "drop policy" (a reason), "pass" or "sent";
 * "?" if that does not show, or shows more than once; "wrong sum" if it is summed, and the sum is
 * not the packet's any more. False: the kernel makes no such packet (at tc, one cut inside its IP
 * header).
 */
bool workbench_run(struct workbench *bench, enum lana_flavour flavour, struct packet *packet,
		   char *where, size_t size);

/*
 * Run a packet so many times, as fast as can be, on this CPU; only counters tell what became of it.
 * From any thread.
 */
void workbench_repeat(struct workbench *bench, enum lana_flavour flavour,
		      const struct packet *packet, unsigned int times);

/* A counter of the block's own, on ingress. */
unsigned long long workbench_counter(struct workbench *bench, const char *name);

#endif
