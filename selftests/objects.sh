#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# objects.sh - broken and hostile object files are refused with a reason, or loaded; nothing breaks
#
# Blocks of selftests/blocks/hostile_*.bpf.c, and objects made from good ones: cut short, without
# BTF, with a descriptor that lies, with each word overwritten in turn, with bytes changed at random
# (OBJECTS_CHANGED objects, 1000 if not set; OBJECTS_SEED repeats a run). Whatever is loaded of the last kind is put to use as
# well. lanactl must end with status 0 or 1, never by a signal, and the stack is sound after it.
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

[ -x "$LANACTL" ] || skip_all "$LANACTL is not built"
command -v perl >/dev/null || skip_all "no perl"
command -v jq >/dev/null || skip_all "no jq"
command -v llvm-objcopy >/dev/null || skip_all "no llvm-objcopy"

hostile=$LANA_BUILD/selftests/blocks
good=$LANA_TYPES/ttl.bpf.o
bad=$LANA_SCRATCH/bad.bpf.o
copy=(llvm-objcopy)

state()
{
	lana -j show 2>&1
	lana -j types 2>&1
}

# refused_object DESCRIPTION PATTERN [FILE]: loading it fails with one line like that, nothing changes
refused_object()
{
	local description=$1 pattern=$2 file=${3-$bad} before output status wrong=

	before=$(state)
	output=$(lana load "$file" 2>&1)
	status=$?
	[ "$status" -eq 1 ] || wrong+="status $status; "
	[ "$(wc -l <<<"$output")" -eq 1 ] || wrong+="not one line; "
	[[ $output =~ $pattern ]] || wrong+="it said: $output; "
	[ "$before" = "$(state)" ] || wrong+="the stack changed; "
	is "$wrong" '' "$description"
}

# with_section NAME PERL: the good object, with the bytes of a section changed
with_section()
{
	rm -f "$bad"
	must "${copy[@]}" --dump-section "$1=$LANA_SCRATCH/section" "$good" "$bad"
	must perl -0777 -pi -e "$2" "$LANA_SCRATCH/section"
	must "${copy[@]}" --update-section "$1=$LANA_SCRATCH/section" "$good" "$bad"
}

topo_netns middle
topo_veth middle d0 middle d1
must lana -n middle vlink hook d0
must lana add there counter
must lana bind there d0

# ---- not what it should be -------------------------------------------------------------------------

: >"$bad"
refused_object "an empty file" 'not a BPF object file'
printf '\177ELF' >"$bad"
refused_object "four bytes of ELF" 'not a BPF object file'
echo 'int main(void) { return 0; }' >"$bad"
refused_object "a source" 'not a BPF object file'
refused_object "an object of C" 'not a BPF object file' "$LANA_BUILD/selftests/tap.o"
cp "$LANACTL" "$bad"
refused_object "a program" 'not a BPF object file'
head -c 20000000 /dev/zero >"$bad"
refused_object "a file of 20 MB" 'not an object file'
head -c 100000 /dev/urandom >"$bad"
refused_object "noise" 'not a BPF object file'
refused_object "a BPF object that is no block" 'LANA_BLOCK' "$LANA_BUILD/selftests/relay.bpf.o"
refused_object "a folder" 'not an object file' "$LANA_TYPES/"

# ---- blocks that are refused -----------------------------------------------------------------------

while read -r name pattern; do
	refused_object "hostile_$name" "$pattern" "$hostile/hostile_$name.bpf.o"
done <<'END'
read the kernel refuses type 'hostile_read': .*outside of the packet
loop the kernel refuses type 'hostile_loop': .
ports 17 ports, at most 16
config is 1000 bytes, at most 128
option field 2 of struct hostile_option_config
bits field 1 of struct hostile_bits_config
counter counter 'small' .* is not a __u64
event publishes and declares no events
echo the event function of type 'hostile_echo' publishes
ear the kernel refuses type 'hostile_ear': .
global keeps state in
large map 'large' would take more than half of the memory
END

# ---- good ones, made worse -------------------------------------------------------------------------

"${copy[@]}" -R .BTF -R .rel.BTF -R .BTF.ext -R .rel.BTF.ext "$good" "$bad"
refused_object "no BTF" 'BTF'
llvm-strip -o "$bad" "$good"
refused_object "no symbols" 'not a BPF object file|no symbols'
"${copy[@]}" --rename-section .rodata.lana=.rodata.nana "$good" "$bad"
refused_object "no descriptor" 'not a BPF object file|LANA_BLOCK|BTF'
with_section .BTF 's/.*/x/s'
refused_object "BTF of one byte" 'BTF'
# shellcheck disable=SC2016 # perl's
with_section .BTF 'substr($_, 0, 2) = "\x9f\xea"'
refused_object "a wrong magic in the BTF" 'BTF'
# shellcheck disable=SC2016 # perl's
with_section xdp.frags 'substr($_, -8, 1) = "\x18"'
refused_object "a program that ends in half an instruction" 'half an instruction'
with_section license 's/GPL/BSD/'
ok "a licence that is not GPL is loaded or refused" [ "$(lana load "$bad" >/dev/null 2>&1; echo $?)" -lt 2 ]

while IFS='|' read -r description code pattern; do
	with_section .rodata.lana "$code"
	refused_object "$description" "$pattern"
done <<'END'
of ABI 0|substr($_, 0, 4) = pack "V", 0|ABI 0
of a later ABI|substr($_, 0, 4) = pack "V", 99|ABI 99
of the last ABI|substr($_, 0, 4) = pack "V", ~0 & 0xffffffff|ABI 4294967295
an empty name|s/ttl\0/\0\0\0\0/|identifier
a name without an end|s/ttl\0{29}/"a" x 32/e|identifier
a path as a name|s/ttl\0{3}/..\/ttl/|identifier
a name with an escape|s/ttl\0/t\e[\0/|identifier
a name with an @|s/ttl\0/t\@1\0/|identifier
a name that no program has|s/ttl\0/tto\0/|type 'tto'
a descriptor cut short|$_ = substr $_, 0, 20|beyond its section
END

# ---- many ------------------------------------------------------------------------------------------

# What is common to the next two: perl runs lanactl again and again, and tells what went wrong.
many()
{
	perl -e '
		use strict; use warnings;
		our ($lanactl, $bad, $wrong, %ends) = (shift, shift, 0);

		sub lanactl {
			my $pid = fork() // die "fork: $!";
			if (!$pid) {
				open STDOUT, ">", "/dev/null"; open STDERR, ">&STDOUT";
				alarm 60;
				exec $lanactl, @_; exit 127;
			}
			waitpid $pid, 0;
			return $? & 127 ? -($? & 127) : $? >> 8;
		}
		sub complain {
			print "# @_\n";
			$wrong++;
		}
		sub run {
			my ($what, @words) = @_;
			my $end = lanactl(@words);
			$ends{$words[0]}{$end}++;
			return $end if $end == 0 || $end == 1;
			complain("$what: lanactl @words ended with $end");
			rename $bad, "$bad.$wrong";
			return $end;
		}
		sub slurp {
			open my $file, "<:raw", shift or die; local $/; return <$file>;
		}
		sub spew {
			open my $file, ">:raw", $bad or die; print $file @_; close $file;
		}
		END {
			for my $command (sort keys %ends) {
				print "# $command: ", join(", ", map { "$ends{$command}{$_} times status $_" }
					sort keys %{$ends{$command}}), "\n";
			}
			$? = $wrong > 0;
		}
	'"$1" "$LANACTL" "$bad" "${@:2}"
}

# run_many DESCRIPTION PERL ARGUMENT...
run_many()
{
	local description=$1

	shift
	many "$@"
	tap_result $? "$description"
}

# shellcheck disable=SC2016 # perl's
run_many "cut short anywhere" '
	my $whole = slurp($ARGV[0]);
	for (my $length = 0; $length < length $whole; $length += 37) {
		spew(substr $whole, 0, $length);
		complain("cut at $length is taken") if run("cut at $length", "load", $bad) == 0;
	}' "$good"
ok "the stack is sound" lana check

# Sizes, offsets, indices: all of them as wrong as can be. What is code or text may be taken.
# shellcheck disable=SC2016 # perl's
run_many "each word overwritten" '
	my $whole = slurp($ARGV[0]);
	for (my $at = 0; $at + 4 <= length $whole; $at += 4) {
		my $bytes = $whole;
		substr($bytes, $at, 4) = "\xff" x 4;
		spew($bytes);
		run("overwritten at $at", "load", $bad);
	}' "$good"
ok "the stack is sound" lana check

: "${OBJECTS_CHANGED:=300}" "${OBJECTS_SEED:=$RANDOM}"
note "OBJECTS_SEED=$OBJECTS_SEED OBJECTS_CHANGED=$OBJECTS_CHANGED"
# shellcheck disable=SC2016 # perl's
run_many "changed anywhere" '
	my ($seed, $count, @files) = @ARGV;
	srand $seed;
	for my $i (1 .. $count) {
		my $file = $files[rand @files];
		my ($type) = $file =~ m{([^/]+)\.bpf\.o$};
		my $bytes = slurp($file);
		for (0 .. rand(4) ** 2) {
			my $how = rand 3;
			my $with = $how < 1 ? chr rand 256 : $how < 2 ? "\xff" : "\0";
			substr($bytes, rand length $bytes, 1) = $with;
		}
		spew($bytes);
		next if run("object $i", "load", $bad);
		next if run("object $i", "add", "new", $type);
		run("object $i", "bind", "new", "there");
		run("object $i", "set", "new", "value=1");
		run("object $i", "replace", "there", $type, "drop-state");
		run("object $i", "replace", "there", "counter", "drop-state");
		run("object $i", "types");
		run("object $i", "stats");
		run("object $i", "unbind", "new", "there");
		run("object $i", "rm", "new");
		run("object $i", "check") and complain("object $i: the stack is not sound");
	}' "$OBJECTS_SEED" "$OBJECTS_CHANGED" "$LANA_TYPES"/*.bpf.o "$hostile"/*.bpf.o

ok "the stack is sound" lana check
is "$(lana -j show there | jq -r '.blocks[].type')" counter "what was there is there"
ok "it is flushed" lana flush
ok "no pin is left" [ ! -e "$LANA_BPFFS/lana" ]
done_testing
