#!/usr/bin/env python3
"""What one case in the virtual machine showed: judge.py MODEL CORES CONNECTIONS BYTES SERIAL_LOG SERVER_LOG prints
lines "WHAT<tab>GOT<tab>eq|ge<tab>WANTED" for run.sh to check, and lines for people."""
import json
import re
import sys

# Models whose RSS is Toeplitz by a key and table that can be set; those that put the hash into the mbuf.
PREDICTABLE = ("igb", "virtio-rss")
GIVES_HASH = ("igb",)
# What spate says when packets do not arrive where key and table say, or when there is no RSS to rely on.
SAYS_SO = "passed on in software"


def case_of(serial, cores):
    """The lines between "@case N" and "@exit CODE", the report in them, and the code."""
    lines, inside = [], False
    for line in open(serial, errors="replace"):
        line = line.rstrip("\r\n")
        if line == f"@case {cores}":
            inside = True
        elif inside and line.startswith("@exit "):
            return lines, int(line.split()[1])
        elif inside:
            lines.append(line)
    return lines, None


def json_of(lines):
    for line in lines:
        if line.startswith("{"):
            try:
                return json.loads(line)
            except ValueError:
                pass
    return None


def check(what, got, how, wanted):
    print(what, got, how, wanted, sep="\t")


def per_stack(stacks, name):
    return [int(stack.get(name, 0)) for stack in stacks]


def rehomed(stacks):
    """By reason, over all stacks, those that happened."""
    names = sorted({name for stack in stacks for name in stack if name.startswith("rehome.")})
    return {name[len("rehome."):]: sum(per_stack(stacks, name)) for name in names if sum(per_stack(stacks, name))}


def completed(report, server, connections, size):
    check("connections established", report["established"], "eq", connections)
    check("requests answered", report["responses"], "eq", connections)
    check("bytes compared", report["bytes_in"], "eq", connections * size)
    check("errors", report["errors"], "eq", 0)
    check("connections that the server took", server["accepted"], "eq", connections)
    check("bytes that the server echoed", server["bytes"], "eq", connections * size)


def predicted(stacks, given):
    packets = per_stack(stacks, "rx.packets")
    check("queues without packets", packets.count(0), "eq", 0)
    check("packets whose home was checked", sum(per_stack(stacks, "rss.checked")), "ge", sum(packets) * 9 // 10)
    check("mispredictions", sum(per_stack(stacks, "rehome.RSS")), "eq", 0)
    check("re-homed for any reason", sum(rehomed(stacks).values()), "eq", 0)
    check("hashes that are not ours", sum(per_stack(stacks, "rss.hash_wrong")), "eq", 0)
    if given:
        check("packets that brought a hash", sum(per_stack(stacks, "rss.hash_given")), "ge", sum(packets) * 9 // 10)


def main():
    model, cores, connections, size, serial, server_log = sys.argv[1:]
    lines, code = case_of(serial, cores)
    report, server = json_of(lines), json_of(open(server_log))
    check("exit code of spate", code, "eq", 0)
    if report is None or server is None:
        for line in lines[-20:]:
            print(re.sub(r"\s+", " ", line)[:200])
        check("reports", "absent", "eq", "there")
        return
    stacks = report["stacks"]
    check("stacks", len(stacks), "eq", int(cores))
    completed(report, server[str(7000 + int(cores))], int(connections), int(size))
    said = sum(SAYS_SO in line for line in lines)
    if model in PREDICTABLE:
        predicted(stacks, model in GIVES_HASH)
        check("complaints about RSS", said, "eq", 0)
    else:
        check("packets re-homed for want of RSS", rehomed(stacks).get("NO_RSS", 0), "ge", 1)
        check("sentences about it", said, "ge", 1)
    print(f"{model}, {cores} cores: {report['established']} connections; "
          f"packets per queue {per_stack(stacks, 'rx.packets')}, "
          f"{sum(per_stack(stacks, 'rss.hash_given'))} with a hash; "
          f"{sum(per_stack(stacks, 'rehome.RSS'))} mispredicted; re-homed {rehomed(stacks) or 'none'}; "
          f"{sum(per_stack(stacks, 'tcp.rtx_segs'))} retransmitted")


main()
