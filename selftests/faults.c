// SPDX-License-Identifier: GPL-2.0-only
#include <stddef.h>

#include "faults.h"

const char faults_base[] =
	"hooks:\n"
	"  m0: { netns: middle, hook: xdp }\n"
	"  m1: { netns: middle, hook: xdp }\n"
	"  side: { netns: middle, hook: xdp }\n"
	"blocks:\n"
	"  entry: counter\n"
	"  split: { type: ethertype, config: { type: 0x0800 } }\n"
	"  a0: counter\n"
	"  a1: counter\n"
	"  a2: { type: counter, hot: true }\n"
	"  a3: { type: mark, value: 1 }\n"
	"  a4: { type: forward, hot: true }\n"
	"  a5: counter\n"
	"  pick: { type: filter, expr: udp }\n"
	"  idle: { type: filter, expr: arp }\n"
	"  exit: counter\n"
	"  copy: tee\n"
	"  aside: counter\n"
	"  other: counter\n"
	"  keep: learn\n"
	"  spare: ttl\n"
	"  meter: { type: threshold, every: 1 }\n"
	"  gate: gate\n"
	"bind:\n"
	"  - m0 -> entry -> meter -> split\n"
	"  - split[match] -> a0 -> a1 -> a2 -> a3 -> a4 -> pick -> a5 -> exit -> copy -> m1\n"
	"  - split[other] -> other -> exit\n"
	"  - side -> keep\n"
	"subscribe: { gate: meter }\n";

/* Each kind of difference: types that are not there, maps, hooks, edges, hot ones, what goes. */
const char faults_other[] =
	"hooks:\n"
	"  m0: { netns: middle, hook: xdp }\n"
	"  m1: { netns: middle, hook: xdp }\n"
	"  x0: { netns: middle, hook: tc }\n"
	"  x1: { netns: middle, hook: xdp }\n"
	"blocks:\n"
	"  entry: tally\n"
	"  split: { type: ethertype, config: { type: 0x0800 } }\n"
	"  a0: tally\n"
	"  a1: counter\n"
	"  a2: { type: tally, hot: true }\n"
	"  a3: { type: mark, value: 2 }\n"
	"  a4: { type: counter, hot: true }\n"
	"  a5: tally\n"
	"  a6: recall\n"
	"  pick: { type: filter, code: '1,6,0,0,1' }\n"
	"  turn: swap_mac\n"
	"  exit: counter\n"
	"  keep: recall\n"
	"bind:\n"
	"  - m0 -> entry -> split\n"
	"  - split[match] -> a0 -> a2 -> a3 -> a4 -> a1 -> pick -> a5 -> a6 -> exit\n"
	"  - a6[new] -> exit -> m1\n"
	"  - x0 -> keep\n"
	"  - x1 -> turn\n"
	"  - x1 <- turn\n";

const struct faults_scenario faults_scenarios[] = {
	{ "apply <other> drop-state", FAULTS_STACK, NULL },
	{ "add new recall", FAULTS_STACK, NULL },
	{ "add new swap_mac", FAULTS_STACK, NULL },
	{ "rm spare", FAULTS_STACK, NULL },
	{ "rm idle", FAULTS_STACK, NULL },
	{ "bind a5 a3 ingress", FAULTS_STACK, NULL },
	{ "bind a1 entry ingress", FAULTS_STACK, NULL },
	{ "bind aside copy port 1 ingress", FAULTS_STACK, NULL },
	{ "unbind other split port other ingress", FAULTS_STACK, NULL },
	{ "unbind keep side ingress", FAULTS_STACK, NULL },
	{ "set a3 value=5", FAULTS_STACK, NULL },
	{ "set pick expr=ip", FAULTS_STACK, NULL },
	{ "add new filter expr=ip", FAULTS_STACK, NULL },
	{ "replace pick counter drop-state", FAULTS_STACK, NULL },
	{ "add new route table=/dev/shm/routes", FAULTS_STACK, NULL },
	{ "set new table=/dev/shm/routes", FAULTS_STACK, "add new route" },
	{ "set new rules=/dev/shm/rules", FAULTS_STACK, "add new firewall" },
	{ "replace a1 tally", FAULTS_STACK, NULL },
	{ "replace keep recall drop-state", FAULTS_STACK, NULL },
	{ "-n middle vlink hook x0 xdp", FAULTS_STACK, NULL },
	{ "-n middle vlink hook x0 tc", FAULTS_STACK, NULL },
	{ "vlink unhook x1", FAULTS_STACK, "-n middle vlink hook x1 xdp" },
	{ "vlink unhook x1", FAULTS_STACK, "-n middle vlink hook x1 tc" },
	{ "set gate closed=on", FAULTS_STACK, NULL },
	{ "set meter at=5", FAULTS_STACK, NULL },
	{ "unsubscribe gate meter", FAULTS_STACK, NULL },
	{ "hot a0", FAULTS_STACK, NULL },
	{ "fuse off", FAULTS_STACK, NULL },
	{ "stats on", FAULTS_STACK, NULL },
	{ "stats off", FAULTS_STACK, "stats on" },
	{ "load tally", FAULTS_STACK, NULL },
	{ "unload tally", FAULTS_STACK, "load tally" },
	{ "-s second add new learn", "second", NULL },
	{ "-s second flush", "second", "-s second add new learn" },
	{ 0 },
};
