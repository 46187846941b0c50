#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# call_keys.sh - keys on a terminal, and a command that is typed there, undisturbed
#
# The topology is in call_lib.sh; the left end has a terminal of its own.
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=selftests/call_lib.sh
. "$(dirname "$0")/call_lib.sh"
command -v python3 >/dev/null || skip_all "no python3"

call_right keys --json --interval 0 --in silence --out none
wait_for [ -p right.fifo ] || bail "no lana-call"
timeout -k 1 30 setpriv --pdeathsig KILL python3 - "$CALL" -s left -n left --below l0 --interval 0.1 --in silence \
	--out none $right >verdicts 2>&1 <<'PYTHON'
import os, pty, re, select, sys, termios, time

END = time.monotonic() + 20
pid, terminal = pty.fork()
if not pid:
    os.execv(sys.argv[1], sys.argv[1:])
shown = ""


def read(seconds):
    """What is shown within that time."""
    global shown
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        if select.select([terminal], [], [], left)[0]:
            try:
                shown += os.read(terminal, 4096).decode()
            except OSError:
                return


def wait(pattern):
    """Until it is shown; what was shown up to its end is taken away."""
    global shown
    while not (match := re.search(pattern, shown)):
        if time.monotonic() > END:
            sys.exit("not shown: %r, but %r" % (pattern, shown))
        read(0.02)
    shown = shown[match.end():]


def press(keys):
    os.write(terminal, keys.encode())


def say(what, good):
    print("%d %s" % (not good, what), flush=True)


STATS = "talking[^\\n]*received"
wait(STATS)
press(":")
wait(":")
press("mute ofx")
wait("mute ofx")
read(0.6)
say("nothing is printed while a command is typed", not shown)
press("\x7f\x1b[Df\n")
wait("mute off: done in")
say("it can be corrected, and is carried out", True)
wait(STATS)
say("then statistics are printed again", True)
press(":insert f1 forward")
wait("insert f1 forward")
press("\x1b")
wait(STATS)
say("Esc cancels a command", "done in" not in shown)
press("f")
wait("insert forward forward: done in")
say("and keys are keys again", True)
press(":\x15stats\n")
wait("stats: done in")
press("q")
wait("after [0-9.]+ s")
say("the last of which hangs up", os.waitpid(pid, 0)[1] == 0)
PYTHON
status=$?
while read -r failed what; do
	tap_result "$failed" "$what" || note "$(tail -n 1 verdicts)"
done < <(grep '^[01] ' verdicts)
is "$status $(grep -c '^[01] ' verdicts)" "0 6" "all of it was tried" || note "$(<verdicts)"
is "$(lanactl_left -j show | jq -r '[.blocks[].name] | join(" ")')" l0 "nothing was left"
done_testing
