/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * copied.h - every frame that comes out of a topology's devices, or gets to the kernel by one
 */
#ifndef COPIED_H
#define COPIED_H

#include <stdbool.h>
#include <stddef.h>

#define COPIED_DEVICES_MAX 4
#define COPIED_FRAMES_MAX  256

struct copied_frame {
	int device; /* that it was sent by, or came in by */
	bool passed;
	unsigned int size;
	unsigned char bytes[2048];
};

/* Frames as they came, or were expected, at one time. */
struct copied_frames {
	size_t count;
	struct copied_frame frames[COPIED_FRAMES_MAX];
};

/*
 * Watch the devices of a namespace and the other ends of their veths, named NAME_. Frames of types
 * that no socket listens for are not seen to be passed: 0x0800, 0x0806, 0x86dd, 0x1234 and lengths
 * are. Ends the test if that fails.
 */
struct copied *copied_open(const char *netns, const char *const *devices, size_t count);
void copied_close(struct copied *copied);

/*
 * Watch what gets to the kernel by one more device, too: frames have that number as their device.
 * What had it before is watched no more.
 */
void copied_watch(struct copied *copied, const char *netns, unsigned int ifindex, int device);

/* Send a frame to a device from its other end, or (out) by the device as the kernel would. */
void copied_send(struct copied *copied, size_t device, bool out, const void *bytes, size_t size);

/* Wait for as many frames as are expected, a second at most, and compare. How many differ. */
size_t copied_compare(struct copied *copied, struct copied_frames *expected);

#endif
