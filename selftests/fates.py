# SPDX-License-Identifier: GPL-2.0-only
#
# fates.py tcp|header BEFORE BEHIND IFINDEX... - what has become of each packet at block reorder
#
# BEFORE is a capture of the devices by which packets came to the block, all in one (tcpdump -i any,
# LINUX_SLL2), in the order in which they came; the devices are paths 1, 2 and so on. BEHIND is one
# of what left, with Ethernet headers. Both hold one direction. JSON says how they compare.
#
# A model of docs/reorder.md goes through BEFORE and tells what leaves, in which order, and what is
# dropped. It knows no halves and no clock, but that a flow is young for 100 ms: a packet leaves if
# it begins at what is expected or before it, and waits if it begins behind; a gap is given up when
# each path that the flow has taken so far has brought something from behind it. So it is right
# where nothing runs into a time-out (timer=none, hold=100ms), where there is room, and where all
# paths have something among any 256 KB (or 256 numbers) of a flow. What is without place in the
# order (pure ACKs) has to leave as well, anywhere.
#
# What leaves is looked at by itself, too, whatever the options are: who begins behind all that has
# left has passed something that was given up; who ends within it is late.
import collections
import hashlib
import json
import struct
import sys

HOLD = 0.1  # seconds
HEADER, TCP = 253, 6
FIN, SYN, RST = 1, 2, 4
OUTGOING = 4  # PACKET_OUTGOING

Packet = collections.namedtuple("Packet", "time path flow seq end syn pathless what path_number")


def distance(a, b):
    return (a - b + 2**31) % 2**32 - 2**31


# ---- captures ------------------------------------------------------------------------------------


def frames(file):
    """Time and bytes of each packet of a capture (pcap, as tcpdump writes it)."""
    data = open(file, "rb").read()
    units = {0xA1B2C3D4: 1e6, 0xA1B23C4D: 1e9}[struct.unpack_from("<I", data)[0]]
    at = 24
    while at + 16 <= len(data):
        seconds, parts, size, length = struct.unpack_from("<IIII", data, at)
        if size != length:
            sys.exit("%s: a packet was cut" % file)
        yield seconds + parts / units, data[at + 16 : at + 16 + size]
        at += 16 + size


def read(numbered, time, path, ip):
    """An IPv4 packet. What it carries is told by what does not change when a header goes."""
    ihl, length = (ip[0] & 15) * 4, struct.unpack_from(">H", ip, 2)[0]
    protocol, body, number = ip[9], ip[ihl:length], None
    if protocol == HEADER:
        number, path_number, header_path, protocol = struct.unpack_from(">IHBB", body)
        body = body[8:]
        if path and header_path != path:
            sys.exit("path %d says that it is %d" % (path, header_path))
    what = hashlib.sha256(bytes([ip[1], protocol]) + ip[4:9] + ip[12:20] + body).digest()
    if numbered and number is not None:
        flow, seq, end = ip[12:20], number, number + 1
        return Packet(time, path, flow, seq, end % 2**32, False, False, what, path_number)
    if numbered or protocol != TCP:
        return Packet(time, path, None, 0, 0, False, True, what, None)
    seq, flags = struct.unpack_from(">I", body, 4)[0], body[13]
    end = seq + len(body) - (body[12] >> 4) * 4 + bool(flags & SYN) + bool(flags & FIN)
    return Packet(
        time,
        path,
        ip[12:20] + body[:4],
        seq,
        end % 2**32,
        bool(flags & SYN),
        end == seq and not flags & RST,
        what,
        None,
    )


def before(numbered, file, devices):
    for time, frame in frames(file):
        protocol, ifindex, kind = struct.unpack_from(">H2xI2xB", frame)
        if protocol == 0x800 and kind != OUTGOING:
            yield read(numbered, time, devices[ifindex], frame[20:])


def behind(numbered, file):
    for time, frame in frames(file):
        if frame[12:14] == b"\x08\0":
            yield read(numbered, time, 0, frame[14:])


# ---- the model -----------------------------------------------------------------------------------


class Flow:
    def __init__(self):
        self.expected = None
        self.waiting = []  # in their order
        self.passed = {}  # by path: the number behind what it has brought
        self.begun = 0


class Model:
    def __init__(self, numbered):
        self.numbered = numbered
        self.flows = collections.defaultdict(Flow)
        self.left = collections.defaultdict(list)  # by flow
        self.has_left = set()
        self.trips = {}
        self.counts = collections.Counter()

    def leave(self, flow, packet):
        if distance(packet.end, flow.expected) > 0:
            flow.expected = packet.end
        self.left[packet.flow].append(packet.what)
        self.has_left.add((packet.flow, packet.seq))

    def let_out(self, flow):
        while flow.waiting and distance(flow.waiting[0].seq, flow.expected) <= 0:
            packet = flow.waiting.pop(0)
            if distance(packet.end, flow.expected) <= 0 and packet.seq != packet.end:
                self.counts["duplicates"] += 1  # another has brought all of it meanwhile
            else:
                self.leave(flow, packet)

    def begin(self, flow, packet):
        while flow.waiting:
            flow.expected = flow.waiting[0].seq
            self.let_out(flow)
        flow.expected = packet.end
        flow.passed = {}
        flow.begun = packet.time
        self.leave(flow, packet)

    def wait(self, flow, packet):
        for other in flow.waiting:
            if (
                packet.seq != packet.end
                and distance(packet.seq, other.seq) >= 0
                and distance(packet.end, other.end) <= 0
            ):
                self.counts["duplicates"] += 1
                return
        self.counts["openings"] += not flow.waiting
        self.counts["held"] += 1
        flow.waiting.append(packet)
        flow.waiting.sort(key=lambda other: distance(other.seq, flow.expected))

    def go(self, flow, packet):
        if packet.seq != packet.end and distance(packet.end, flow.expected) <= 0:
            if self.numbered and (packet.flow, packet.seq) in self.has_left:
                self.counts["duplicates"] += 1
                return
            self.counts["late"] += 1
        elif flow.waiting and distance(packet.end, flow.expected) > 0:
            self.counts["filled"] += 1
        self.leave(flow, packet)
        self.let_out(flow)

    def is_lost(self, flow):
        return flow.waiting and all(
            distance(end, flow.expected) > 0 for end in flow.passed.values()
        )

    def note_trip(self, packet):
        trip = (packet.flow, packet.path)
        missing = (packet.path_number - self.trips.get(trip, packet.path_number)) % 2**16
        if missing < 2**15:
            self.counts["path_lost"] += missing
            self.trips[trip] = packet.path_number + 1

    def take(self, packet):
        if packet.pathless:
            return
        flow = self.flows[packet.flow]
        if packet.path_number is not None:
            self.note_trip(packet)
        if packet.syn or flow.expected is None:
            self.begin(flow, packet)
        elif distance(packet.seq, flow.expected) > 0:
            self.wait(flow, packet)
        else:
            self.go(flow, packet)
        high = flow.passed.get(packet.path, packet.end)
        flow.passed[packet.path] = max(high, packet.end, key=lambda end: distance(end, high))
        while packet.time >= flow.begun + HOLD and self.is_lost(flow):
            self.counts["lost"] += 1
            flow.expected = flow.waiting[0].seq
            self.let_out(flow)


# ---- what left -----------------------------------------------------------------------------------


def look(packets):
    """How often something is passed by, and how many are late."""
    highs, seen = {}, collections.Counter()
    for packet in packets:
        high = highs.get(packet.flow)
        if packet.pathless:
            continue
        if high is None or packet.syn:
            highs[packet.flow] = packet.end
            continue
        seen["passed"] += distance(packet.seq, high) > 0
        seen["late"] += distance(packet.end, high) <= 0 and packet.seq != packet.end
        if distance(packet.end, high) > 0:
            highs[packet.flow] = packet.end
    return {name: seen[name] for name in ("passed", "late")}


def main(kind, first, second, *indices):
    numbered = kind == "header"
    devices = {int(index): path + 1 for path, index in enumerate(indices)}
    came = list(before(numbered, first, devices))
    left = list(behind(numbered, second))
    model = Model(numbered)
    for packet in came:
        model.take(packet)
    # Where the header has been taken off, numbers are found again by what they were on.
    of = {packet.what: packet for packet in came}
    left = [of.get(packet.what, packet) for packet in left]
    order = collections.defaultdict(list)
    for packet in left:
        if not packet.pathless:
            order[packet.flow].append(packet.what)
    came_often = collections.Counter(packet.what for packet in came)
    left_often = collections.Counter(packet.what for packet in left)
    wrong = {
        flow: next((i for i, pair in enumerate(zip(a, b)) if pair[0] != pair[1]), len(a))
        for flow, a, b in ((flow, model.left[flow], order[flow]) for flow in {*model.left, *order})
        if a != b
    }
    names = ("openings", "held", "filled", "late", "lost", "duplicates", "path_lost")
    print(
        json.dumps(
            {
                "flows": len(model.flows),
                "came": len(came),
                "left": len(left),
                "made_up": sum((left_often - came_often).values()),
                "missing": sum((came_often - left_often).values()),
                "in_order": not wrong,
                "differs_at": list(wrong.values()),
                "model": {name: model.counts[name] for name in names},
                "seen": look(left),
            }
        )
    )


main(*sys.argv[1:])
