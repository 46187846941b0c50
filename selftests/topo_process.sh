#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# topo_process.sh - programs in the nodes of a network: logs, restarts, limits, ends
#
#	a -- b     programs in both; the one in b fails, and is started again
# shellcheck disable=SC2016,SC2317 # functions are called by ok; what is quoted is for other shells
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=selftests/topo_lib.sh
. "$LANA_TOP/selftests/topo_lib.sh"

[ -x "$LANACTL" ] || skip_all "$LANACTL is not built"

topo_mark="topo_process_mark|lanactl topo [ua]"
file=$LANA_SCRATCH/lab.yaml
before=$(traces)

write()
{
	cat >"$file"
}

# process NODE NAME FILTER
process()
{
	topo_show lab ".processes[] | select(.node == \"$1\" and .process == \"$2\") | $3"
}

write <<'END'
nodes:
  a:
    processes:
      - { run: "echo begin; exec sleep 600 # topo_process_mark", name: server, log: server.log }
      - { run: [sh, -c, "echo done; exit 0 # topo_process_mark"], name: once, restart: failed }
  b:
    processes:
      - { run: "echo try; sleep 0.05; exit 3 # topo_process_mark", name: fails, restart: failed }
      - { run: "setsid sh -c 'sleep 600 # topo_process_mark' & exit 0", name: daemon }
      - { run: "trap '' TERM; while :; do sleep 1; done # topo_process_mark", name: deaf }
links: [ a -- b ]
END
ok "a network with processes" topo up "$file"
is "$(process a server .state)" runs "one runs"
is "$(readlink "/proc/$(process a server .pid)/ns/net")" "$(in_node lab a readlink /proc/self/ns/net)" \
	"in its node"
wait_for grep -q begin "$LANA_SCRATCH/server.log"
is "$(cat "$LANA_SCRATCH/server.log")" begin "with its output in the log that it asks for"
starts()
{
	[ "$(process b fails .starts)" -ge 3 ]
}
ok "one that fails is started again" wait_for starts
is "$(process b fails .status)" 3 "with the status that it ended with"
is "$(sort -u "$(process b fails .log)")" try "its output is in the network's folder"
is "$(process a once .state) $(process a once .starts)" "ended 1" "one that ends well is not"
is "$(process b daemon .state)" ended "nor is one that leaves a daemon behind"
killed()
{
	local pid

	pid=$(process a server .pid)
	kill -9 "$pid"
	wait_for sh -c "! kill -0 $pid 2>/dev/null"
}
killed
ended()
{
	[ "$(process a server .state)" = ended ]
}
ok "one that is killed, and never to be started again, has ended" wait_for ended

# ---- changed -----------------------------------------------------------------------------------

deaf=$(process b deaf .pid)
write <<'END'
nodes:
  a:
    processes:
      - { run: "exec sleep 601 # topo_process_mark", name: server }
  b:
    processes:
      - { run: "trap '' TERM; while :; do sleep 1; done # topo_process_mark", name: deaf }
links: [ a -- b ]
END
is "$(topo plan "$file")" "end process server in a
end process once in a
end process fails in b
end process daemon in b
start process server in a" "the difference in processes"
ok "is applied" topo apply "$file"
is "$(tr '\0' ' ' <"/proc/$(process a server .pid)/cmdline" | xargs)" "sleep 601" "one is another"
is "$(process b deaf .pid)" "$deaf" "one is the same"
is "$(process b fails .state)" "" "others have gone"

# ---- the keeper is killed ------------------------------------------------------------------------

sed -i '/^links/i \  c: { processes: [ { run: "sleep 602 & setsid sleep 603 & wait # topo_process_mark", name: parent } ] }' "$file"
sed -i 's/^links: .*/links: [ a -- b, b -- c ]/' "$file"
ok "one with children" topo apply "$file"
in_node lab c sleep 604 &
lib_jobs+=($!)
# children: how many of each there are: a process's own, one with a session of its own, somebody else's
children()
{
	local ns

	ns=$(stat -L -c %i "$LANA_TOPO/lab/ns/c")
	for number in 602 603 604; do
		for pid in $(pgrep -fx "sleep $number"); do
			[ "$(stat -L -c %i "/proc/$pid/ns/net" 2>/dev/null)" != "$ns" ] || echo "$number"
		done
	done | xargs
}
children_are()
{
	[ "$(children)" = "$1" ]
}
ok "they run" wait_for children_are "602 603 604"
kill -9 "$(cat "$LANA_TOPO/lab/keeper")"
gone()
{
	! kill -0 "$deaf" 2>/dev/null
}
ok "what the keeper has started ends with it" wait_for gone
like "$(topo show lab)" "the keeper has gone" "which is shown"
ok "apply starts them again" topo apply "$file"
is "$(process b deaf .state)" runs "as before"
ok "and their children once, as those left were ended, which others in the node were not" \
	wait_for children_are "602 603 604"

# ---- refusals ------------------------------------------------------------------------------------

running=$(process b deaf .pid)
write <<'END'
nodes:
  a:
    processes:
      - { run: [no-such-program], name: server }
  b:
    processes:
      - { run: "trap '' TERM; while :; do sleep 1; done # topo_process_mark", name: deaf }
links: [ a -- b ]
END
refused "a program that is not there is refused" topo apply "$file"
like "$(topo apply "$file" 2>&1)" "lab.yaml:4:9: .*no-such-program: No such file" "where the file has it"
is "$(process b deaf .pid)" "$running" "the others run on"
is "$(process a server .state)" runs "and so does the one that it should have replaced"
refused "nor does a network come up with it" topo up "$file" as lab2
is "$(ip netns list | grep -c lab2)" 0 "of which nothing is left"

ok "the network goes, with deaf processes and daemons" topo down lab
is "$(traces)" "$before" "nothing is left"

# ---- private folders -----------------------------------------------------------------------------

mkdir -m 1750 "$LANA_SCRATCH/var"
chown daemon "$LANA_SCRATCH/var"
write <<END
nodes:
  a:
    mounts: { $LANA_SCRATCH/var: private }
    processes:
      - "echo a >$LANA_SCRATCH/var/file; exec sleep 600 # topo_process_mark"
      - "until [ -s $LANA_SCRATCH/var/file ]; do sleep 0.05; done; mkdir $LANA_SCRATCH/var/found # topo_process_mark"
  b:
    mounts: { $LANA_SCRATCH/var: private }
  c:
links: [ a -- b ]
END
ok "nodes with folders of their own" topo up "$file"
found()
{
	in_node lab a test -d "$LANA_SCRATCH/var/found"
}
ok "what one program of a node makes there the next one sees" wait_for found
is "$(in_node lab b ls -A "$LANA_SCRATCH/var")$(ls -A "$LANA_SCRATCH/var")" "" "and nobody else"
is "$(in_node lab a stat -c '%U %a' "$LANA_SCRATCH/var")" "daemon 1750" "owner and mode are those of what it stands for"
sed -i '/^  a:/,/topo_process_mark"$/d; /found #/d; s/a -- b/b -- c/' "$file"
ok "a node goes" topo apply "$file"
is "$(find "$LANA_TOPO/lab/private" -name a)" "" "and its folder with it"
ok "the network goes" topo down lab
is "$(traces)" "$before" "nothing is left"
write <<END
nodes: { a: { mounts: { $LANA_SCRATCH/nothing: private }, processes: [ "true" ] } }
END
like "$(topo up "$file" 2>&1)" "cannot mount a private folder at .*/nothing: No such file" "there has to be what it stands for"
is "$(traces)" "$before" "nothing is left"

# ---- limits --------------------------------------------------------------------------------------

write <<'END'
nodes: { a: { limits: { cpu: 50%, memory: 100MB }, processes: [ "exec sleep 600 # topo_process_mark" ] } }
END
cgroup=$(findmnt -n -t cgroup2 -o TARGET | head -n 1)
if grep -qw cpu "$cgroup/cgroup.controllers" 2>/dev/null && grep -qw memory "$cgroup/cgroup.controllers"; then
	ok "a node with limits" topo up "$file"
	is "$(cat "$cgroup/lana.topo/lab/a/cpu.max")" "50000 100000" "of CPU time"
	is "$(cat "$cgroup/lana.topo/lab/a/memory.max")" 99999744 "of memory"
	is "$(cat "$cgroup/lana.topo/lab/a/cgroup.procs")" "$(process a sleep .pid)" "for its processes"
	sed -i 's/limits: {[^}]*}, //' "$file"
	ok "they go" topo apply "$file"
	write <<'END'
nodes: { a: { limits: { cpu: 40% }, processes: [ "exec sleep 600 # topo_process_mark" ] } }
END
	ok "and others come" topo apply "$file"
	is "$(cat "$cgroup/lana.topo/lab/a/cgroup.procs")" "$(process a sleep .pid)" "for the process, which begins anew"
	ok "it goes" topo down lab
	is "$(find "$cgroup" -maxdepth 1 -name lana.topo)" "" "without a trace"
else
	skip "cgroup v2 has no controllers cpu and memory here"
	like "$(topo up "$file" 2>&1)" "lab.yaml:1:25: a limit of cpu needs" "which is said where the file asks"
fi
is "$(traces)" "$before" "nothing is left"

# A group that is there is entered, whatever it limits.
write <<'END'
nodes: { a: { processes: [ { run: "unshare -n sleep 600 # topo_process_mark", name: gone } ] } }
END
group=$cgroup/lana.topo/lab/a
if [ -n "$cgroup" ] && mkdir -p "$group" 2>/dev/null; then
	ok "a program that leaves its node's namespace" topo up "$file"
	has_left()
	{
		pid=$(pgrep -fx 'sleep 600' | while read -r pid; do grep -qx "$pid" "$group/cgroup.procs" && echo "$pid"; done)
		[ -n "$pid" ] && ! topo exec lab a test "/proc/$pid/ns/net" -ef /proc/self/ns/net
	}
	ok "is in its group still" wait_for has_left
	ok "it goes all the same" topo down lab
	is "$(find "$cgroup" -maxdepth 1 -name lana.topo)" "" "without a trace"
else
	for _ in 1 2 3 4; do skip "no control groups v2 that can be written"; done
fi
is "$(traces)" "$before" "nothing is left"

done_testing
