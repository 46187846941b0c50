/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fanned.h - block fanout on a workbench, with counters behind its ports
 *
 * Functions end the test where they cannot do what they say.
 */
#ifndef FANNED_H
#define FANNED_H

#include "workbench.h"

/* With counters, to which nothing leads yet. workbench_close() ends it. */
void fanned_open(struct workbench *bench);

/* A fanout of those options whose ports are bound: bit n for port n. */
void fanned_begin(struct workbench *bench, const char *options, unsigned int ports);
void fanned_end(struct workbench *bench, unsigned int ports);

void fanned_bind(struct workbench *bench, int port, bool on);
void fanned_set(struct workbench *bench, const char *option);

/* What has left by each port, and by unbound ones. */
struct fanned_counts {
	unsigned long long ports[LANA_PORTS_MAX], lost;
};

struct fanned_counts fanned_count(struct workbench *bench);

/* A packet of UDP. */
void fanned_ipv4(struct packet *packet, unsigned int source, unsigned int dest,
		 unsigned short sport, unsigned short dport);

/* Run it so many times, on this CPU. */
void fanned_run(struct workbench *bench, enum lana_flavour flavour, const struct packet *packet,
		unsigned int times);

/* The port that a packet takes; -1: none, or several. */
int fanned_port(struct workbench *bench, enum lana_flavour flavour, const struct packet *packet);

#endif
