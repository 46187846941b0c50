#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# topo_schema.sh - the JSON Schema of topology files and lanactl topo validate agree
#
# A file that has every key is changed in one place at a time: each value becomes one of each type,
# each mapping gets a key more or one less. What the schema refuses, lanactl must refuse; and what it
# refuses for its form ("must be", "is not", ...), the schema must. All of that without privilege.
# shellcheck disable=SC2016,SC2317 # functions are called by ok; what is quoted is for other shells
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=selftests/topo_lib.sh
. "$LANA_TOP/selftests/topo_lib.sh"

[ -x "$LANACTL" ] || skip_all "$LANACTL is not built"
ok "docs/topology.schema.json is what lanactl topo schema prints" \
	cmp <(topo schema) "$LANA_TOP/docs/topology.schema.json"
python3 -c 'import jsonschema' 2>/dev/null || {
	skip "no python3-jsonschema"
	done_testing
}

output=$(python3 - "$LANACTL" "$LANA_TOP/docs/topology.schema.json" "$LANA_SCRATCH/t.json" <<'END'
import copy, json, re, subprocess, sys
import jsonschema

lanactl, schema, path = sys.argv[1:]
schema = json.load(open(schema))
jsonschema.Draft7Validator.check_schema(schema)
validator = jsonschema.Draft7Validator(schema)
whole = {
    "network": "lab", "routing": "shortest",
    "addressing": {"ipv4": "10.0.0.0/8", "ipv4-length": 24, "ipv6": "none"},
    "defaults": {"node": {"forwarding": True, "sysctls": {"net.core.somaxconn": 9}, "limits": {"cpu": "50%"}},
                 "link": {"mtu": 1500, "delay": "1ms"}},
    "nodes": {
        "a": {"forwarding": False, "addresses": ["192.0.2.1/32"],
              "interfaces": {"eth0": {"addresses": ["10.1.0.1/24"], "mac": "02:00:00:00:00:01", "mtu": 1400,
                                      "vlans": {"7": {"addresses": ["10.7.0.1/24"]}, "8": None}},
                             "up": {"device": "d", "netns": "n"}},
              "routes": ["10.9.0.0/16 via 10.1.0.2 dev eth0 metric 5", "blackhole 10.8.0.0/16"],
              "sysctls": {"net.ipv4.ip_default_ttl": 7}, "limits": {"cpu": "10%", "memory": "10MB"},
              "processes": ["true", {"run": ["a", "b"], "name": "p", "log": "l", "restart": "always"},
                            {"run": "x", "name": "q"}],
              "mounts": {"/etc/hosts": "hosts"}, "stack": "s.yaml"},
        "b": None, "c": {}},
    "links": ["a:eth0 -- b",
              {"ends": ["a", "b", "c"], "name": "l", "segment": True, "mtu": 1300, "rate": "1mbit",
               "queue": "red", "limit": "10pkt", "ecn": True, "ber": 1e-6, "seed": 7, "jitter": 0,
               "from": {"a": {"loss": "1%"}, "b": None}, "to": {"c": {"duplicate": "1%"}}}],
    "events": {"at 1s": "a reaches b", "at 1.5s": ["link l down", "heal"]},
}
FORM = re.compile(r"must be|is not |has no '|needs '|a key must")
values = [None, True, 5, -1, 1.5, "x y", "", "x", [], ["x"], {}, {"x": "y"}]

def places(node, path=()):
    yield path
    for key, value in (node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()):
        yield from places(value, path + (key,))

def put(path, change):
    changed = copy.deepcopy(whole)
    at = changed
    for key in path[:-1]:
        at = at[key]
    change(at, path[-1] if path else None)
    return changed

def variants():
    yield "as it is", whole
    for path in places(whole):
        if not path:
            continue
        name = "/".join(map(str, path))
        for value in values:
            yield f"{name} = {value!r}", put(path, lambda at, key: at.__setitem__(key, value))
        yield f"without {name}", put(path, lambda at, key: at.pop(key))
        at = whole
        for key in path:
            at = at[key]
        if isinstance(at, dict):
            yield f"{name} + a key", put(path, lambda at, key: at[key].__setitem__("no such", 1))

count = wrong = 0
for what, document in variants():
    json.dump(document, open(path, "w"))
    run = subprocess.run([lanactl, "topo", "validate", path], capture_output=True, text=True)
    errors = [error.message for error in validator.iter_errors(document)]
    count += 1
    if bool(errors) != (run.returncode != 0 and bool(errors or FORM.search(run.stderr))):
        wrong += 1
        print(f"{what}: schema says {errors[:1]}, lanactl {run.stderr.strip() or 'fine'}")
print(f"{count} variants, {wrong} wrong")
END
)
like "$output" "^[0-9]{3,} variants, 0 wrong$" "they agree" || note "$output"
note "$(tail -n 1 <<<"$output")"

done_testing
