/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lana/af_lana.h - sockets of a stack by the calls that programs have for raw sockets
 *
 *	LD_PRELOAD=liblana-preload.so LANA_SOCKET_PATH=/run/lana/default.sock PROGRAM
 *
 *	struct sockaddr_lana address = { .slana_family = AF_LANA, .slana_name = "app" };
 *
 *	fd = socket(AF_LANA, SOCK_RAW, 0);
 *	bind(fd, (struct sockaddr *)&address, sizeof(address));
 *	recv(fd, frame, sizeof(frame), 0);
 *	send(fd, frame, length, 0);
 *
 * bind() makes the socket: by the server at LANA_SOCKET_PATH, or, if that is not set, by
 * lana_socket_open(), which takes privileges. Without the library socket() fails with EAFNOSUPPORT.
 * What the calls do, and what they do not, is said in docs/serve.md.
 */
#ifndef LANA_AF_LANA_H
#define LANA_AF_LANA_H

#include <sys/socket.h>

#include <lana/abi.h>

/*
 * "LA". The kernel numbers its families one after the other, 46 of them in 30 years, and refuses
 * what is beyond AF_MAX: it will not get here, and no program that runs without the library takes
 * another family's socket for one of these.
 */
#define AF_LANA 0x4c41
#define PF_LANA AF_LANA

struct sockaddr_lana {
	sa_family_t slana_family;
	char slana_name[LANA_NAME_MAX]; /* of the socket's block */
};

#endif
