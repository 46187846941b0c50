/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lana/lana.h - assemble a network stack from BPF blocks and rearrange it while traffic flows
 *
 * A stack lives in the kernel and in bpffs; a struct lana_stack is one program's handle on it.
 * Any number of programs may hold handles on one stack, and any number of threads may use one
 * handle: every call locks the stack for its duration.
 *
 * Functions return 0 or a negative errno. A call that fails has changed nothing, left its
 * outputs untouched, and, if the caller passed a struct lana_error, said in one line what was
 * refused and why; only after -EINPROGRESS a change was begun that the next call on the stack,
 * by whomever, finishes. Nothing is ever printed.
 *
 * This header includes all others that C programs use; each can be included by itself, too. The
 * rest of the folder is for blocks.
 *
 * A process that forks shares the lock of its handles with its child: open another one there.
 */
#ifndef LANA_LANA_H
#define LANA_LANA_H

#define LANA_VERSION "0.1.0"

#include <lana/apply.h>
#include <lana/commit.h>
#include <lana/fidelity.h>
#include <lana/filter.h>
#include <lana/gen.h>
#include <lana/health.h>
#include <lana/meter.h>
#include <lana/monitor.h>
#include <lana/probe.h>
#include <lana/serve.h>
#include <lana/socket.h>
#include <lana/stack.h>
#include <lana/stats.h>
#include <lana/topo.h>
#include <lana/userblock.h>
#include <lana/vlink.h>
#include <lana/worker.h>

#endif
