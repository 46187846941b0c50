#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# topo_kill.sh - whoever is killed while he makes, changes or removes a network leaves no trace
#
#	other: x -- y                stays up all the while, and x reaches y
#	lab:   a -- b -- c, lan      is made, changed and removed by commands that are killed
#	outside: r0 -- r1            r0 is lent to a, and comes back each time
#
# First at chosen system calls (strace(1) sends the signal), then at moments spread over the time that
# the command takes.
# shellcheck disable=SC2016,SC2317 # functions are called by ok; what is quoted is for other shells
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=selftests/topo_lib.sh
. "$LANA_TOP/selftests/topo_lib.sh"

[ -x "$LANACTL" ] || skip_all "$LANACTL is not built"

topo_mark="topo_kill_mark|lanactl topo [uad]"
file=$LANA_SCRATCH/lab.yaml
changed=$LANA_SCRATCH/changed.yaml
cat >"$file" <<'END'
network: lab
nodes:
  a: { interfaces: { up: { device: r0, netns: outside } }, processes: [ "exec sleep 600 # topo_kill_mark" ] }
  b: { forwarding: true }
  c: { processes: [ "exec sleep 600 # topo_kill_mark" ] }
links:
  - a -- b
  - b -- c
  - { name: lan, ends: [a, b, c] }
END
cat >"$changed" <<'END'
network: lab
nodes:
  a: { interfaces: { up: { device: r0, netns: outside } }, processes: [ "exec sleep 601 # topo_kill_mark" ] }
  b:
  d: { processes: [ "exec sleep 602 # topo_kill_mark" ] }
links:
  - b -- d
  - { name: lan, ends: [b, a] , segment: true }
END
echo 'nodes: { x: , y: { processes: [ "exec sleep 600 # other_mark" ] } }
links: [ x -- y ]' >"$LANA_SCRATCH/other.yaml"

topo_netns outside
must ip -n outside link add r0 type veth peer name r1
must ip -n outside link set r0 up
ok "another network is up" topo up "$LANA_SCRATCH/other.yaml"

snapshot()
{
	traces
	ip -n outside -o link show | awk '{ print "outside", $2, $3 }' | sed 's/,UP,LOWER_UP\|,NO-CARRIER\|,M-DOWN//g'
}
before=$(snapshot)
faults=''

is_as_before()
{
	[ "$(snapshot)" = "$before" ]
}

# is_whole: all nodes and links are there, processes aside
is_whole()
{
	[ "$(topo_show lab '[.links[] | .up] | all' 2>/dev/null)" = true ]
}

# cleaned WHEN: down takes away what is there, and nothing else
cleaned()
{
	local left

	if [ "$(topo_show lab .broken 2>/dev/null)" = true ]; then
		broken=$((broken + 1))
		! topo apply "$file" >/dev/null 2>&1 || faults+="$1: changed while it is broken"$'\n'
	elif [ -e "$LANA_TOPO/lab" ] && ! is_whole; then
		faults+="$1: broken, which is not shown"$'\n'
	fi
	if ! topo down lab >"$LANA_SCRATCH/down" 2>&1 && ! grep -q 'there is no network' "$LANA_SCRATCH/down"; then
		faults+="$1: $(cat "$LANA_SCRATCH/down")"$'\n'
	fi
	# A tracer ends a little later than what it traces.
	wait_for is_as_before
	left=$(diff <(echo "$before") <(snapshot)) || faults+="$1: $left"$'\n'
}

# prepare COMMAND: what it works on
prepare()
{
	case $1 in
	up) ;;
	*) topo up "$file" >/dev/null 2>&1 || faults+="$1: no network to begin with"$'\n' ;;
	esac
}

words()
{
	case $1 in
	up) echo "topo up $file" ;;
	apply) echo "topo apply $changed" ;;
	down) echo "topo down lab" ;;
	esac
}

calls='mkdir,mkdirat,openat,write,rename,renameat,unshare,mount,symlink,sendto,clone,clone3,socket,bind,setns,umount2,unlink,unlinkat,rmdir,pidfd_send_signal,ftruncate,connect'
command -v strace >/dev/null || calls=''
for command in up apply down; do
	killed=0 broken=0 faults=''
	for when in 1 2 3 4 6 9 13 18 25 33 42 60; do
		[ -n "$calls" ] || break
		prepare $command
		# With -D it is the command itself that is waited for, and not the keeper as well.
		# shellcheck disable=SC2046 # a list of words
		{
			strace -D -f -qq -o /dev/null -e "inject=$calls:signal=KILL:when=$when" \
				"$LANACTL" $(words $command) >/dev/null 2>&1
		} 2>/dev/null
		[ $? -ne 137 ] || killed=$((killed + 1))
		cleaned "$command, call $when"
	done
	if [ -n "$calls" ]; then
		[ "$killed" -ge 5 ]
		tap_result $? "$command is killed at system calls ($killed times)"
		[ "$broken" -ge 1 ]
		tap_result $? "and shown as broken if it was half way ($broken times)"
		is "$faults" "" "and down leaves no trace of it"
	else
		skip "no strace"
		skip "no strace"
		skip "no strace"
	fi

	prepare $command
	begin=${EPOCHREALTIME//[.,]/}
	# shellcheck disable=SC2046
	lana $(words $command) >/dev/null 2>&1
	took=$((${EPOCHREALTIME//[.,]/} - begin))
	faults=''
	cleaned "$command"
	for n in 1 2 3 4 5 6; do
		prepare $command
		# shellcheck disable=SC2046
		{
			setpriv --pdeathsig KILL -- "$LANACTL" $(words $command) >/dev/null 2>&1 &
			sleep "$(printf '0.%06d' $((took * n / 6)))"
			kill -9 $!
			wait $!
		} 2>/dev/null
		cleaned "$command, moment $n"
	done
	is "$faults" "" "nor of one that is killed at some moment"
done

is "$(topo_show other '[.links[] | .up] | join(" ")')" true "the other network is up"
ok "and whole" reaches other x 10.0.0.2
ok "it goes" topo down other

done_testing
