// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_filter - filters as options of blocks: given, changed, shown, refused, carried over
 *
 * Whether a filter takes the right packets is the business of test_filter_agree.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "tap.h"
#include "topology.h"
#include "workbench.h"

static const char types[] = LANA_TYPES_DIR ":" LANA_TYPES_DIR "/../../selftests/blocks";

static struct workbench bench;

/* An Ethernet frame with IPv4 and TCP: from port 1000 to 80, and what is asked for. */
static void make_packet(struct packet *packet, unsigned int ethertype, unsigned int port)
{
	static const unsigned char bytes[64] = { 2,  0, 0,    0,    0,	  1,	2,  0,	0, 0,
						 0,  2, 0x08, 0x00, 0x45, 0,	0,  50, 0, 0,
						 0,  0, 64,   6,    0,	  0,	10, 0,	0, 1,
						 10, 0, 0,    2,    0x03, 0xe8, 0,  80 };

	*packet = (struct packet){ .size = sizeof(bytes) };
	memcpy(packet->bytes, bytes, sizeof(bytes));
	packet->bytes[12] = ethertype >> 8;
	packet->bytes[13] = ethertype;
	packet->bytes[36] = port >> 8;
	packet->bytes[37] = port;
}

static const char *const flavours[] = { [LANA_XDP] = "XDP", [LANA_TC] = "tc" };

/* Where a packet leaves the block: "xdp tc", as both should be the same. */
static void expect(unsigned int ethertype, unsigned int port, const char *want, const char *what)
{
	for (int flavour = 0; flavour < LANA_FLAVOURS; flavour++) {
		struct packet packet;
		char where[64];

		make_packet(&packet, ethertype, port);
		if (!workbench_run(&bench, flavour, &packet, where, sizeof(where)))
			tap_bail("the kernel takes no such packet");
		tap_is_text(where, want, "%s, %s: type 0x%04x, port %u", what, flavours[flavour],
			    ethertype, port);
	}
}

static int set(const char *const *options, struct lana_error *error)
{
	return lana_block_set(bench.stack, "dut", options, error);
}

/* Files in the stack's folder of filters. */
static size_t stored(void)
{
	struct dirent *entry;
	size_t count = 0;
	char path[256];
	DIR *dir;

	snprintf(path, sizeof(path), "%s/lana/default/filters", topology_bpffs());
	dir = opendir(path);
	if (!dir)
		tap_bail("%s: %s", path, strerror(errno));
	while ((entry = readdir(dir)))
		count += *entry->d_name != '.';
	closedir(dir);
	return count;
}

/* The program that begins with the block, at XDP. */
static __u32 program(void)
{
	struct lana_block_info *block;
	struct lana_error error;
	__u32 id = 0, idp;
	char path[256];
	size_t count;
	int table;

	if (lana_block_list(bench.stack, "dut", &block, &count, &error))
		tap_bail("%s", error.text);
	idp = block->idp;
	free(block);
	snprintf(path, sizeof(path), "%s/lana/default/table@0@0", topology_bpffs());
	table = bpf_obj_get(path);
	if (table < 0 || bpf_map_lookup_elem(table, &idp, &id))
		tap_bail("%s: %s", path, strerror(errno));
	close(table);
	return id;
}

static const char *const *options_of(const char *option)
{
	static const char *options[2];

	options[0] = option;
	return options;
}

static const char *write_file(const char *name, const char *text)
{
	static char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", topology_scratch(), name);
	file = fopen(path, "w");
	if (!file || fputs(text, file) < 0 || fclose(file))
		tap_bail("%s: %s", path, strerror(errno));
	return path;
}

static void expect_filter(enum lana_filter_kind kind, const char *text, uint32_t instructions)
{
	struct lana_block_info *block;
	struct lana_error error;
	size_t count;

	if (lana_block_list(bench.stack, "dut", &block, &count, &error))
		tap_bail("%s", error.text);
	tap_is(block->filter.kind, kind, "its filter is given as '%s'",
	       lana_filter_kind_name(kind));
	tap_is_text(block->filter.text ?: "(none)", text ?: "(none)", "as it was given");
	tap_is(block->filter.instructions, instructions, "of %u instructions", instructions);
	free(block);
}

/* ---- giving and changing ------------------------------------------------------------------ */

static const char asm_text[] = " ldh [12]\n jne #0x806, no\n ret #-1\nno: ret #0\n";
static const char code_text[] = "4,40 0 0 12,21 0 1 34525,6 0 0 65535,6 0 0 0";

static void test_ways(void)
{
	static const char *const none[] = { NULL }, *const empty[] = { "expr=", NULL },
				 *const expr[] = { "expr=tcp dst port 80", NULL };
	char file[300], inside[300], numbers[300];
	const char *options[] = { file, NULL };
	struct lana_error error;
	__u32 before;

	if (workbench_put(&bench, "filter", none, &error))
		tap_bail("%s", error.text);
	expect(0x0800, 80, "match", "no filter");
	expect_filter(LANA_FILTER_NONE, NULL, 0);
	tap_is(stored(), 0, "nothing is stored");

	tap_is(set(expr, &error), 0, "an expression is given");
	expect(0x0800, 80, "match", "expr");
	expect(0x0800, 81, "other", "expr");
	expect(0x0806, 80, "other", "expr");
	expect_filter(LANA_FILTER_EXPR, "tcp dst port 80", 16);
	tap_is(stored(), 1, "it is stored");

	before = program();
	tap_is(set(expr, &error), 0, "the same once more");
	tap_is(program(), before, "nothing is woven for that");
	tap_is(stored(), 1, "nor stored");
	tap_is(set(options_of("expr=tcp  dst port 80"), &error), 0, "in other words");
	tap_ok(program() != before, "it is woven");
	tap_is(set(expr, &error), 0, "and back");

	snprintf(file, sizeof(file), "asm=%s", write_file("arp.asm", asm_text));
	tap_is(set(options, &error), 0, "a file in assembler");
	expect(0x0806, 0, "match", "asm");
	expect(0x0800, 0, "other", "asm");
	expect_filter(LANA_FILTER_ASM, asm_text, 4);
	tap_is(stored(), 1, "the one before it has gone");

	snprintf(inside, sizeof(inside), "asm=; \xc3\xa4, \xf0\x9f\x98\x80\r\nret\t#1\n");
	options[0] = inside;
	tap_is(set(options, &error), 0, "assembler as the option's value");
	expect(0x0800, 0, "match", "asm");
	expect_filter(LANA_FILTER_ASM, "; \xc3\xa4, \xf0\x9f\x98\x80\nret     #1\n", 1);

	snprintf(numbers, sizeof(numbers), "code=%s", code_text);
	options[0] = numbers;
	tap_is(set(options, &error), 0, "numbers");
	expect(0x86dd, 0, "match", "code");
	expect(0x0800, 0, "other", "code");
	expect_filter(LANA_FILTER_CODE, code_text, 4);

	tap_is(set(empty, &error), 0, "it is taken away");
	expect(0x0800, 0, "match", "no filter");
	expect_filter(LANA_FILTER_NONE, NULL, 0);
	tap_is(stored(), 0, "nothing is stored");
}

/* ---- what is refused ---------------------------------------------------------------------- */

static const struct {
	const char *options[3];
	const char *error;
} refused[] = {
	{ { "expr=tcp prot 80" }, "filter 'tcp prot 80': can't parse filter expression" },
	{ { "expr=ip", "asm=x" }, "'expr' and 'asm' both give the filter: it has one" },
	{ { "expr=ip", "expr=arp" }, "option 'expr' is given twice" },
	{ { "asm=/nonexistent" }, "cannot read '/nonexistent': No such file or directory" },
	{ { "asm=/" }, "cannot read '/': Is a directory" },
	{ { "asm=\nfoo #1" }, "asm:2:1: 'foo' is neither an instruction nor" },
	{ { "asm=\nldh [12]" }, "filter, instruction 0: the last is to return" },
	{ { "asm=\nld #poff\nret a" }, "filter, instruction 0: #poff is not known at" },
	{ { "asm=\nld #proto\nret a" }, "filter, instruction 0: #proto is not known at XDP" },
	{ { "asm=\nld #nla\nret a" }, "filter, instruction 0: #nla is not known at" },
	{ { "asm=\nl: ja l" }, "asm:2:7: jumps lead forward only" },
	{ { "code=1,6 0 0" }, "code:1:" },
	{ { "code=1,5 0 0 4294967295" }, "jumps backward" },
	{ { "code=2,21 0 200 0,6 0 0 1" }, "jumps past the end" },
	{ { "code=2,52 0 0 0,6 0 0 1" }, "divides by 0" },
	{ { "code=2,100 0 0 32,6 0 0 1" }, "shifts by 32" },
	{ { "code=2,2 0 0 16,6 0 0 1" }, "there is no M[16]" },
	{ { "code=1,183 0 0 0" }, "no instruction has code 0xb7" },
	{ { "expr=ip\a" }, "a filter is a text: byte 0x07 has no place in it" },
	{ { "asm=; \xff\nret #1" }, "a filter is a text: byte 0xff has no place in it" },
	{ { "asm=; \xc0\x80\nret #1" }, "a filter is a text: byte 0xc0 has no place in it" },
	{ { "asm=; \xed\xa0\x80\nret #1" }, "a filter is a text: byte 0xed has no place in it" },
	{ { "expr=ip", "foo=1" }, "type 'filter' has no option 'foo' (it has expr, asm, code)" },
};

static void test_refusals(void)
{
	static const char *const arp[] = { "expr=arp", NULL };
	struct lana_error error;

	if (set(arp, &error))
		tap_bail("%s", error.text);
	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
		*error.text = 0;
		tap_ok(set(refused[i].options, &error) < 0 &&
			       strstr(error.text, refused[i].error) && !strchr(error.text, '\n'),
		       "refused: %s", error.text);
	}
	expect(0x0806, 0, "match", "nothing has changed");
	expect(0x0800, 0, "other", "nothing has changed");
	expect_filter(LANA_FILTER_EXPR, "arp", 4);
	tap_is(stored(), 1, "and nothing is left behind");
	workbench_rm(&bench);
	tap_is(stored(), 0, "its filter goes with the block");
}

/* Options of these names are nothing special to a type without a filter. */
static void test_other_types(void)
{
	static const char *const expr[] = { "expr=tcp prot", NULL };
	struct lana_error error;

	tap_ok(workbench_put(&bench, "ethertype", expr, &error) == -EINVAL &&
		       !strcmp(error.text, "type 'ethertype' has no option 'expr' (it has type)"),
	       "a type without a filter: %s", error.text);
}

/* ---- replace ------------------------------------------------------------------------------ */

static void test_replace(void)
{
	static const char *const arp[] = { "expr=arp", NULL }, *const ip[] = { "expr=ip", NULL };
	struct lana_error error;

	if (workbench_put(&bench, "filter", arp, &error))
		tap_bail("%s", error.text);
	tap_is(lana_block_replace(bench.stack, "dut", "filter", NULL, false, &error), 0,
	       "replaced by its own type");
	expect(0x0806, 0, "match", "the filter is carried over");
	tap_is(lana_block_replace(bench.stack, "dut", "filter", ip, false, &error), 0,
	       "replaced with another filter");
	expect(0x0806, 0, "other", "which counts");
	tap_is(stored(), 1, "the other one has gone");
	tap_ok(lana_block_replace(bench.stack, "dut", "counter", NULL, false, &error) == -EINVAL &&
		       !strcmp(error.text, "the filter of 'dut' would be lost: type 'counter' has "
					   "none (drop-state permits that)"),
	       "not by a type without one: %s", error.text);
	tap_is(stored(), 1, "it is there");
	tap_is(lana_block_replace(bench.stack, "dut", "counter", NULL, true, &error), 0,
	       "but with drop-state");
	expect(0x0806, 0, "next", "a counter");
	tap_is(stored(), 0, "the filter has gone");
	workbench_rm(&bench);
}

int main(void)
{
	topology_begin();
	workbench_open(&bench, types);
	test_ways();
	test_refusals();
	test_other_types();
	test_replace();
	workbench_close(&bench);
	return tap_done();
}
