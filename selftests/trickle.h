/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * trickle.h - frames, about a thousand a second, from one device to another, and none may be lost
 *
 * For tests in which a stack is handled for minutes while frames pass.
 */
#ifndef TRICKLE_H
#define TRICKLE_H

/* "NETNS", "DEVICE"; check: "NETNS:DEVICE". Ends the test if it cannot be. */
void trickle_start(const char *netns, const char *device, const char *check);

/* Two results: that it ended as it was told to, and that all has come, once and in order. */
void trickle_end(void);

#endif
