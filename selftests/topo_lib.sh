# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# topo_lib.sh - what tests of lanactl topo share; read behind lib.sh
#
# Networks are noted in the run's own folder, so that none of others are met.
export LANA_TOPO=$LANA_SCRATCH/topo

command -v jq >/dev/null || skip_all "no jq"

topo()
{
	lana topo "$@"
}

# in_node NETWORK NODE COMMAND...
in_node()
{
	lana topo exec "$@"
}

# reaches NETWORK NODE ADDRESS: one echo comes back
reaches()
{
	in_node "$1" "$2" ping -n -c 1 -W 2 "$3"
}

# lost: how many of the echoes that a ping(8) on standard input has told of did not come back
lost()
{
	sed -n 's/^\([0-9]*\) packets transmitted, \([0-9]*\) received.*/\1 \2/p' |
		{ read -r sent got && echo $((sent - got)); }
}

# show NETWORK FILTER: what the jq filter makes of it
topo_show()
{
	lana -j topo show "$1" | jq -r "$2"
}

# topo_links FOLDER: for networks whose links have properties, a folder of their files, $folder
topo_links()
{
	export LANA_HALVES=$LANA_BUILD/user
	[ -e "$LANA_TYPES/link.bpf.o" ] || skip_all "blocks are not built"
	[ -e "$LANA_HALVES/link.so" ] || skip_all "the links' half in user space is not built"
	folder=$LANA_SCRATCH/$1-$$
	must mkdir "$folder"
	topo_mark=$1-$$/ # keepers and workers are called as the command that started them
}

# our: of the processes on standard input, those of this run, which have it in their environment
our()
{
	local pid

	while read -r pid; do
		! grep -qzx "LANA_TEST_PID=$$" "/proc/$pid/environ" 2>/dev/null || echo "$pid"
	done
}

# traces: what networks leave in the system: namespaces, mounts, files, devices, processes of mark
traces()
{
	ip netns list | sed 's/^/netns /'
	grep -F "$LANA_TOPO/" /proc/self/mountinfo | awk '{ print "mount", $5 }'
	find "$LANA_TOPO" -mindepth 1 2>/dev/null | sed 's/^/file /'
	ip -o link show | awk '{ print "device", $2 }'
	pgrep -f "${topo_mark:-no-such-mark}" | our | sed 's/^/process /'
	true
}
