// SPDX-License-Identifier: GPL-2.0-only
/*
 * forms - the keys of a topology file, and which values they take
 */
#include "form.h"

#define NAME	  "[A-Za-z0-9_][A-Za-z0-9_-]{0,30}"
#define INTERFACE "[A-Za-z0-9_][A-Za-z0-9_.-]{0,14}"
#define END	  NAME "(:" INTERFACE ")?"
#define ADDRESS	  "[0-9a-fA-F.:]+"
#define PREFIX	  ADDRESS "/[0-9]{1,3}"

static const struct form form_name = { FORM_WORD,
				       .what = "a name (up to 31 letters, digits, _ and -)",
				       .pattern = "^" NAME "$" };
static const struct form form_interface_name = {
	FORM_WORD, .what = "the name of an interface (up to 15 letters, digits, _, - and .)",
	.pattern = "^" INTERFACE "$"
};
static const struct form form_path = { FORM_WORD, .what = "a path" };
static const struct form form_word = { FORM_WORD, .what = "a word or a number" };
static const struct form form_bool = { FORM_BOOL, .what = "true or false" };

/* ---- addresses ----------------------------------------------------------------------------- */

static const struct form form_address = {
	FORM_WORD, .what = "an address with the length of its prefix, as in 10.0.0.1/24",
	.pattern = "^" PREFIX "$"
};
static const struct form form_addresses = { FORM_LIST, .what = "a list of addresses",
					    .item = &form_address };
static const struct form form_pool = { FORM_WORD, .what = "a prefix, as in 10.0.0.0/8, or none",
				       .pattern = "^(none|" PREFIX ")$" };
static const struct form form_pool_length = { FORM_NUMBER, .what = "the length of a prefix",
					      .least = 8, .most = 31 };
static const struct form form_mac = { FORM_WORD, .what = "a MAC address, as in 02:00:00:00:00:01",
				      .pattern = "^[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}$" };
static const struct form form_mtu = { FORM_NUMBER, .what = "an MTU", .least = 68, .most = 65535 };
static const struct form form_route = {
	FORM_WORD,
	.what = "a route: PREFIX [via ADDRESS] [dev INTERFACE] [metric N]; PREFIX may be default",
	.pattern = "^(default|default6|blackhole " PREFIX "|" PREFIX ")( via " ADDRESS ")?"
		   "( dev " INTERFACE ")?( metric [0-9]{1,9})?$"
};
static const struct form form_routes = { FORM_LIST, .what = "a list of routes",
					 .item = &form_route };

static const struct form_key addressing_keys[] = {
	{ "ipv4", &form_pool, .help = "What links get IPv4 networks from; 10.0.0.0/8 by default" },
	{ "ipv4-length", &form_pool_length,
	  .help = "Length of the prefix of a link's IPv4 network; 24 by default" },
	{ "ipv6", &form_pool,
	  .help = "What links get IPv6 networks (/64) from; fd00::/32 by default" },
	{}
};
static const struct form form_addressing = { FORM_RECORD, .what = "addressing",
					     .keys = addressing_keys, .empty = true };

/* ---- nodes --------------------------------------------------------------------------------- */

static const struct form form_vlan_name = { FORM_WORD, .what = "a VLAN, 1 to 4094",
					    .pattern = "^[1-9][0-9]{0,3}$" };
static const struct form_key vlan_keys[] = {
	{ "addresses", &form_addresses, .help = "Addresses of the VLAN's interface" }, {}
};
static const struct form form_vlan = { FORM_RECORD, .what = "a VLAN", .keys = vlan_keys,
				       .empty = true };
static const struct form form_vlans = { FORM_MAP, .what = "vlans", .names = &form_vlan_name,
					.item = &form_vlan };

static const struct form_key interface_keys[] = {
	{ "addresses", &form_addresses,
	  .help = "Addresses; none are assigned where some are given, or an empty list" },
	{ "mac", &form_mac, .help = "MAC address; made from the names by default" },
	{ "mtu", &form_mtu, .help = "MTU; the link's by default" },
	{ "vlans", &form_vlans, .help = "Tagged interfaces on it (IEEE 802.1Q), by VLAN" },
	{ "device", &form_interface_name, .with = "netns",
	  .help = "A real device that is moved into the node, and back when the network goes "
		  "down" },
	{ "netns", &form_path, .with = "device",
	  .help = "Where that device is: a network namespace's name or path, or host" },
	{}
};
static const struct form form_interface = { FORM_RECORD, .what = "an interface",
					    .keys = interface_keys, .empty = true };
static const struct form form_interfaces = { FORM_MAP, .what = "interfaces",
					     .names = &form_interface_name, .item = &form_interface,
					     .empty = true };

static const struct form form_sysctl_name = { FORM_WORD, .what = "the name of a sysctl below net",
					      .pattern = "^net([./][A-Za-z0-9_-]+)+$" };
static const struct form form_sysctls = { FORM_MAP, .what = "sysctls", .names = &form_sysctl_name,
					  .item = &form_word, .empty = true };

static const struct form form_mount_name = { FORM_WORD, .what = "a path that begins with /",
					     .pattern = "^/" };
static const struct form form_mounts = { FORM_MAP, .what = "mounts", .names = &form_mount_name,
					 .item = &form_path, .empty = true };

static const struct form form_words = { FORM_LIST, .what = "a list of words", .item = &form_word };
static const struct form form_command = { FORM_WORD, .what = "a command, for the shell",
					  .or = &form_words };
static const struct form form_restart = { FORM_WORD, .what = "never, failed or always",
					  .pattern = "^(never|failed|always)$" };
static const struct form_key process_keys[] = {
	{ "run", &form_command, .required = true,
	  .help = "A command for sh, or a program and its words as a list" },
	{ "name", &form_name, .help = "What it is called; the program's name by default" },
	{ "log", &form_path, .help = "File that its output is added to" },
	{ "restart", &form_restart,
	  .help = "When it is started again; never by default, failed: if its status is not 0" },
	{}
};
static const struct form form_process_record = { FORM_RECORD, .what = "a process",
						 .keys = process_keys };
static const struct form form_process = { FORM_WORD, .what = "a command, for the shell",
					  .or = &form_process_record };
static const struct form form_processes = { FORM_LIST, .what = "a list of processes",
					    .item = &form_process };

static const struct form form_percent = { FORM_WORD, .what = "a share of one CPU, as in 50%",
					  .pattern = "^[0-9]{1,5}(\\.[0-9]{1,2})?%$" };
static const struct form form_bytes = { FORM_WORD, .what = "an amount of memory, as in 100MB",
					.pattern = "^[0-9]{1,9}(kB|MB|GB|KiB|MiB|GiB)$" };
static const struct form_key limits_keys[] = {
	{ "cpu", &form_percent, .help = "Most CPU time of the node's processes; 100% is one CPU" },
	{ "memory", &form_bytes, .help = "Most memory of the node's processes" },
	{}
};
static const struct form form_limits = { FORM_RECORD, .what = "limits", .keys = limits_keys,
					 .empty = true };

#define NODE_KEYS                                                                                 \
	{ "forwarding", &form_bool, .help = "Does it forward IPv4 and IPv6? False by default" },  \
		{ "sysctls", &form_sysctls,                                                       \
		  .help = "Settings below net, as sysctl(8) names them" },                        \
	{                                                                                         \
		"limits", &form_limits, .help = "What its processes may use, by control group v2" \
	}

static const struct form_key node_keys[] = {
	NODE_KEYS,
	{ "addresses", &form_addresses, .help = "Addresses of lo" },
	{ "interfaces", &form_interfaces, .help = "What is said of its interfaces" },
	{ "routes", &form_routes, .help = "Routes, as ip-route(8) has them; default6 is ::/0" },
	{ "processes", &form_processes, .help = "Programs that run in it" },
	{ "mounts", &form_mounts,
	  .help = "Paths that its processes see something else at: another path, or private, an "
		  "empty folder of the node's own" },
	{ "stack", &form_path, .help = "Stack file that is applied to its devices" },
	{}
};
static const struct form form_node = { FORM_RECORD, .what = "a node", .keys = node_keys,
				       .empty = true };
static const struct form form_nodes = { FORM_MAP, .what = "a mapping of nodes, by name",
					.names = &form_name, .item = &form_node };

/* ---- links --------------------------------------------------------------------------------- */

/*
 * What a link does to packets: the options of block type "link", whose object has the last word
 * (properties.c): patterns are for the schema.
 */
#define NUMBER "[0-9.]+([eE][-+]?[0-9]+)?"
#define SIZE   "[kKmMgG]?[bB]"
#define PROPERTY(text, words)                                                      \
	{                                                                          \
		FORM_WORD, .what = text, .pattern = "^(" words ")$", .later = true \
	}

static const struct form form_rate =
	PROPERTY("a rate, as in 10mbit", "0|" NUMBER "[kKmMgGtT]?[bB][iI][tT]");
static const struct form form_time = PROPERTY("a time, as in 20ms", "0|" NUMBER "[nNuUmM]?[sS]");
static const struct form form_chance = PROPERTY("a share, as in 1%", "0|" NUMBER "%");
static const struct form form_ber = { FORM_WORD, .what = "a bit error rate, as in 1e-6" };
static const struct form form_size = PROPERTY("a size, as in 64kb", "0|" NUMBER SIZE);
static const struct form form_limit = PROPERTY("a limit, as in 100pkt, 64kb or 50ms",
					       "0|" NUMBER "([pP][kK][tT]|[uUmM]?[sS]|" SIZE ")");
static const struct form form_switch = PROPERTY("on or off", "on|off|true|false|yes|no");
static const struct form form_distribution =
	PROPERTY("uniform, normal or pareto", "uniform|normal|pareto");
static const struct form form_ber_mode = PROPERTY("drop or flip", "drop|flip");
static const struct form form_queue =
	PROPERTY("fifo, fq, drr, red or codel", "fifo|fq|drr|red|codel");
static const struct form form_drop = PROPERTY("tail or head", "tail|head");
static const struct form form_dead = PROPERTY("bypass or closed", "bypass|closed");
static const struct form form_count = PROPERTY("a number", "[0-9]+");

#define PROPERTY_KEYS                                                                             \
	{ "rate", &form_rate, .help = "How fast bits leave, as in 10mbit" },                      \
		{ "overhead", &form_size, .help = "Bytes that each packet takes in addition" },   \
		{ "mpu", &form_size, .help = "Bytes that each packet takes at least" },           \
		{ "delay", &form_time, .help = "Time on the way, as in 20ms" },                   \
		{ "jitter", &form_time, .help = "How much that time varies" },                    \
		{ "distribution", &form_distribution, .help = "Of jitter; uniform by default" },  \
		{ "correlation", &form_chance, .help = "Of one packet's jitter and the next's" }, \
		{ "overtake", &form_switch, .help = "May packets pass others? Off by default" },  \
		{ "reorder", &form_chance, .help = "Packets that are held back, as in 1%" },      \
		{ "reorder_by", &form_time, .help = "For how long" },                             \
		{ "loss", &form_chance, .help = "Packets that are lost, as in 1%" },              \
		{ "ge_p", &form_chance, .help = "Bursts of loss: chance of the bad state" },      \
		{ "ge_r", &form_chance, .help = "And of the good one again" },                    \
		{ "ge_bad", &form_chance, .help = "Loss in the bad state; 100% by default" },     \
		{ "ge_good", &form_chance, .help = "Loss in the good state; 0 by default" },      \
		{ "ber", &form_ber, .help = "Bit error rate, as in 1e-6" },                       \
		{ "ber_mode", &form_ber_mode, .help = "drop (the default) or flip" },             \
		{ "ber_skip", &form_size, .help = "Bytes that are not hit" },                     \
		{ "duplicate", &form_chance, .help = "Packets that come twice, as in 1%" },       \
		{ "queue", &form_queue, .help = "How packets wait; fifo by default" },            \
		{ "limit", &form_limit, .help = "How long the queue may be, as in 100pkt" },      \
		{ "drop", &form_drop, .help = "Of a full queue: tail (the default) or head" },    \
		{ "ecn", &form_switch, .help = "Mark packets instead of dropping them" },         \
		{ "quantum", &form_size, .help = "drr, fq: bytes of a turn; 1514b by default" },  \
		{ "target", &form_time, .help = "codel, fq; 5ms by default" },                    \
		{ "interval", &form_time, .help = "codel, fq; 100ms by default" },                \
		{ "red_min", &form_limit, .help = "red: where marks begin" },                     \
		{ "red_max", &form_limit, .help = "red: where they are certain" },                \
		{ "red_chance", &form_chance, .help = "red: chance at red_max; 10% by default" }, \
		{ "red_weight", &form_count, .help = "red: of the average; 9 by default" },       \
		{ "red_gentle", &form_switch, .help = "red: the chance rises beyond red_max" },   \
		{ "late", &form_time, .help = "What is called late; 1ms by default" },            \
		{ "dead", &form_dead, .help = "What happens while no worker lives" },             \
	{                                                                                         \
		"seed", &form_count, .help = "What chance begins with"                            \
	}

static const struct form_key direction_keys[] = { PROPERTY_KEYS, {} };
static const struct form form_direction = { FORM_RECORD, .what = "a direction of a link",
					    .keys = direction_keys, .empty = true };
static const struct form form_from = { FORM_MAP, .what = "from", .names = &form_name,
				       .item = &form_direction };
static const struct form form_to = { FORM_MAP, .what = "to", .names = &form_name,
				     .item = &form_direction };

static const struct form form_end = { FORM_WORD, .what = "an end of a link: NODE or NODE:INTERFACE",
				      .pattern = "^" END "$" };
static const struct form form_ends = { FORM_LIST, .what = "a list of ends", .item = &form_end };
static const struct form_key link_keys[] = {
	{ "ends", &form_ends, .required = true,
	  .help = "Its ends; more than two make it an Ethernet segment" },
	{ "name", &form_name, .help = "What it is called; a-b by default, as its ends are" },
	{ "segment", &form_bool, .help = "Is it an Ethernet segment, with two ends too?" },
	{ "mtu", &form_mtu, .help = "MTU of its interfaces; 1500 by default" },
	{ "from", &form_from, .help = "Properties of the direction that begins at a node" },
	{ "to", &form_to, .help = "Of a segment: properties of the direction that ends at a node" },
	PROPERTY_KEYS,
	{}
};
static const struct form form_link_record = { FORM_RECORD, .what = "a link", .keys = link_keys };
static const struct form form_link = { FORM_WORD, .what = "a link: END -- END",
				       .pattern = "^" END " -- " END "$", .or = &form_link_record };
static const struct form form_links = { FORM_LIST, .what = "a list of links", .item = &form_link,
					.empty = true };

/* ---- the whole ----------------------------------------------------------------------------- */

static const struct form_key default_node_keys[] = { NODE_KEYS, {} };
static const struct form form_default_node = { FORM_RECORD, .what = "the defaults of a node",
					       .keys = default_node_keys, .empty = true };
static const struct form_key default_link_keys[] = {
	{ "mtu", &form_mtu, .help = "MTU of interfaces" }, PROPERTY_KEYS, {}
};
static const struct form form_default_link = { FORM_RECORD, .what = "the defaults of a link",
					       .keys = default_link_keys, .empty = true };
static const struct form_key defaults_keys[] = {
	{ "node", &form_default_node, .help = "What holds for nodes that do not say otherwise" },
	{ "link", &form_default_link, .help = "What holds for links that do not say otherwise" },
	{}
};
static const struct form form_defaults = { FORM_RECORD, .what = "defaults", .keys = defaults_keys,
					   .empty = true };

#define TIME "[0-9]{1,9}(\\.[0-9]{1,3})?(ms|s|min)"

static const struct form form_event_time = { FORM_WORD, .what = "a time, as in 'at 1.5s'",
					     .pattern = "^at " TIME "$" };
static const struct form form_event = {
	FORM_WORD,
	.what = "an event: link, flap, ramp, partition, heal, churn, A reaches B, loss, throughput"
};
static const struct form form_event_list = { FORM_LIST, .what = "a list of events",
					     .item = &form_event };
static const struct form form_one_or_more_events = { FORM_WORD, .what = "an event",
						     .or = &form_event_list };
static const struct form form_events = { FORM_MAP, .what = "events", .names = &form_event_time,
					 .item = &form_one_or_more_events, .empty = true };

static const struct form form_routing = { FORM_WORD, .what = "none or shortest",
					  .pattern = "^(none|shortest)$" };

static const struct form_key topology_keys[] = {
	{ "network", &form_name, .help = "Its name; by default the file's, up to the first dot" },
	{ "addressing", &form_addressing, .help = "Where addresses come from that are not given" },
	{ "routing", &form_routing,
	  .help = "shortest: nodes get routes to all others; none by default" },
	{ "defaults", &form_defaults, .help = "What nodes and links do not say themselves" },
	{ "nodes", &form_nodes, .required = true,
	  .help = "Nodes, by name: a network namespace each" },
	{ "links", &form_links, .help = "Links between them" },
	{ "events", &form_events, .help = "What topo run does, and expects, at which time" },
	{}
};
const struct form topology_form = { FORM_RECORD, .what = "a topology file", .keys = topology_keys };
