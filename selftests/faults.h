/* SPDX-License-Identifier: GPL-2.0-only */
/* faults.h - commands that test_faults has meet faults, and the stack that they are for */
#ifndef FAULTS_H
#define FAULTS_H

#define FAULTS_STACK "default"

/* Stack files: as a command finds the stack, and as one of them changes it. */
extern const char faults_base[], faults_other[];

struct faults_scenario {
	const char *command; /* for the stack of faults_base; <other>: a file with the other one */
	const char *stack;   /* another one, that is not there before */
	const char *prepare; /* a command that makes it be there; or NULL */
};

/* They end without a command. */
extern const struct faults_scenario faults_scenarios[];

#endif
