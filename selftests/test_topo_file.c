// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_topo_file - topology files as they are read: what is wrong with them, and what follows
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader/cleanup.h"
#include "tap.h"
#include "topo/net.h"

static int read_text(const char *text, const struct net *before, struct net *net,
		     struct lana_error *error)
{
	const struct lana_topo_source source = { .name = "t", .text = text, .size = strlen(text) };

	return net_read(&source, "/", before, net, error);
}

/* ---- what is wrong, and where ---------------------------------------------------------------- */

static const struct {
	const char *text, *error;
} bad[] = {
	{ "", "t:1:1: the file is empty; 'nodes: { a: }' is a network of one node" },
	{ "nodes: [", "t:2:1: not YAML: did not find expected node content" },
	{ "nodes:\n---\nnodes:\n", "t:1:7: this must be a mapping of nodes, by name" },
	{ "nodes: { a: }\n---\nnodes: { a: }\n", "t:2:4: a second document: there is to be one" },
	{ "- a", "t:1:1: this must be a topology file" },
	{ "nodes: { a: }\nlinkz: []",
	  "t:2:1: a topology file has no 'linkz' (network, addressing, routing, defaults, nodes, "
	  "links and events)" },
	{ "nodes: { a: , a: }", "t:1:15: 'a' is there twice" },
	{ "nodes: { a.b: }", "t:1:10: 'a.b' is not a name (up to 31 letters, digits, _ and -)" },
	{ "nodes: { a: { forwarding: maybe } }", "t:1:27: this must be true or false" },
	{ "nodes: { a: { colour: red } }",
	  "t:1:15: a node has no 'colour' (forwarding, sysctls, limits, addresses, interfaces, "
	  "routes, processes, mounts and stack)" },
	{ "nodes: { a: { addresses: 10.0.0.1/8 } }", "t:1:26: this must be a list of addresses" },
	{ "nodes: { a: { addresses: [10.0.0.1] } }",
	  "t:1:27: '10.0.0.1' is not an address with the length of its prefix, as in 10.0.0.1/24" },
	{ "nodes: { a: { addresses: [10.0.0.256/24] } }",
	  "t:1:27: '10.0.0.256/24' is no address with a prefix length" },
	{ "nodes: { a: { addresses: [10.0.0.1/33] } }",
	  "t:1:27: '10.0.0.1/33' is no address with a prefix length" },
	{ "nodes: { a: { routes: [10.0.0.1/24 via 10.0.0.2] } }",
	  "t:1:24: '10.0.0.1/24 via 10.0.0.2' is no route" },
	{ "nodes: { a: { routes: [10.0.0.0/24 via fd00::1] } }",
	  "t:1:24: '10.0.0.0/24 via fd00::1' is no route" },
	{ "nodes: { a: { routes: [10.0.0.0/24] } }", "t:1:24: '10.0.0.0/24' is no route" },
	{ "nodes: { a: { routes: [somewhere] } }",
	  "t:1:24: 'somewhere' is not a route: PREFIX [via ADDRESS] [dev INTERFACE] [metric N]; "
	  "PREFIX may be default" },
	{ "nodes: { a: { sysctls: { kernel.panic: 1 } } }",
	  "t:1:26: 'kernel.panic' is not the name of a sysctl below net" },
	{ "nodes: { a: { sysctls: { net/../kernel/panic: 1 } } }",
	  "t:1:26: 'net/../kernel/panic' is not the name of a sysctl below net" },
	{ "nodes: { a: { sysctls: { net.//.kernel.panic: 1 } } }",
	  "t:1:26: 'net.//.kernel.panic' is not the name of a sysctl below net" },
	{ "nodes: { a: { interfaces: { eth0: } } }",
	  "t:1:29: interface 'eth0' of node 'a' is in no link" },
	{ "nodes: { a: { interfaces: { lo: } } }",
	  "t:1:29: addresses of lo stand under 'addresses' of the node" },
	{ "nodes: { a: { interfaces: { e: { device: eth0 } } } }",
	  "t:1:32: an interface with 'device' needs 'netns'" },
	{ "nodes: { a: { interfaces: { e: { mac: '01:00:00:00:00:00', device: d, netns: n } } } }",
	  "t:1:39: '01:00:00:00:00:00' is a group's address" },
	{ "nodes: { a: { interfaces: { e: { vlans: { 5000: } } } } }",
	  "t:1:43: 5000 is no VLAN: 1 to 4094" },
	{ "nodes: { a: { processes: [ { name: x } ] } }", "t:1:28: a process needs 'run'" },
	{ "nodes: { a: { processes: [ { run: x, restart: often } ] } }",
	  "t:1:47: 'often' is not never, failed or always" },
	{ "nodes: { a: { processes: [ { run: x, name: p }, { run: y, name: p } ] } }",
	  "t:1:65: there are two processes 'p'" },
	{ "nodes: { a: { limits: { cpu: 50 } } }",
	  "t:1:30: '50' is not a share of one CPU, as in 50%" },
	{ "nodes: { a: }\nlinks: [ a - b ]", "t:2:10: 'a - b' is not a link: END -- END" },
	{ "nodes: { a: }\nlinks: [ a -- b ]", "t:2:10: there is no node 'b'" },
	{ "nodes: { a: , b: }\nlinks:\n- { ends: [a, \"b:x\"] }\n- \"a -- b:x\"",
	  "t:4:3: interface 'x' of node 'b' is in another link" },
	{ "nodes: { a: , b: }\nlinks:\n- \"a:lo -- b\"",
	  "t:3:3: interface 'lo' of node 'a' is lo" },
	{ "nodes: { a: , b: }\nlinks: [ { ends: [a] } ]", "t:2:18: a link has two ends or more" },
	{ "nodes: { a: , b: , c: }\nlinks: [ { ends: [a, b, c], segment: false } ]",
	  "t:2:38: a link of 3 ends is a segment" },
	{ "nodes: { a: , b: }\nlinks:\n- { ends: [a, b], name: x }\n- { ends: [a, b], name: x }",
	  "t:4:25: there are two links 'x'" },
	{ "nodes: { a: , b: }\nlinks:\n- { ends: [a, b], from: { c: { delay: 1ms } } }",
	  "t:3:27: 'c' is no node of this link" },
	{ "nodes: { a: , b: }\nlinks:\n- { ends: [a, a], from: { a: { delay: 1ms } } }",
	  "t:3:27: both ends are of node 'a'" },
	{ "nodes: { a: , b: }\nlinks:\n- { ends: [a, b], mtu: 67 }",
	  "t:3:24: '67' is not an MTU: a number from 68 to 65535" },
	{ "addressing: { ipv4: fd00::/8 }\nnodes: { a: }", "t:1:21: 'fd00::/8' is no ipv4 prefix" },
	{ "addressing: { ipv4: 10.0.0.0/25 }\nnodes: { a: }",
	  "t:1:13: a link's network of /24 is larger than all, a /25" },
	{ "addressing: { ipv4: 10.0.0.0/24 }\nnodes: { a: , b: }\nlinks:\n- a -- b\n- a -- b",
	  "t:5:3: no network is left for link 'a-b.2' in the pool of 1" },
	{ "addressing: { ipv4-length: 31 }\nnodes: { a: , b: , c: }\nlinks:\n- { ends: [a, b, c] }",
	  "t:4:3: a network of /31 is too small for the 3 ends of 'lan1'" },
};

static void test_bad(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct lana_error error = {};
		struct net net = {};
		int err = read_text(bad[i].text, NULL, &net, &error);

		tap_is_text(err ? error.text : "", bad[i].error, "case %zu: %s", i, bad[i].error);
		if (!err)
			net_free(&net);
	}
}

/* ---- what follows ---------------------------------------------------------------------------- */

/* "a:eth0 10.0.0.1/24 fd00::1/64; …" of all interfaces but lo */
static void describe(const struct net *net, char *text, size_t size)
{
	size_t used = 0;

	*text = 0;
	for (size_t i = 0; i < net->nodes_count; i++)
		for (size_t j = 1; j < net->nodes[i].interfaces_count; j++) {
			const struct net_interface *interface = &net->nodes[i].interfaces[j];
			char address[64];

			used += snprintf(text + used, size - used, "%s%s:%s", used ? "; " : "",
					 net->nodes[i].name, interface->name);
			for (size_t k = 0; k < interface->addresses_count; k++) {
				net_format_address(&interface->addresses[k], true, address,
						   sizeof(address));
				used += snprintf(text + used, size - used, " %s", address);
			}
		}
}

#define THREE "nodes: { a: , b: , c: }\n"
#define V4    "addressing: { ipv6: none }\n"

static const struct {
	const char *what, *text, *interfaces;
} good[] = {
	{ "addresses by the order of links", THREE "links: [ a -- b, b -- c ]",
	  "a:eth0 10.0.0.1/24 fd00::1/64; b:eth0 10.0.0.2/24 fd00::2/64; b:eth1 10.0.1.1/24 "
	  "fd00:0:0:1::1/64; c:eth0 10.0.1.2/24 fd00:0:0:1::2/64" },
	{ "pools of their own",
	  "addressing: { ipv4: 192.168.0.0/16, ipv4-length: 31, ipv6: none }\n" THREE
	  "links: [ a -- b, b -- c ]",
	  "a:eth0 192.168.0.0/31; b:eth0 192.168.0.1/31; b:eth1 192.168.0.2/31; c:eth0 "
	  "192.168.0.3/31" },
	{ "no addresses", "addressing: { ipv4: none, ipv6: none }\n" THREE "links: [ a -- b ]",
	  "a:eth0; b:eth0" },
	{ "an end with addresses of its own gets no others",
	  V4 "nodes: { a: { interfaces: { eth0: { addresses: [1.2.3.4/8] } } }, b: }\nlinks: [ a "
	     "-- b ]",
	  "a:eth0 1.2.3.4/8; b:eth0 10.0.0.2/24" },
	{ "a link whose ends all have some uses up no network",
	  V4 "nodes: { a: { interfaces: { eth0: { addresses: [] } } }, b: { interfaces: { eth0: { "
	     "addresses: [] } } } }\nlinks: [ a -- b, a -- b ]",
	  "a:eth0; a:eth1 10.0.0.1/24; b:eth0; b:eth1 10.0.0.2/24" },
	{ "names that ends give are kept from others",
	  V4 THREE "links: [ a -- b, \"a:eth0 -- c\" ]",
	  "a:eth0 10.0.1.1/24; a:eth1 10.0.0.1/24; b:eth0 10.0.0.2/24; c:eth0 10.0.1.2/24" },
	{ "a segment", V4 THREE "links: [ { ends: [c, b, a] } ]",
	  "a:eth0 10.0.0.3/24; b:eth0 10.0.0.2/24; c:eth0 10.0.0.1/24" },
	{ "VLANs",
	  V4 "nodes: { a: { interfaces: { eth0: { vlans: { 7: { addresses: [10.7.0.1/24] } "
	     "} } } }, b: }\nlinks: [ a -- b ]",
	  "a:eth0 10.0.0.1/24; a:eth0.7 10.7.0.1/24; b:eth0 10.0.0.2/24" },
};

static void test_good(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		_cleanup_(net_free) struct net net = {};
		struct lana_error error = {};
		char text[1000] = "";

		if (!read_text(good[i].text, NULL, &net, &error))
			describe(&net, text, sizeof(text));
		tap_is_text(*error.text ? error.text : text, good[i].interfaces, "%s",
			    good[i].what);
	}
}

/* A link that was there keeps its interfaces and its network. */
static void test_before(void)
{
	_cleanup_(net_free) struct net before = {}, net = {};
	char text[1000];

	if (read_text(V4 THREE "links: [ a -- b, b -- c ]", NULL, &before, NULL) ||
	    read_text(V4 THREE "links: [ c -- a, b -- c, a -- b ]", &before, &net, NULL))
		tap_bail("a good file is refused");
	describe(&net, text, sizeof(text));
	tap_is_text(text,
		    "a:eth0 10.0.0.1/24; a:eth1 10.0.2.2/24; b:eth1 10.0.1.1/24; b:eth0 "
		    "10.0.0.2/24; c:eth0 10.0.1.2/24; c:eth1 10.0.2.1/24",
		    "links that were there keep interfaces and addresses");
}

/* ---- routes of shortest paths --------------------------------------------------------------- */

static const struct {
	const char *what, *text, *node, *routes;
} shortest[] = {
	{ "a host has a default route",
	  "nodes: { a: , b: { forwarding: true }, c: }\nlinks: [ a -- b, b -- c ]", "a",
	  "default via 10.0.0.2" },
	{ "a router has none, which might lead back",
	  THREE "links: [ a -- b, b -- c ]\ndefaults: { node: { forwarding: true } }", "a",
	  "10.0.0.0/23 via 10.0.0.2" },
	{ "a router in a line has one each way, joined",
	  "nodes: { a: , b: , c: , d: , e: , f: , g: , h: , i: }\n"
	  "links: [ a -- b, b -- c, c -- d, d -- e, e -- f, f -- g, g -- h, h -- i ]\n"
	  "defaults: { node: { forwarding: true } }",
	  "e", "10.0.0.0/22 via 10.0.3.1; 10.0.4.0/22 via 10.0.4.2" },
	{ "a network is reached by a router that is farther than a host in it",
	  "nodes: { a: , h: , r: { forwarding: true }, s: { forwarding: true } }\n"
	  "links: [ a -- h, h -- s, a -- r, r -- s ]",
	  "a", "default via 10.0.2.2" },
	{ "an address of lo is a network",
	  "nodes: { a: , b: { addresses: [192.0.2.1/32] } }\nlinks: [ a -- b ]", "a",
	  "default via 10.0.0.2" },
};

static void test_shortest(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(shortest); i++) {
		_cleanup_(net_free) struct net net = {};
		char text[1000] = "", whole[1000];
		size_t used = 0;
		long node;

		snprintf(whole, sizeof(whole), "%srouting: shortest\n%s", V4, shortest[i].text);
		if (read_text(whole, NULL, &net, NULL))
			tap_bail("a good file is refused: %s", shortest[i].what);
		node = net_find_node(&net, shortest[i].node);
		for (size_t j = 0; j < net.nodes[node].routes_count; j++)
			used += snprintf(text + used, sizeof(text) - used, "%s%s", j ? "; " : "",
					 net.nodes[node].routes[j].text);
		tap_is_text(text, shortest[i].routes, "%s", shortest[i].what);
	}
}

/* The MAC addresses of a network of 1,000 nodes are all different, and the same each time. */
static int compare(const void *a, const void *b)
{
	return memcmp(a, b, 6);
}

static void test_macs(void)
{
	struct net net = { .name = "lab" };
	static __u8 macs[1000][6];
	size_t same = 0;

	for (int i = 0; i < 1000; i++) {
		struct net_node node = {};
		struct net_interface interface = { .name = "eth0" };

		snprintf(node.name, sizeof(node.name), "n%d", i);
		net_make_mac(&net, &node, &interface, macs[i]);
	}
	tap_ok(macs[0][0] == 2, "MAC addresses are locally administered");
	qsort(macs, 1000, sizeof(*macs), compare);
	for (int i = 1; i < 1000; i++)
		same += !memcmp(macs[i - 1], macs[i], 6);
	tap_is(same, 0, "and differ");
}

int main(void)
{
	test_bad();
	test_good();
	test_before();
	test_shortest();
	test_macs();
	return tap_done();
}
