// SPDX-License-Identifier: GPL-2.0-only
/*
 * firewall - accept, drop or reject packets by ordered rules
 *
 * The first rule that matches decides. A file has a rule a line (docs/firewall.md):
 *
 *	accept state established,related
 *	accept from 10.0.0.0/8 proto tcp dport 22
 *	reject to 2001:db8::/32 proto udp sport 1024-65535
 *
 * Their number, up to 16384, does not matter for the cost (lana/rules.h). A new file takes effect
 * at one instant; rules that stay, in whatever place, go on counting ("lanactl show rules
 * NAME").
 *
 * in          Ethernet; only IPv4 and IPv6 is looked at, anything else leaves by next
 * out next    accepted
 * out reject  refused with an answer, which block icmp_error makes
 * config      rules=FILE (none: the policy decides)
 *             policy=accept|drop|reject: for packets that no rule matches
 * counters    accepted, dropped, rejected; unmatched: packets that no rule matched
 * state       the rules and what they have counted; the heads of 4096 fragmented packets, of
 *             which the oldest make room
 * see also    conntrack, icmp_error, lana/rules.h
 *
 * On ingress its place is below nat, on the world's side: the kernel knows connections by their
 * packets as they are there.
 *
 * What is dropped is booked as "policy", and broken IP headers as "short" or "malformed". The state
 * of a connection is what the kernel's connection tracking says, which knows TCP, UDP and errors
 * about them; other packets, and all if the kernel does not offer it to BPF, are untracked.
 *
 * Fragments have the ports and the state of the first one, for 30 s. Those that come before it, and
 * of IPv6 those with other extension headers, have no ports, which rules with ports do not match,
 * and are invalid.
 */
#include <lana/conntrack.h>
#include <lana/rules.h>

enum firewall_policy { accept, drop, reject };

struct firewall_config {
	struct lana_rules_file rules;
	enum firewall_policy policy;
};

struct firewall_counters {
	__u64 accepted;
	__u64 dropped;
	__u64 rejected;
	__u64 unmatched;
};

enum firewall_port { FIREWALL_NEXT, FIREWALL_REJECT };

static __always_inline bool load_addresses(const struct lana_pkt *pkt, int version,
					   struct lana_rules_key *key)
{
	struct iphdr *ip;
	struct ipv6hdr *ip6;

	if (version == 4) {
		ip = lana_header(pkt, ETH_HLEN, sizeof(*ip));
		if (!ip)
			return false;
		key->from.words[0] = ip->saddr;
		key->to.words[0] = ip->daddr;
	} else {
		ip6 = lana_header(pkt, ETH_HLEN, sizeof(*ip6));
		if (!ip6)
			return false;
		__builtin_memcpy(key->from.words, &ip6->saddr, sizeof(key->from.words));
		__builtin_memcpy(key->to.words, &ip6->daddr, sizeof(key->to.words));
	}
	key->from.version = key->to.version = bpf_htonl(version);
	return true;
}

/* ---- fragments ------------------------------------------------------------------------------ */

struct fragment {
	__be32 from[4], to[4];
	__be32 id;
	__u8 protocol, version;
	__u16 unused;
};

/* What only the first fragment of a packet tells. */
struct head {
	__u32 sport, dport;
	__u64 until; /* ns */
	__u64 state;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct fragment);
	__type(value, struct head);
} fragments SEC(".maps");

#define FRAGMENT_NS 30000000000ULL /* as long as Linux waits for the others */

static __always_inline bool name_fragment(const struct lana_pkt *pkt, const struct lana_ip *ip,
					  int version, const struct lana_rules_key *key,
					  struct fragment *name)
{
	__u32 offset = ETH_HLEN + offsetof(struct iphdr, id), size = sizeof(__be16);

	if (version == 6) {
		if (ip->extended)
			return false;
		offset = ETH_HLEN + sizeof(struct ipv6hdr) + sizeof(__be32);
		size = sizeof(__be32);
	}
	__builtin_memcpy(name->from, key->from.words, sizeof(name->from));
	__builtin_memcpy(name->to, key->to.words, sizeof(name->to));
	name->protocol = ip->protocol;
	name->version = version;
	return !lana_load(pkt, offset, &name->id, size);
}

/* Have later fragments be what the first one is, which is remembered for that. */
static __always_inline void follow(const struct lana_pkt *pkt, const struct lana_ip *ip,
				   int version, struct lana_rules_key *key)
{
	const struct head *known;
	struct fragment name = {};
	struct head head = { .sport = key->sport, .dport = key->dport, .state = key->state };

	if (!name_fragment(pkt, ip, version, key, &name))
		return;
	if (!ip->headless) {
		head.until = bpf_ktime_get_ns() + FRAGMENT_NS;
		bpf_map_update_elem(&fragments, &name, &head, BPF_ANY);
		return;
	}
	known = bpf_map_lookup_elem(&fragments, &name);
	if (!known || known->until < bpf_ktime_get_ns())
		return;
	key->sport = known->sport;
	key->dport = known->dport;
	key->state = known->state;
}

/* --------------------------------------------------------------------------------------------- */

static __always_inline int decide(const struct lana_rule *rule,
				  const struct firewall_config *config,
				  struct firewall_counters *counters)
{
	__u32 action = rule ? rule->action : (__u32)config->policy;

	if (!rule)
		counters->unmatched++;
	switch (action) {
	case LANA_RULE_ACCEPT:
		counters->accepted++;
		return FIREWALL_NEXT;
	case LANA_RULE_REJECT:
		counters->rejected++;
		return FIREWALL_REJECT;
	default:
		counters->dropped++;
		return -LANA_DROP_POLICY;
	}
}

static __always_inline int firewall_process(struct lana_pkt *pkt,
					    const struct firewall_config *config,
					    struct firewall_counters *counters)
{
	struct lana_rules_key key = {};
	__be16 *ports;
	struct lana_ip ip = {};
	int version = 0, err;

	err = lana_find_ip(pkt, &ip, &version);
	if (err == -LANA_DROP_PROTOCOL)
		return FIREWALL_NEXT;
	if (err)
		return err;
	if (!config->rules.name[0])
		return decide(NULL, config, counters);
	ports = (void *)lana_find_ports(pkt, &ip);
	key.sport = ports ? bpf_ntohs(ports[0]) : LANA_RULE_NO_PORT;
	key.dport = ports ? bpf_ntohs(ports[1]) : LANA_RULE_NO_PORT;
	key.protocol = ip.protocol;
	if (!load_addresses(pkt, version, &key))
		return -LANA_DROP_SHORT;
	if (config->rules.states)
		key.state = lana_ct_state(pkt, &ip, version);
	if (ip.fragment)
		follow(pkt, &ip, version, &key);
	return decide(lana_rules_find(&key), config, counters);
}

LANA_BLOCK(firewall);
