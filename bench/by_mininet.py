# SPDX-License-Identifier: GPL-2.0-only
#
# by_mininet.py LINKS RESULT - a network of mininet's hosts and veths between them, for bench_topo
#
# LINKS has two names a line. RESULT gets the seconds that it took up and down, and MemAvailable
# (KB) while it was up. No switches and no addresses: namespaces and veths, as the others make.
import sys
import time

import mininet.net

# The sysctls of the machine that it would raise are not a benchmark's to change.
mininet.net.fixLimits = lambda: None


def available():
    with open("/proc/meminfo") as file:
        return next(line.split()[1] for line in file if line.startswith("MemAvailable:"))


net = mininet.net.Mininet(controller=None)
hosts = {}
begin = time.monotonic()
with open(sys.argv[1]) as links:
    for link in links:
        for name in link.split():
            if name not in hosts:
                hosts[name] = net.addHost("h%d" % len(hosts), ip=None)
        net.addLink(*[hosts[name] for name in link.split()])
net.build()
up = time.monotonic() - begin
left = available()
begin = time.monotonic()
net.stop()
with open(sys.argv[2], "w") as result:
    print(up, time.monotonic() - begin, left, file=result)
