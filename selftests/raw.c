// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <arpa/inet.h>

#include "raw.h"

int raw_failures;

void raw_say(bool passed, const char *what)
{
	printf("%s %s\n", passed ? "pass" : "fail", what);
	if (!passed)
		printf("note %s\n", strerror(errno));
	fflush(stdout);
	raw_failures += !passed;
}

void raw_make(unsigned char *frame, unsigned short type, unsigned int number)
{
	memset(frame, 0x5a, RAW_SIZE);
	memcpy(frame, "\x02\0\0\0\0\x01\x02\0\0\0\0\x02", 12);
	type = htons(type);
	memcpy(frame + 12, &type, 2);
	memcpy(frame + 14, &number, sizeof(number));
}

bool raw_is_back(const unsigned char *got, ssize_t size, unsigned int number)
{
	unsigned char frame[RAW_SIZE];

	raw_make(frame, RAW_TYPE, number);
	return size == RAW_SIZE && !memcmp(got, frame, RAW_SIZE);
}

bool raw_wait_by_poll(int fd)
{
	struct pollfd wanted = { .fd = fd, .events = POLLIN };

	return poll(&wanted, 1, 2000) == 1 && wanted.revents == POLLIN;
}

bool raw_works(int fd, unsigned int number)
{
	unsigned char frame[RAW_SIZE], got[2048];

	raw_make(frame, RAW_TYPE, number);
	return send(fd, frame, RAW_SIZE, 0) == RAW_SIZE && raw_wait_by_poll(fd) &&
	       raw_is_back(got, recv(fd, got, sizeof(got), 0), number);
}
