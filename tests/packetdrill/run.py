#!/usr/bin/env python3
"""Runs packetdrill's public scripts against spate and says by group which pass.

    tests/packetdrill/run.py --packetdrill PROGRAM --so BUILD/lib/packetdrill/libspate-packetdrill.so FOLDER...

The scripts were written for kernels. What a script tells its kernel in shell commands is taken out before it runs, and
looked at: sysctls that ask for what spate does anyway are fine, others become settings of spate (rules.py), and a script
that needs something else is "not applicable", with the reason. FreeBSD's scripts are translated to this packetdrill's
dialect and to Linux's option order (freebsd.py). The rest runs, and passes or fails; a failure is tried again, since a busy
machine disturbs the timing. explained.txt has a sentence for every script that is known to fail.
"""
import argparse
import collections
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import freebsd  # noqa: E402
import rules  # noqa: E402

LOCAL = {"ipv4": ("192.168.0.1", "192.0.2.1", "16"), "ipv6": ("fd3d:0a0b:17d6::1", "fd3d:fa7b:d17d::1", "48")}

Result = collections.namedtuple("Result", "group name verdict why output")


def parse_args():
    p = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    p.add_argument("--packetdrill", default=os.environ.get("PACKETDRILL", "packetdrill"), help="the program")
    p.add_argument("--so", default=os.environ.get("SPATE_SO"), help="libspate-packetdrill.so")
    p.add_argument("--jobs", type=int, default=2, help="scripts at the same time")
    p.add_argument("--tries", type=int, default=3, help="runs of a script before it counts as failed")
    p.add_argument("--tolerance-us", type=int, default=10000, help="at least this much, whatever the script says")
    p.add_argument("--ip", choices=["ipv4", "ipv6", "ipv4-mapped-ipv6"], default="ipv4")
    p.add_argument("--match", default="", help="only scripts whose path contains this")
    p.add_argument("--flags", default="", help="more settings for spate")
    p.add_argument("--results", help="writes the table here")
    p.add_argument("--verbose", action="store_true", help="prints what failed scripts said")
    p.add_argument("folders", nargs="+", help="scripts, or folders of them")
    args = p.parse_args()
    if not args.so:
        p.error("--so is needed")
    return args


def find_scripts(folders):
    """Pairs of a folder and a script in it."""
    for folder in map(pathlib.Path, folders):
        scripts = [folder] if folder.is_file() else sorted(folder.rglob("*.pkt"))
        for script in scripts:
            yield (folder.parent if folder.is_file() else folder), script


def split_commands(text):
    """The script without its shell commands, and these."""
    commands = []

    def take(match):
        commands.append(match.group(2))
        return "\n" * match.group(0).count("\n")

    return re.sub(r"^([^\n`/]*)`([^`]*)`", take, text, flags=re.M), commands


def explanations():
    known = {}
    for line in (HERE / "explained.txt").read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            name, _, why = line.partition(":")
            known[name.strip()] = why.strip()
    return known


def prepare(script, ip):
    """(text, flags, None), or (None, None, why it is not applicable)."""
    text, commands = split_commands(script.read_text(errors="replace"))
    name = str(script)
    if freebsd.is_freebsd(commands, name):
        if ("ipv6" in script.name) != (ip == "ipv6"):
            return None, None, None
        why = freebsd.why_not(text, commands, name)
        flags = ["fastopen=0", "rcvbuf-max=15M", "mtu=" + script_option(text, "mtu", "1500")]
        return (None, None, why) if why else (rules.without_psh(freebsd.translate(text)), flags, None)
    if script.name.endswith("v6.pkt") != (ip == "ipv6") and re.search(r"v[46]\.pkt$", script.name):
        return None, None, None
    if ip == "ipv6" and ("." in script_option(text, "local_ip", "") or re.search(r"\bCODE\b|\bfrag_needed\b", text)):
        return None, None, None
    flags, why = rules.judge(text, commands, name)
    for change in (rules.at_time_zero, rules.own_wscale, rules.without_windows, rules.without_psh):
        text = change(text)
    return (None, None, why) if why else (text, flags, None)


def raise_tolerance(text, least):
    found = re.search(r"^--tolerance_usecs=(\d+)", text, re.M)
    return text if not found or int(found.group(1)) >= least else text.replace(
        found.group(0), "--tolerance_usecs=%d" % least, 1)


def script_option(text, name, default):
    """Options in scripts, which packetdrill does not tell the library."""
    found = re.search(r"^--%s=([^\s/]+)" % name, text, re.M)
    return found.group(1) if found else default


def default_mtu(text, ip):
    """Most scripts are for both families: for IPv6 their MSS of 1460 needs more; those for IPv6 alone have an Ethernet's."""
    return "1500" if ip != "ipv6" or re.search(r">\s*S[^<\n]*<mss 1440\b", text) else "1520"


def command(args, path, text, flags):
    local, remote, prefix = LOCAL["ipv6" if args.ip == "ipv6" else "ipv4"]
    local, remote = script_option(text, "local_ip", local), script_option(text, "remote_ip", remote)
    mtu = script_option(text, "mtu", default_mtu(text, args.ip))
    mss = script_option(text, "mss", "")
    settings = ["ip=%s/%s" % (local, prefix), "mtu=" + mtu, "psh=hide"] + (["joined=" + mss] if mss else [])
    settings += flags + args.flags.split()
    return [args.packetdrill, "--so_filename=" + os.path.abspath(args.so), "--so_flags=" + " ".join(settings),
            "--ip_version=" + args.ip, "--local_ip=" + local, "--remote_ip=" + remote, "--send_omit_free",
            "--tolerance_usecs=%d" % args.tolerance_us] + rules.defines(args.ip) + [path]


def run_once(args, path, text, flags):
    try:
        done = subprocess.run(command(args, path, text, flags), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=rules.SECONDS_MAX, text=True, errors="replace", check=False)
    except subprocess.TimeoutExpired as late:
        out = late.stdout or b""
        return False, (out if isinstance(out, str) else out.decode(errors="replace")) + "no end"
    return done.returncode == 0, done.stdout


def run_script(args, folder, script):
    group = str(script.parent.relative_to(folder)) if script.parent != folder else folder.name
    name = str(script.relative_to(folder))
    text, flags, why = prepare(script, args.ip)
    if text is None:
        return Result(group, name, "not applicable", why, "") if why else None
    with tempfile.TemporaryDirectory() as where:
        path = os.path.join(where, script.name)
        pathlib.Path(path).write_text(raise_tolerance(text, args.tolerance_us))
        for _ in range(args.tries):
            passed, output = run_once(args, path, text, flags)
            if passed:
                return Result(group, name, "passed", "", output)
        return Result(group, name, "failed", "", output.replace(where + "/", ""))


def table(results):
    groups = collections.defaultdict(collections.Counter)
    for r in results:
        groups[r.group][r.verdict] += 1
    lines = ["%-42s %7s %7s %15s" % ("group", "passed", "failed", "not applicable")]
    total = collections.Counter()
    for group in sorted(groups):
        c = groups[group]
        total.update(c)
        lines.append("%-42s %7d %7d %15d" % (group, c["passed"], c["failed"], c["not applicable"]))
    lines.append("%-42s %7d %7d %15d" % ("all", total["passed"], total["failed"], total["not applicable"]))
    ran = total["passed"] + total["failed"]
    if ran:
        lines.append("%d of %d applicable scripts pass: %.1f %%" % (total["passed"], ran, 100.0 * total["passed"] / ran))
    return lines


def last_line(output):
    lines = [line for line in output.splitlines() if line.strip()]
    return next((line for line in lines if ".pkt:" in line), lines[-1] if lines else "no output")


def report(results, known):
    lines = table(results)
    for verdict in ("failed", "not applicable"):
        chosen = [r for r in results if r.verdict == verdict]
        if chosen:
            lines += ["", verdict + ":"]
        for r in chosen:
            why = r.why or known.get(r.name) or "unexplained: " + last_line(r.output)
            lines.append("  %s: %s" % (r.name, why))
    return lines


def main():
    args = parse_args()
    known = explanations()
    scripts = [(f, s) for f, s in find_scripts(args.folders) if args.match in str(s)]
    results = []
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        for r in pool.map(lambda fs: run_script(args, *fs), scripts):
            if r is None:
                continue
            results.append(r)
            if args.verbose and r.verdict == "failed":
                print("---- %s\n%s" % (r.name, r.output))
    lines = report(results, known)
    print("\n".join(lines))
    if args.results:
        pathlib.Path(args.results).write_text("\n".join(lines) + "\n")
    unknown = [r for r in results if r.verdict == "failed" and r.name not in known]
    return 1 if unknown or not results else 0


if __name__ == "__main__":
    sys.exit(main())
