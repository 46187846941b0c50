// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_link_tcp - kernel TCP through links whose settings change ten times a second
 *
 * Whatever a link does, loses, doubles, holds back or reorders, streams arrive as they were sent.
 * Settings are random; LINK_TCP_SEED, printed, gives the same again. How fast TCP is: bench_tcp.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <lana/link.h>

#include "account.h"
#include "inspect.h"
#include "tap.h"
#include "tcp_lab.h"
#include "workers.h"

#define CHANGES 35
#define SECONDS 0.1 /* between two of them */

#define CALM                                                                                    \
	"rate=100mbit delay=1ms limit=100kb queue=fifo drop=tail ecn=off jitter=0 overtake=off" \
	" reorder=0 reorder_by=0 loss=0 ge_p=0 ge_r=0 ber=0 duplicate=0"

static unsigned int seed;

/* From least on, so many. */
static unsigned int draw(unsigned int least, unsigned int many)
{
	return least + rand_r(&seed) % many;
}

static bool one_of(unsigned int many)
{
	return !draw(0, many);
}

/* What takes time: rate, queue, delay, jitter; now and then none of it, so the kernel has them. */
static void draw_time(char *text, size_t size)
{
	static const char *const queues[] = { "fifo", "fq", "drr", "red", "codel" };
	static const char *const limits[] = { "0", "20pkt", "64kb", "50ms" };

	if (one_of(8))
		snprintf(text, size, "rate=0 delay=0 jitter=0 reorder=0 reorder_by=0 overtake=off");
	else
		snprintf(text, size,
			 "rate=%umbit delay=%ums jitter=%uus queue=%s limit=%s drop=%s ecn=%s "
			 "overtake=%s %s",
			 draw(2, 99), draw(0, 30), one_of(2) ? draw(1, 3000) : 0,
			 queues[draw(0, 5)], limits[draw(0, 4)], one_of(2) ? "head" : "tail",
			 one_of(2) ? "on" : "off", one_of(4) ? "on" : "off",
			 one_of(4) ? "reorder=1% reorder_by=5ms" : "reorder=0 reorder_by=0");
}

static void draw_fates(char *text, size_t size)
{
	snprintf(text, size, "loss=%u.%u%% duplicate=%u%% %s ber=%s", one_of(2) ? draw(0, 3) : 0,
		 draw(0, 10), one_of(3) ? draw(0, 5) : 0,
		 one_of(4) ? "ge_p=1% ge_r=25%" : "ge_p=0 ge_r=0", one_of(3) ? "1e-7" : "0");
}

static void change(struct lana_stack *stack, const char *link)
{
	char text[192];

	if (one_of(2))
		draw_time(text, sizeof(text));
	else
		draw_fates(text, sizeof(text));
	live_do(stack, "set %s %s", link, text);
}

/* Packets that a link has not sent on, nor dropped in words that are counted: 0. */
static long long unbooked(struct lana_stack *stack, const char *link)
{
	static const char *const ways_out[] = { "sent",		"lost",		"corrupt_dropped",
						"dropped_tail", "dropped_head", "dropped_red",
						"dropped_codel" };
	long long left = worker_count(stack, link, "packets");

	for (size_t i = 0; i < sizeof(ways_out) / sizeof(ways_out[0]); i++)
		left -= worker_count(stack, link, ways_out[i]);
	return left;
}

static void expect_books(struct lana_stack *stack, const char *link)
{
	for (int i = 0; i < 500 && unbooked(stack, link); i++)
		usleep(10000);
	tap_is(unbooked(stack, link), 0, "%s: %s: the books balance", account_hook, link);
	tap_note("%llu packets, %llu of them sent", worker_count(stack, link, "packets"),
		 worker_count(stack, link, "sent"));
}

static void test_changes(enum lana_hook hook)
{
	static const char *const controls[] = { "cubic", "reno" };
	struct tcp_stream streams[2];
	struct tcp_lab lab;

	account_hook = lana_hook_name(hook);
	tcp_lab_open(&lab, hook, CALM " seed=1", CALM " seed=2");
	for (int i = 0; i < 2; i++)
		if (!tcp_lab_connect(&streams[i], controls[i]))
			tap_bail("this kernel has no %s", controls[i]);
	for (int i = 0; i < CHANGES; i++) {
		tcp_lab_run(streams, 2, SECONDS);
		change(lab.stack, "there");
		change(lab.stack, "back");
	}
	live_do(lab.stack, "set there %s", CALM);
	live_do(lab.stack, "set back %s", CALM);
	tap_ok(tcp_lab_finish(streams, 2, 60), "%s: both streams come to their end", account_hook);
	for (int i = 0; i < 2; i++) {
		tap_is_text(tcp_lab_congestion(&streams[i]), controls[i], "%s: a stream by %s",
			    account_hook, controls[i]);
		tap_ok(streams[i].received > 0 && !streams[i].differs,
		       "%s: %s: bytes are those that were sent", account_hook, controls[i]);
		tap_is(streams[i].received, streams[i].sent, "%s: %s: all of them", account_hook,
		       controls[i]);
		tap_note("%.1f MB", streams[i].received / 1e6);
		tcp_lab_disconnect(&streams[i]);
	}
	expect_books(lab.stack, "there");
	expect_books(lab.stack, "back");
	tap_is(inspect_faults(lab.stack), 0, "%s: the stack is consistent", account_hook);
	tcp_lab_close(&lab);
}

int main(void)
{
	seed = getenv("LINK_TCP_SEED") ? atoi(getenv("LINK_TCP_SEED")) : time(NULL);
	tap_note("LINK_TCP_SEED=%u", seed);
	tcp_lab_begin();
	test_changes(LANA_HOOK_XDP);
	test_changes(LANA_HOOK_TC);
	return tap_done();
}
