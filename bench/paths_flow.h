/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * paths_flow.h - a TCP connection that sends as much as it may, and what its ends know of it
 */
#ifndef PATHS_FLOW_H
#define PATHS_FLOW_H

#include <signal.h>

#include "paths.h"

/* From when on runs end at once: what is measured then is of no use. */
extern volatile sig_atomic_t paths_flow_stopped;

struct paths_flow {
	const char *control, *sender, *receiver; /* namespaces */
	const char *from, *to;			 /* addresses */
	double warm_up, seconds;
	int sends, receives; /* sockets */
	double bytes;	     /* received */
};

/* Connect; the process ends if that cannot be done. */
void paths_flow_open(struct paths_flow *flow);

/* Send and receive for so long, or until all is stopped. */
void paths_flow_run(struct paths_flow *flow, double seconds);

/* The same for flow->seconds, with what TCP tells of it; other figures are left alone. */
void paths_flow_measure(struct paths_flow *flow, double figures[PATHS_FIGURES_COUNT]);

/* End it at once: what is under way is of no use any more. */
void paths_flow_close(struct paths_flow *flow);

#endif
