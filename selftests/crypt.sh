#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# crypt.sh - encrypted links that carry traffic, keys that change meanwhile, and where keys are not
# to be seen
#
#              near                                       far
#   +--------------------------+               +--------------------------+
#   | plain0 === lana0   wire0 |---------------| wire0   lana0 === plain0 |
#   +--------------------------+               +--------------------------+
#    10.9.0.1                                                     10.9.0.2
# shellcheck disable=SC2317 # functions are called by ok
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

[ -x "$LANACTL" ] || skip_all "$LANACTL is not built"
bpftool btf dump file /sys/kernel/btf/vmlinux 2>/dev/null | grep -q "'bpf_crypto_encrypt'" ||
	skip_all "the kernel does not offer its crypto to BPF"

topo_netns near
topo_netns far
topo_veth near wire0 far wire0
topo_veth near plain0 near lana0 10.9.0.1/24
topo_veth far plain0 far lana0 10.9.0.2/24
must ip -n near link set plain0 mtu 1454
must ip -n far link set plain0 mtu 1454

key=$LANA_SCRATCH/k
for name in 1 2 3; do
	(umask 077 && head -c 32 /dev/urandom >"$key$name")
done
[ "${#key}" -lt 46 ] || bail "$key is too long a name"

# end STACK HOOK SIDE: seal and open
end()
{
	cat >"$LANA_SCRATCH/$1.yaml" <<-EOS
		hooks: { lana0: { hook: $2 }, wire0: { hook: $2 } }
		blocks:
		  seal: { type: crypt, mode: encrypt, side: $3, key: ${key}1 }
		  open: { type: crypt, mode: decrypt, side: $3, key: ${key}1 }
		bind:
		  - lana0 -> seal -> wire0
		  - wire0 -> open -> lana0
	EOS
	must lana -s "$1" -n "$1" apply "$LANA_SCRATCH/$1.yaml" >/dev/null
}

# answers [SIZE]: the far end does
answers()
{
	topo_exec near ping -q -c 3 -i 0.05 -W 2 -M 'do' -s "${1-56}" 10.9.0.2
}

silent()
{
	! topo_exec near ping -q -c 3 -i 0.05 -W 1 10.9.0.2
}

# carries: a TCP stream
carries()
{
	topo_exec far setpriv --pdeathsig KILL iperf3 -s -1 >/dev/null 2>&1 &
	lib_jobs+=("$!")
	wait_for topo_exec far sh -c 'ss -tlnH | grep -q :5201' || return 1
	topo_exec near iperf3 -c 10.9.0.2 -n 2M --connect-timeout 2000 >/dev/null
}

# carries_file: in small segments, of which the receiving kernel joins several; iperf3 may end before
# all is there
carries_file()
{
	local size

	head -c 400000 /dev/urandom >"$LANA_SCRATCH/sent"
	rm -f "$LANA_SCRATCH/received"
	topo_exec far setpriv --pdeathsig KILL iperf3 -s -1 -F "$LANA_SCRATCH/received" >/dev/null 2>&1 &
	lib_jobs+=("$!")
	wait_for topo_exec far sh -c 'ss -tlnH | grep -q :5201' || return 1
	topo_exec near iperf3 -c 10.9.0.2 -N -l 100 -F "$LANA_SCRATCH/sent" \
		--connect-timeout 2000 >/dev/null || return 1
	wait "$!"
	size=$(stat -c %s "$LANA_SCRATCH/received")
	[ "$size" -gt 20000 ] && cmp -n "$size" "$LANA_SCRATCH/sent" "$LANA_SCRATCH/received"
}

# lost STACK: what it did not take, and why
lost()
{
	lana -s "$1" -j stats | jq -r '.stats[] | (.drops + .unbound) | keys[]'
}

# count STACK BLOCK COUNTER
count()
{
	lana -s "$1" -j stats "$2" | jq "[.stats[].counters.$3] | add"
}

# ---- traffic ---------------------------------------------------------------------------------------

for hook in xdp skb tc; do
	end near $hook a
	end far $hook b
	ok "$hook: packets pass" answers
	ok "$hook: of 1 byte" answers 0
	ok "$hook: and of all that fits" answers 1426
	ok "$hook: TCP" carries
	ok "$hook: TCP of small segments, byte for byte" carries_file
	is "$(lost near)$(lost far)" "" "$hook: nothing is dropped"
	must lana -s far set open "key=${key}2"
	ok "$hook: with another key at the far end nothing passes" silent
	is "$(count far open unknown)" 3 "$hook: which is counted"
	must lana -s near flush
	must lana -s far flush
done

# ---- changes under load ----------------------------------------------------------------------------

# rotate: give both ends another key, in three steps, and replace code and sides' options between
rotate()
{
	local old=$1 new=$2 stack

	for stack in near far; do
		lana -s $stack set open "also=$key$new" || return 1
	done
	for stack in near far; do
		lana -s $stack set seal "key=$key$new" || return 1
		lana -s $stack replace seal crypt || return 1
	done
	for stack in near far; do
		lana -s $stack set open "key=$key$new" "also=$key$old" || return 1
		lana -s $stack replace open crypt || return 1
	done
	for stack in near far; do
		lana -s $stack set open also= || return 1
	done
}

end near xdp a
end far xdp b
topo_offload far plain0 gro on
lana -n far -j sink plain0 count 4000 time 20s >"$LANA_SCRATCH/sink" &
lib_jobs+=("$!")
sink=$!
wait_for topo_exec far sh -c 'ip -d link show plain0 | grep -q xdp'
lana -n near -j gen plain0 'eth ip4(dst=10.9.0.2) udp payload(200)' stamp count 4000 rate 1kpps \
	>"$LANA_SCRATCH/gen" &
gen=$!
lib_jobs+=("$gen")
rotations=0 failed=0
while kill -0 "$gen" 2>/dev/null; do
	rotate $((1 + rotations % 3)) $((1 + (rotations + 1) % 3)) || failed=1
	rotations=$((rotations + 1))
done
wait "$gen" "$sink"
is "$failed" 0 "keys are changed while packets pass"
note "$rotations times"
is "$(jq -c '.streams[0] | [.received, .lost, .duplicated, .reordered]' "$LANA_SCRATCH/sink")" \
	'[4000,0,0,0]' "no packet is lost, doubled or overtaken"
is "$(lost near)$(lost far)" "" "nor dropped"
must lana -s near flush
must lana -s far flush

# ---- a device of its own kernel --------------------------------------------------------------------

# direct STACK SIDE: what the kernel sends by wire0 is encrypted, what comes by it decrypted
direct()
{
	lana -s "$1" -n "$1" apply - <<-EOS >/dev/null
		hooks: { wire0: { hook: tc } }
		blocks:
		  c: { type: crypt, side: $2, key: ${key}1 }
		  kernel: pass
		bind:
		  - wire0 -> c -> kernel
		  - wire0 <- c <- wire0
	EOS
}

must ip -n near address del 10.9.0.1/24 dev plain0
must ip -n far address del 10.9.0.2/24 dev plain0
must ip -n near address add 10.9.0.1/24 dev wire0
must ip -n far address add 10.9.0.2/24 dev wire0
for netns in near far; do
	must ip -n $netns route change 10.9.0.0/24 dev wire0 mtu 1454
done
must direct near a
must direct far b
ok "link: one block encrypts what the kernel sends and decrypts what it gets" answers
ok "link: large ones too" answers 1426
topo_exec near timeout 1 bash -c 'echo >/dev/tcp/10.9.0.2/9' 2>/dev/null
ok "link: TCP, whose checksums are not finished there, is counted" \
	[ "$(count near c unfinished)" -gt 0 ]

# ---- where keys are not ------------------------------------------------------------------------------

# told: all that lanactl says of a stack
told()
{
	lana -s near -j show
	lana -s near show c
	lana -s near show keys c
	lana -s near -j show keys c
	lana -s near get c
	lana -s near export
	lana -s near stats
	lana -s near types crypt
	lana -s near diff "$LANA_SCRATCH/export"
	lana -s near apply "$LANA_SCRATCH/export" dry-run
	lana -s near set c "key=$LANA_SCRATCH/open"
	lana -s near set c "key=$LANA_SCRATCH/cut"
	cat "$LANA_SCRATCH/monitor"
}

background "$LANACTL" -s near monitor >"$LANA_SCRATCH/monitor" 2>&1
monitor=$!
sleep 0.2
lana -s near set c "also=${key}3"
lana -s near export >"$LANA_SCRATCH/export"
(umask 022 && cat "${key}1" >"$LANA_SCRATCH/open")
(umask 077 && head -c 31 "${key}1" >"$LANA_SCRATCH/cut")
refused "a key that others may read is refused" lana -s near set c "key=$LANA_SCRATCH/open"
refused "and one that is too short" lana -s near set c "key=$LANA_SCRATCH/cut"
wait_for grep -q also= "$LANA_SCRATCH/monitor"
told >"$LANA_SCRATCH/told" 2>&1
kill "$monitor"
hex=$(od -An -tx1 "${key}1" | tr -d ' \n')
base64=$(base64 -w 0 "${key}1")
ok "something was told" grep -q "${key}3" "$LANA_SCRATCH/told"
ok "the fingerprint, too" grep -Eq '^key +[0-9a-f]{16} ' "$LANA_SCRATCH/told"
is "$(tr -d ' :,' <"$LANA_SCRATCH/told" | grep -cE "${hex:0:12}|${hex:20:12}|${base64:0:8}")" 0 \
	"nothing of a key"

(umask 077 && head -c 32 /dev/urandom >"${key}1")
like "$(lana -s near diff "$LANA_SCRATCH/export")" 'key=' "a key file that was changed is noticed"
must lana -s near apply "$LANA_SCRATCH/export" >/dev/null
is "$(lana -s near diff "$LANA_SCRATCH/export")" "" "and applied"
ok "then the far end hears nothing" silent
must lana -s far set c "key=${key}1"
ok "until it has that key" answers

# What crypt has on its stack is in nobody's way: "ether proto" reads the packet's type to there.
must lana -s near add proto filter 'expr=ether proto 0x800'
must lana -s near add n counter
must lana -s near bind proto c port replayed ingress
must lana -s near bind n proto ingress
must lana -s near fuse
is "$(lana -s near -j show proto | jq -c '.blocks[].programs.ingress')" '["c"]' \
	"a filter behind it is in its program"
must lana -s near flush
must lana -s far flush

ok "examples/link.sh runs" "$LANA_TOP/examples/link.sh"

done_testing
