#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# topo_names.sh - programs in nodes know nodes by their names
#
#	a -- r -- b     localhost and machine are nodes, too; d comes and goes at r
# shellcheck disable=SC2016,SC2317 # functions are called by ok; what is quoted is for other shells
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=selftests/topo_lib.sh
. "$LANA_TOP/selftests/topo_lib.sh"

[ -x "$LANACTL" ] || skip_all "$LANACTL is not built"
grep -q '^hosts:.*files' /etc/nsswitch.conf || skip_all "names are not looked up in files"
[ -e /etc/hosts ] || skip_all "no /etc/hosts"

# This test's own machine has names of its own.
cat >"$LANA_SCRATCH/machine" <<'END'
127.0.0.1	localhost
# 192.0.2.6 hidden
192.0.2.7	other machine one-more	# machine is a node as well
192.0.2.8	b
END
must mount --bind "$LANA_SCRATCH/machine" /etc/hosts

topo_mark=topo_names_mark
file=$LANA_SCRATCH/lab.yaml
before=$(traces)
mkdir "$LANA_SCRATCH/own"
echo '10.9.9.9 b' >"$LANA_SCRATCH/hosts"

# write LINKS: the file; nodes of it come from standard input
write()
{
	{
		cat <<END
network: lab
routing: shortest
nodes:
  a: { mounts: { $LANA_SCRATCH/own: private } }
  r: { forwarding: true, addresses: [192.0.2.1/32] }
  b:
    processes:
      - { name: early, run: "until getent hosts d; do sleep 0.05; done; exec sleep 600 # topo_names_mark" }
  u: { mounts: { /etc/hosts: hosts } }
  localhost:
  machine:
END
		cat
		echo "links: [ a -- r, r -- b, r -- localhost, r -- machine, \"r -- u\"$1 ]"
	} >"$file"
}

# known NODE NAME: the addresses by which programs in a node know a name
known()
{
	in_node lab "$1" getent ahosts "$2" | awk '{ print $1 }' | sort -u | xargs
}

write '' </dev/null
ok "a network comes up, by a user whose files nobody may read" sh -c "umask 077; $LANACTL topo up $file"
is "$(known a b)" "10.0.1.2 fd00:0:0:1::2" "a node is known by its name, by IPv4 and IPv6, whomever the machine calls so"
ok "a program finds it" in_node lab a ping -n -c 1 -W 2 b
ok "and by IPv6" in_node lab a ping -6 -n -c 1 -W 2 b
is "$(known b r)" "10.0.0.2 fd00::2" "a router is known by its first address of a link"
is "$(known b r-eth1) $(known b r-lo)" "10.0.1.1 fd00:0:0:1::1 192.0.2.1" "and its interfaces by theirs"
is "$(in_node lab a getent hosts 10.0.1.2 10.0.1.1 | awk '{ print $2 }' | xargs)" "b r-eth1" \
	"addresses have names: a node's first one that of the node"
is "$(in_node lab a traceroute -q 1 b | awk 'NR > 1 { print $2 }' | xargs)" "r b" "which traceroute tells"
is "$(known a other) $(known a one-more)" "192.0.2.7 192.0.2.7" "what the machine knows, nodes know"
is "$(known a hidden)" "" "but no comments"
is "$(known a machine)" "10.0.3.2 fd00:0:0:3::2" "what a node is called is called nothing else"
is "$(in_node lab a getent ahostsv4 localhost | awk '{ print $1 }' | sort -u)" 127.0.0.1 "but localhost"
is "$(known a localhost-eth0)" "10.0.2.2 fd00:0:0:2::2" "which as a node has the name of its interface alone"
is "$(known u b)" 10.9.9.9 "the user's own file wins"
is "$(in_node lab b setpriv --reuid=65534 --clear-groups getent hosts a | awk '{ print $2 }')" a "users other than root know names"
is "$(SHELL=/bin/sh topo shell lab b <<<'getent ahostsv4 a' | awk 'NR == 1 { print $1 }')" 10.0.0.1 "so does a shell"
is "$(grep -c 10.0.0.1 /etc/hosts)" 0 "the machine does not"
touch "$LANA_SCRATCH/own/outside"
is "$(in_node lab a ls "$LANA_SCRATCH/own")" "" "a node with mounts has them, too"

# ---- changes -----------------------------------------------------------------------------------

early=$(topo_show lab '.processes[] | select(.process == "early") | .log')
pid=$(topo_show lab '.processes[] | select(.process == "early") | .pid')
text=$(in_node lab b cat /etc/hosts)
write ', r -- d' <<'END'
  d: { processes: [ { name: late, run: "getent ahostsv4 b; exec sleep 600 # topo_names_mark" } ] }
END
ok "a node comes" topo apply "$file"
is "$(known a d)" "10.0.5.2 fd00:0:0:5::2" "it is known"
ok "also to a program that has been running" wait_for grep -qw d "$early"
is "$(topo_show lab '.processes[] | select(.process == "early") | .pid')" "$pid" "which is the same still"
late=$(topo_show lab '.processes[] | select(.process == "late") | .log')
ok "and its own programs know others" wait_for grep -q 10.0.1.2 "$late"
write ', r -- d' <<'END'
  d: { interfaces: { eth0: { addresses: [10.0.5.9/24] } } }
END
ok "an address changes" topo apply "$file"
is "$(known a d)" 10.0.5.9 "which is known"
write ', r -- e' <<'END'
  e: { processes: [ { run: [no-such-program] } ] }
END
refused "what cannot be is refused" topo apply "$file"
is "$(known a d) $(known a e)" "10.0.5.9 " "and names are as before"
write '' </dev/null
ok "the node goes" topo apply "$file"
is "$(nsenter -t "$pid" -m cat /etc/hosts)" "$text" "and its name, from the eyes of who has been there all the time"

ok "the network goes" topo down lab
is "$(traces)" "$before" "nothing is left"

# ---- names that are none to programs -----------------------------------------------------------

cat >"$file" <<'END'
network: odd
nodes:
  a: { addresses: [192.0.2.1/32] }
  10: { addresses: [192.0.2.10/32] }
  twin: { addresses: [192.0.2.11/32] }
  Twin: { addresses: [192.0.2.12/32] }
  Machine: { addresses: [192.0.2.13/32] }
  0x10: { addresses: [192.0.2.14/32] }
END
like "$(topo validate "$file")" "$file:4:3: programs take '10' for the address 0\.0\.0\.10; " \
	"a name that programs take for an address is told"
like "$(topo validate "$file")" "; $file:6:3: programs know neither 'Twin' nor 'twin' by name" \
	"and two that differ in case only"
is "$(lana -j topo validate "$file" | jq -r .note)" "$(topo validate "$file" | tail -n 1)" "in JSON, too"
like "$(topo up "$file")" "$file:4:3: .*; $file:6:3: " "and by who makes it"
odd=$(in_node odd a cat /etc/hosts)
is "$(grep -c '^192\.0\.2\.1[0-9]' <<<"$odd")" 3 "what cannot be found, or stands for two, has no name"
is "$(grep 192.0.2.10 <<<"$odd")" "192.0.2.10 10-lo" "but that of its interface, if it is its own"
is "$(in_node odd a getent ahosts twin)$(in_node odd a getent ahosts TWIN)" "" "who asks for two gets none"
is "$(in_node odd a getent ahostsv4 machine | awk '{ print $1 }' | sort -u)" 192.0.2.13 \
	"what the machine calls as a node, but for the case, is the node"
ok "it goes" topo down odd
write '' </dev/null
is "$(topo validate "$file" | grep -c 'programs')" 0 "of other names nothing is said"

must umount /etc/hosts
done_testing
