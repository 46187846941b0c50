# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# lib.sh - what tests written in bash share: results (TAP), topologies, clean-up
#
#	. "$(dirname "$0")/lib.sh"
#	topo_netns left
#	topo_netns right
#	topo_veth left l0 right r0 10.0.0.1/24 10.0.0.2/24
#	ok "they reach each other" topo_exec left ping -c 1 10.0.0.2
#	done_testing
#
# Reading this file starts the script again in a mount namespace of its own, with an empty
# directory of network namespaces, a bpffs (LANA_BPFFS) and a directory for files (LANA_SCRATCH).
# So names are private to the run and cannot collide, and the kernel removes all of it, however
# the test ends.
set -u

LANA_TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
: "${LANA_BUILD:=$LANA_TOP/build}"
: "${LANACTL:=$LANA_BUILD/lanactl}"
: "${LANA_TYPES:=$LANA_BUILD/bpf/blocks}"
: "${TRAFFIC:=$LANA_BUILD/selftests/traffic}"
export LANA_BUILD LANACTL LANA_TYPES TRAFFIC
PATH=$PATH:/usr/sbin:/sbin

# ---- results -----------------------------------------------------------------------------------

tap_run=0 tap_failed=0 tap_planned='' tap_finished=''

note()
{
	printf '%s\n' "$*" | sed 's/^/# /'
}

# tap_result PASSED DESCRIPTION, where PASSED is 0 for yes
tap_result()
{
	tap_run=$((tap_run + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $tap_run - $2"
	else
		tap_failed=$((tap_failed + 1))
		echo "not ok $tap_run - $2"
	fi
	return "$1"
}

# tap_plan COUNT: say beforehand how many results there will be
tap_plan()
{
	tap_planned=$1
	echo "1..$1"
}

# ok DESCRIPTION COMMAND...: the command succeeds; what it says is shown if it does not
ok()
{
	local description=$1 output status

	shift
	output=$("$@" 2>&1)
	status=$?
	tap_result "$((status != 0))" "$description" ||
		note "$* (status $status)${output:+$'\n'$output}"
}

# refused DESCRIPTION COMMAND...: the command fails with status 1 and one line on standard error
refused()
{
	local description=$1 output status

	shift
	output=$("$@" 2>&1 >/dev/null)
	status=$?
	[ "$status" -eq 1 ] && [ "$(printf '%s\n' "$output" | wc -l)" -eq 1 ] && [ -n "$output" ]
	tap_result $? "$description" || note "$* (status $status)${output:+$'\n'$output}"
}

# is GOT WANT DESCRIPTION
is()
{
	[ "$1" = "$2" ]
	tap_result $? "$3" || note "got '$1', want '$2'"
}

# like GOT PATTERN DESCRIPTION, where PATTERN is an extended regular expression
like()
{
	[[ $1 =~ $2 ]]
	tap_result $? "$3" || note "got '$1', want something like '$2'"
}

# skip REASON: one test that cannot run here
skip()
{
	tap_run=$((tap_run + 1))
	echo "ok $tap_run # SKIP $1"
}

# skip_all REASON: the test cannot run here
skip_all()
{
	echo "1..0 # SKIP $1"
	tap_finished=1
	exit 0
}

bail()
{
	echo "Bail out! $*"
	exit 1
}

done_testing()
{
	tap_finished=1
	[ -n "$tap_planned" ] || echo "1..$tap_run"
	[ "$tap_run" -gt 0 ] && [ "$tap_failed" -eq 0 ] &&
		[ "${tap_planned:-$tap_run}" -eq "$tap_run" ]
	exit
}

# ---- waiting -----------------------------------------------------------------------------------

# wait_for COMMAND...: until it succeeds, at most WAIT_MAX seconds: as long as a busy machine may take
: "${WAIT_MAX:=20}"
wait_for()
{
	local end=$((${EPOCHREALTIME//[.,]/} + WAIT_MAX * 1000000))

	until "$@" >/dev/null 2>&1; do
		[ "${EPOCHREALTIME//[.,]/}" -lt "$end" ] || return 1
		sleep 0.02
	done
}

# ---- topologies --------------------------------------------------------------------------------

must()
{
	"$@" || bail "$*"
}

topo_netns()
{
	must ip netns add "$1"
	must ip -n "$1" link set lo up
}

# topo_exec NETNS COMMAND...: in that network namespace alone, so that bpffs and /sys stay
topo_exec()
{
	local netns=$1

	shift
	nsenter --net="/run/netns/$netns" "$@"
}

# topo_offload NETNS DEV FEATURE on|off, as ethtool -K names features
topo_offload()
{
	must topo_exec "$1" ethtool -K "$2" "$3" "$4" >/dev/null
}

# topo_veth NETNS1 DEV1 NETNS2 DEV2 [ADDRESS1 ADDRESS2]: up, with checksums finished on sending,
# as XDP would see unfinished ones, and without an IPv6 address that talks of its own accord
topo_veth()
{
	must ip -n "$1" link add "$2" type veth peer name "$4" netns "$3"
	must ip -n "$1" link set dev "$2" addrgenmode none up
	must ip -n "$3" link set dev "$4" addrgenmode none up
	topo_offload "$1" "$2" tx off
	topo_offload "$3" "$4" tx off
	[ -z "${5-}" ] || must ip -n "$1" address add "$5" dev "$2"
	[ -z "${6-}" ] || must ip -n "$3" address add "$6" dev "$4"
}

# background COMMAND...: leaves its pid in $!; killed with the test, at the latest
background()
{
	setpriv --pdeathsig KILL -- "$@" &
	lib_jobs+=("$!")
}

# unit_capabilities UNIT: the bounding set that a unit of packaging/ has, as setpriv(1) wants it
unit_capabilities()
{
	sed -n 's/^CapabilityBoundingSet=/-all /p' "$LANA_TOP/packaging/$1.in" |
		sed 's/CAP_/+/g; s/ /,/g' | tr '[:upper:]' '[:lower:]'
}

# field NAME: the value of a number in a line of JSON on standard input
field()
{
	sed -n "s/.*\"$1\":\\([-0-9.]*\\).*/\\1/p"
}

# ---- stacks --------------------------------------------------------------------------------------

lana()
{
	"$LANACTL" "$@"
}

# stats FILTER [BLOCK]: what the jq filter makes of the counters. If that fails, something that is
# no count and equals nothing, neither another failure.
stats()
{
	local filter=$1 json

	shift
	json=$(lana -j stats "$@") && jq -er "$filter" <<<"$json" || echo "no-stats.$EPOCHREALTIME"
}

# packets BLOCK: how many a block that counts has counted, on both paths
packets()
{
	stats '[.stats[].counters.packets] | add' "$1"
}

# booked [BLOCK]: what was dropped or left by an unbound port, as "BLOCK:REASON=N BLOCK:PORT=N ..."
booked()
{
	# shellcheck disable=SC2016 # jq's variable
	stats '[.stats[] | .name as $block | (.drops + .unbound) | to_entries[] |
		"\($block):\(.key)=\(.value)"] | join(" ")' "$@"
}

# links: ids of all links that hold programs to devices
links()
{
	find "$LANA_BPFFS/lana" -path '*/links/*' -exec bpftool -j link show pinned {} ';' | jq .id
}

# attached NETNS DEV LINK...: what holds a program to a device, a line each: XDP, filters of a
# qdisc, and those of the links that there still are
attached()
{
	local netns=$1 device=$2 path link

	shift 2
	ip -n "$netns" link show dev "$device" | grep -o '\<xdp[a-z]*'
	for path in ingress egress; do
		topo_exec "$netns" tc filter show dev "$device" $path | grep -o ' bpf .*handle.*'
	done
	for link; do
		bpftool -j link show id "$link" 2>/dev/null | jq -r 'select(.id) | "link \(.id)"'
	done
}

# detached NETNS DEV LINK...: waits until nothing is attached, as links end a little later
detached()
{
	wait_for eval "[ -z \"\$(attached $*)\" ]"
}

# ---- beginning and end ---------------------------------------------------------------------------

lib_jobs=()

lib_clean_up()
{
	local status=$?

	trap - EXIT
	[ -n "$tap_finished" ] || echo "# ended before done_testing"
	[ ${#lib_jobs[@]} -eq 0 ] || kill -KILL "${lib_jobs[@]}" 2>/dev/null
	[ -n "$tap_finished" ] || [ "$status" -ne 0 ] || status=1
	exit "$status"
}

if [ "${LANA_TEST_PID-}" != $$ ]; then
	[ "$(id -u)" -eq 0 ] || skip_all "only root may make network namespaces and load BPF"
	unshare --mount true 2>/dev/null || skip_all "no private mount namespace"
	# The process stays the same, so signals reach the test itself.
	LANA_TEST_PID=$$ exec unshare --mount --propagation private -- bash "$0" "$@"
fi

trap lib_clean_up EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# /dev/shm is there on every system, and no test needs what others have in it.
mkdir -p /run/netns
for lib_directory in /run/netns /dev/shm; do
	mount -t tmpfs -o mode=0755 lana-test "$lib_directory" || skip_all "cannot mount a tmpfs"
done
export LANA_SCRATCH=/dev/shm LANA_BPFFS=/dev/shm/bpf
mkdir "$LANA_BPFFS"
mount -t bpf -o mode=0700 bpf "$LANA_BPFFS" || skip_all "cannot mount a bpffs"
