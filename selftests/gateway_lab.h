/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * gateway_lab.h - hosts behind one address: a firewall and NAT, and who talks through them
 *
 *	inside            gate (the kernel routes)           world
 *	10.0.0.2 ─── lan0 10.0.0.1 │ 192.0.2.1 wan0 ─── 192.0.2.2
 *
 * At tc nat is between the kernel and wan0, both ways; at XDP, which has no egress, between the
 * devices and the kernel, which takes no packets from an address of its own, so the outside address
 * is another one. The world has no route to inside. All IPv4 that comes from it passes block
 * "seen", which counts it, then the firewall, "wall". All of this ends the test if it fails.
 */
#ifndef GATEWAY_LAB_H
#define GATEWAY_LAB_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include <netinet/in.h>

#include <lana/lana.h>

extern const char *const gateway_flavours[];
extern const char *const gateway_outside[]; /* the address, by flavour */
extern const char gateway_rules[];	    /* those that the wall has at first */
extern struct lana_stack *gateway_stack;

void gateway_set_up(void);
void gateway_open(enum lana_flavour flavour);
void gateway_close(void);

unsigned long long gateway_counter(const char *block, const char *name);
unsigned long long gateway_rule_packets(size_t number); /* of the wall */
unsigned long long gateway_all_rules(void);

/* Give the wall other rules. 0 or an error. */
int gateway_reload(const char *text);

/* ---- sockets, none of which blocks ---------------------------------------------------------- */

int gateway_bound(const char *netns, int type, const char *address, int port);
int gateway_connected(const char *netns, int type, const char *address, int port);

bool gateway_waits(int fd, short events);	  /* for what is to come */
bool gateway_waits_shortly(int fd);		  /* for what is not: a connection */
bool gateway_echoes(int fd, unsigned int number); /* a number comes back */

/* Answers what it is sent, on any number of connections, until it is stopped. */
struct gateway_server {
	int listener;
	volatile bool stop;
	pthread_t thread;
	char peer[INET_ADDRSTRLEN]; /* of the latest connection */
};

void gateway_server_start(struct gateway_server *server, const char *netns, const char *address,
			  int port);
void gateway_server_stop(struct gateway_server *server);

#endif
