// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_options - options as users write them: what is taken, how it reads back, what is refused
 *
 * Type maze (blocks/maze.bpf.c) has an option of each kind; a refused set leaves all as it was.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lana/lana.h>

#include "tap.h"
#include "topology.h"

static const struct test {
	const char *option;
	const char *text;  /* that get gives; NULL: refused */
	const char *error; /* part of the line that says why */
} tests[] = {
	{ "bias=0", "0", NULL },
	{ "bias=255", "255", NULL },
	{ "bias=0xff", "255", NULL },
	{ "bias=256", NULL, "out of range (0..255)" },
	{ "bias=-1", NULL, "out of range (0..255)" },
	{ "bias=99999999999999999999", NULL, "out of range" },
	{ "bias=", NULL, "not a number" },
	{ "bias=1x", NULL, "not a number" },
	{ "bias= 1", NULL, "not a number" },
	{ "bias=+1", NULL, "not a number" },
	{ "bias", NULL, "not of the form KEY=VALUE" },
	{ "=1", NULL, "not of the form KEY=VALUE" },
	{ "speed=1", NULL, "no option 'speed'" },
	{ "near=5", "5", NULL },
	{ "near=2", NULL, "near=2 is out of range (3..9)" },
	{ "near=10", NULL, "near=10 is out of range (3..9)" },
	{ "low=7", NULL, "low=7 is more than near=5" },
	{ "low=5", "5", NULL },
	{ "near=4", NULL, "low=5 is more than near=4" },
	{ "offset=-32768", "-32768", NULL },
	{ "offset=32767", "32767", NULL },
	{ "offset=32768", NULL, "out of range (-32768..32767)" },
	{ "offset=-32769", NULL, "out of range (-32768..32767)" },
	{ "wire=258", "258", NULL },
	{ "wire=65536", NULL, "out of range (0..65535)" },
	{ "lose=on", "on", NULL },
	{ "lose=true", "on", NULL },
	{ "lose=0", "off", NULL },
	{ "lose=maybe", NULL, "neither on nor off" },
	{ "mode=twice", "twice", NULL },
	{ "mode=thrice", NULL, "none of plain, twice" },
	{ "name=seven77", "seven77", NULL },
	{ "name=", "", NULL },
	{ "name=eight888", NULL, "longer than 7 bytes" },
	{ "mac=02:00:00:00:0a:ff", "02:00:00:00:0a:ff", NULL },
	{ "mac=02:00:00:00:0a", NULL, "not a MAC address" },
	{ "mac=02:00:00:00:0a:ff:1", NULL, "not a MAC address" },
	{ "kind=not-so-odd", "not-so-odd", NULL },
	{ "kind=odd", "odd", NULL },
	{ "kind=MAZE_KIND_ODD", NULL, "none of odd, not-so-odd" },
	{ "kind=even", NULL, "none of odd, not-so-odd" },
	{ "list=1,2,3,4", "1,2,3,4", NULL },
	{ "list=7", "7", NULL },
	{ "list=0,65535", "0,65535", NULL },
	{ "list=0", "0", NULL },
	{ "list=0,0,9,0", "0,0,9", NULL },
	{ "list=1,2,3,4,5", NULL, "more than 4 numbers" },
	{ "list=1,65536", NULL, "out of range (0..65535)" },
	{ "list=1,,3", NULL, "not a number" },
	{ "list=", NULL, "not a number" },
	{ "list=1,2,", NULL, "not a number" },
	{ "signs=-128,127,-1", "-128,127,-1", NULL },
	{ "signs=-129", NULL, "out of range (-128..127)" },
	{ "other_mac=2:0:0:0:A:fF", "02:00:00:00:0a:ff", NULL },
	{ "other_mac=10.0.0.1", NULL, "not a MAC address" },
	{ "ip4=10.0.0.255", "10.0.0.255", NULL },
	{ "ip4=0.0.0.0", "0.0.0.0", NULL },
	{ "ip4=10.0.0", NULL, "not an IPv4 address" },
	{ "ip4=10.0.0.256", NULL, "not an IPv4 address" },
	{ "ip4=10.0.0.1/8", NULL, "not an IPv4 address" },
	{ "ip4=", NULL, "not an IPv4 address" },
	{ "ip6=2001:DB8:0::1", "2001:db8::1", NULL },
	{ "ip6=::", "::", NULL },
	{ "ip6=::ffff:10.0.0.1", "::ffff:10.0.0.1", NULL },
	{ "ip6=10.0.0.1", NULL, "not an IPv6 address" },
	{ "ip6=2001:db8::1%eth0", NULL, "not an IPv6 address" },
};

static struct lana_block_info *get(struct lana_stack *stack)
{
	struct lana_block_info *info;
	size_t count;

	if (lana_block_list(stack, "m", &info, &count, NULL))
		tap_bail("the block is gone");
	return info;
}

static const char *text_of(const struct lana_block_info *info, const char *option)
{
	for (size_t i = 0; i < info->config_count; i++)
		if (!strncmp(info->config[i].name, option, strlen(info->config[i].name)) &&
		    option[strlen(info->config[i].name)] == '=')
			return info->config[i].text;
	return "(no such option)";
}

static void run_test(struct lana_stack *stack, const struct test *test)
{
	struct lana_block_info *before = get(stack), *after;
	struct lana_error error = {};
	int err;

	err = lana_block_set(stack, "m", (const char *[]){ test->option, NULL }, &error);
	after = get(stack);
	if (test->text) {
		tap_is(err, 0, "%s is taken%s%s", test->option, err ? ": " : "", error.text);
		tap_is_text(text_of(after, test->option), test->text, "%s reads back",
			    test->option);
	} else {
		tap_ok(err < 0, "%s is refused", test->option);
		tap_ok(strstr(error.text, test->error), "%s: says \"%s\" (%s)", test->option,
		       test->error, error.text);
		tap_ok(!memcmp(before->config, after->config, sizeof(before->config)),
		       "%s changes nothing", test->option);
	}
	free(before);
	free(after);
}

/* What is in network order is so in memory, and its type says so. */
static void test_types(struct lana_stack *stack)
{
	struct lana_type_info *types;
	size_t count;

	if (lana_type_list(stack, &types, &count, NULL) || count != 1)
		tap_bail("there is not one type");
	for (__u32 i = 0; i < types->config_count; i++)
		if (!strcmp(types->config[i].name, "wire"))
			tap_is_text(types->config[i].type, "__be16", "wire is in network order");
	free(types);
}

/* All or nothing. */
static void test_several(struct lana_stack *stack)
{
	const char *half[] = { "bias=17", "offset=99999", NULL };
	const char *all[] = { "bias=17", "offset=9", NULL };
	struct lana_block_info *info;

	lana_block_set(stack, "m", (const char *[]){ "bias=1", "offset=1", NULL }, NULL);
	tap_ok(lana_block_set(stack, "m", half, NULL) < 0, "one bad option refuses the call");
	info = get(stack);
	tap_is_text(text_of(info, "bias="), "1", "the good one beside it is not applied");
	free(info);

	tap_is(lana_block_set(stack, "m", all, NULL), 0, "two good ones are taken");
	info = get(stack);
	tap_is_text(text_of(info, "bias="), "17", "the first");
	tap_is_text(text_of(info, "offset="), "9", "the second");
	tap_is_text(text_of(info, "mode="), "twice", "what was not named stays");
	free(info);
}

int main(void)
{
	struct lana_stack_options options = { .types = LANA_TYPES_DIR "/../../selftests/blocks",
					      .create = true };
	struct lana_stack *stack;
	struct lana_error error;

	topology_begin();
	options.bpffs = topology_bpffs();
	if (lana_stack_open(&options, &stack, &error) ||
	    lana_block_add(stack, "m", "maze", NULL, &error))
		tap_bail("%s", error.text);
	for (size_t i = 0; i < sizeof(tests) / sizeof(*tests); i++)
		run_test(stack, &tests[i]);
	test_types(stack);
	test_several(stack);
	lana_stack_flush(stack, NULL);
	lana_stack_close(stack);
	return tap_done();
}
