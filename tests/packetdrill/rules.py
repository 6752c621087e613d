"""What Linux's scripts ask of their kernel, and what that means for spate."""
import re

WSCALE = 8         # with the setting below; a kernel derives its own from its largest buffer
SECONDS_MAX = 20  # of real time; scripts run on virtual time

# sysctls of net.ipv4 that need nothing: the values that spate does anyway; None: any, it makes no difference to the packets.
FINE = {
    "tcp_syn_retries": None,         # none waits so long
    "tcp_synack_retries": None,
    "tcp_frto": {"2"},
    "tcp_dsack": {"1"},
    "tcp_fack": None,                # gone from Linux, too
    "tcp_reordering": {"3"},
    "tcp_early_retrans": {"3", "4"},
    "tcp_recovery": {"1"},
    "tcp_tso_win_divisor": None,     # how large the pieces are that the kernel cuts; packetdrill adds them up
    "tcp_min_tso_segs": None,
    "tcp_ecn_option": None,
    "tcp_pacing_ss_ratio": {"200"},
    "tcp_pacing_ca_ratio": {"120"},
    "tcp_notsent_lowat": {"4294967295"},
    "tcp_fastopen_blackhole_timeout_sec": None,
    "tcp_fastopen_cookies": None,    # of no kernel that there is; scripts try it and go on without
    "tcp_syncookies": {"1"},
    "tcp_wmem": {'"4096 $((256*1024)) 4194304"'},
}

# What every script begins with (its defaults.sh), as spate's settings.
DEFAULTS = {"tcp_fastopen": "0x70403", "tcp_fastopen_key": "a1a1a1a1-b2b2b2b2-c3c3c3c3-d4d4d4d4", "tcp_ecn": "0",
            "tcp_congestion_control": "cubic", "tcp_slow_start_after_idle": "0", "tcp_timestamps": "1", "tcp_sack": "1", "tcp_rmem": ""}


def yes(value):
    return {"0": "no", "1": "yes"}.get(value)


# sysctl: how spate's setting of that kind is called, and its value; None: spate has none like it.
SETTINGS = {
    "tcp_fastopen": ("fastopen", lambda v: hex(int(v, 0) & 0x607)),
    "tcp_fastopen_key": ("fastopen-key", lambda v: v),
    "tcp_ecn": ("ecn", {"0": "no", "1": "yes", "2": "answer"}.get),
    "tcp_congestion_control": ("congestion", {"cubic": "cubic", "reno": "reno", "bbr": "bbr", "dctcp": "dctcp"}.get),
    "tcp_slow_start_after_idle": ("slow-start-after-idle", yes),
    "tcp_timestamps": ("timestamps", yes),
    "tcp_sack": ("sack", yes),
    "tcp_window_scaling": ("window-scaling", yes),
    "tcp_rmem": ("rcvbuf-max", lambda v: "15M"),  # no script asks for another
}

# What no setting of spate gives. Searched for in commands, then in the script.
NOT_HERE_COMMANDS = [
    (r"\btc qdisc.*limit 0", "a queueing discipline that drops everything"),
    (r"\btc qdisc.*root fq", "a queueing discipline that paces"),
    (r"\bethtool\b", "a kernel device's offloads"),
    (r"\bnstat\b", "the kernel's counters"),
    (r"\bip (-6 )?route\b", "the kernel's routes"),
    (r"hystart_detect", "a parameter of the kernel's CUBIC module"),
    (r"/proc/net/", "the kernel's list of sockets"),
    (r"/bin/dd", "a file to send"),
]
NOT_HERE_SCRIPT = [
    (r"ZEROCOPY", "zero-copy sending"),
    (r"TIMESTAMPING|MSG_ERRQUEUE", "the kernel's error queue: timestamps of packets"),
    (r"\bsendfile\(", "sendfile()"),
    (r"\bsplice\(", "splice()"),
    (r"TCP_MD5SIG|md5", "TCP-MD5 (RFC 2385, obsolete)"),
    (r"TCP_INQ|TCP_CM_INQ", "TCP_INQ, ancillary data"),
    (r"\bpsp", "PSP"),
]

SYSCTL = re.compile(r'(?:net[./]ipv4[./]|/proc/sys/net/ipv4/)(\w+)=("[^"]*"|[^\s;&|\\]+)')


def defines(ip):
    """Symbols that Linux's scripts expect to be given."""
    level = "SOL_IPV6" if ip != "ipv4" else "SOL_IP"
    kind = "IPV6_RECVERR" if ip == "ipv6" else "IP_RECVERR"
    values = ["CODE=host_unreachable", "CMSG_LEVEL_IP=" + level, "CMSG_TYPE_RECVERR=" + kind,
              "TFO_COOKIE=" + ("c1d1e9742a47a9bc" if ip == "ipv6" else "3021b9d889017eeb")]
    return [arg for v in values for arg in ("-D", v)]


def judge(text, commands, name):
    """Settings that the script needs, and why it is not applicable (None: it is)."""
    for where, patterns in (("\n".join(commands), NOT_HERE_COMMANDS), (text + name, NOT_HERE_SCRIPT)):
        for pattern, why in patterns:
            if re.search(pattern, where):
                return [], "needs " + why
    wanted = dict(DEFAULTS)
    for number, block in enumerate(commands):
        asked = dict(SYSCTL.findall(re.sub(r"#.*", "", block)))
        if number > 0 and any(wanted.get(sysctl) != value for sysctl, value in asked.items()):
            return [], "needs sysctl %s changed while it runs" % " and ".join(sorted(asked))
        if number > 0 and "tcp_metrics flush" in block:
            return [], "needs the kernel's memory of other hosts emptied while it runs"
        wanted.update(asked)
    flags = []
    for sysctl, value in wanted.items():
        name, translate = SETTINGS.get(sysctl, ("", lambda v: None))
        setting = translate(value)
        if setting is not None:
            flags.append("%s=%s" % (name, setting))
        elif sysctl not in FINE or (FINE[sysctl] is not None and value not in FINE[sysctl]):
            return [], "needs sysctl %s=%s" % (sysctl, value)
    return flags, None


def own_wscale(text):
    """Window scales of SYNs that the stack is to send."""
    return re.sub(r"^([\s+\d.*~]*>\s*S.*\bwscale )\d+", r"\g<1>%d" % WSCALE, text, flags=re.M)


def without_windows(text):
    """What we announce behind the SYN is how a receive buffer is managed; that it is open, or closed, is checked."""
    return re.sub(r"^([\s+\d.*~]*>\s*(?:\([^)]*\)\s*|\[[^]]*\]\s*)*[FEWRP.]+\s.*?)\bwin [1-9]\d*", r"\1", text, flags=re.M)


def without_psh(text):
    """Linux sets PSH on what its devices cut, whose size follows from a rate; scripts repeat that. Nobody else could."""
    return re.sub(r"^([\s+\d.*~]*>\s*(?:\([^)]*\)\s*|\[[^]]*\]\s*)*)([SFEWA]*)P([SFEWA.]*)", r"\1\2\3", text, flags=re.M)


def at_time_zero(text):
    """A first event that was a command at time 0 is gone: the next one begins."""
    return re.sub(r"^(\s*)\+0(?:\.0*)?(?=\s)", r"\g<1>0", text, count=1, flags=re.M) if not re.search(
        r"^\s*0(\.0+)?\s", text, re.M) else text
