// SPDX-License-Identifier: GPL-2.0-only
/*
 * signal - whether a call goes on that a signal has interrupted: signal(7)
 *
 * It does if the handler was installed with SA_RESTART and the call has no time limit. Which signal
 * it was is not told; so all handlers must have that, and a program that has others as well gets
 * EINTR, for which it has to be ready.
 */
#include <signal.h>

#include "preload.h"

/* With SA_RESETHAND the handler has gone, and its flags are still there. */
static bool is_handled(const struct sigaction *action)
{
	return (action->sa_handler != SIG_DFL && action->sa_handler != SIG_IGN) ||
	       action->sa_flags & (int)SA_RESETHAND;
}

bool call_goes_on(int64_t timeout)
{
	if (timeout != LANA_SOCKET_FOREVER)
		return false;
	for (int number = 1; number < NSIG; number++) {
		struct sigaction action;

		/* Those of the C library itself are not told. */
		if (!sigaction(number, NULL, &action) && is_handled(&action) &&
		    !(action.sa_flags & SA_RESTART))
			return false;
	}
	return true;
}
