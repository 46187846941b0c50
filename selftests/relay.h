/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * relay.h - join two devices of a namespace by the least XDP program that can
 */
#ifndef RELAY_H
#define RELAY_H

struct relay;

/*
 * Redirect what `input` ("NETNS:DEV") receives into the device `output` of the same namespace,
 * except every n-th frame, which is dropped (0: none is). 0 or a negative errno.
 */
int relay_open(const char *input, const char *output, unsigned int drop_every,
	       struct relay **relay);
void relay_close(struct relay *relay);

#endif
