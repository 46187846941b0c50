/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * raw.h - what the parts of raw (raw_main.c) have in common
 *
 * raw knows nothing of lana: these are frames and calls as of any program with a raw socket.
 */
#ifndef RAW_H
#define RAW_H

#include <stdbool.h>
#include <sys/types.h>

#define RAW_SIZE 100
#define RAW_TYPE 0x88b5 /* for experiments, IEEE 802 */

extern int raw_failures;

/* "pass ..." or "fail ...", and errno's words behind it. */
void raw_say(bool passed, const char *what);

/* A frame of that type; number tells it from others. */
void raw_make(unsigned char *frame, unsigned short type, unsigned int number);
bool raw_is_back(const unsigned char *got, ssize_t size, unsigned int number);

/* Within two seconds. */
bool raw_wait_by_poll(int fd);

/* Does the socket work on? */
bool raw_works(int fd, unsigned int number);

/* raw_life.c: descriptors, fork, signals; the socket is as before when this returns */
void raw_test_life(int fd);

#endif
