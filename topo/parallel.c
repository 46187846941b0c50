// SPDX-License-Identifier: GPL-2.0-only
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "parallel.h"

#define THREADS_MAX 8 /* the kernel's locks leave nothing for more of them to do */

struct job {
	void (*work)(void *cookie, size_t number);
	void *cookie;
	size_t count;
	atomic_size_t next;
};

static void *run(void *cookie)
{
	struct job *job = cookie;
	size_t number;

	while ((number = atomic_fetch_add(&job->next, 1)) < job->count)
		job->work(job->cookie, number);
	return NULL;
}

int parallel(size_t count, void (*work)(void *cookie, size_t number), void *cookie)
{
	struct job job = { .work = work, .cookie = cookie, .count = count };
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	pthread_t threads[THREADS_MAX];
	size_t started = 0, wanted = processors > THREADS_MAX ? THREADS_MAX
				     : processors < 1	      ? 1
							      : processors;
	int err = 0;

	if (wanted > count)
		wanted = count;
	while (started < wanted && !(err = pthread_create(&threads[started], NULL, run, &job)))
		started++;
	for (size_t i = 0; i < started; i++)
		pthread_join(threads[i], NULL);
	return wanted && !started ? -err : 0;
}
