"""What Linux's scripts ask of their kernel, and what that means for spate."""
import re

WSCALE = 5         # what spate offers; a kernel derives its own from its largest buffer
SECONDS_MAX = 20  # of real time; scripts run on virtual time

# sysctls of net.ipv4: the values that need nothing, because spate does so, or because it makes no difference to packets.
FINE = {
    "tcp_rmem": None,                # any: scripts leave windows open or are judged by what they see
    "tcp_timestamps": {"1"},
    "tcp_syn_retries": None,
    "tcp_synack_retries": None,
    "tcp_frto": {"2"},
    "tcp_sack": {"1"},
    "tcp_dsack": {"1"},
    "tcp_fack": None,                # gone from Linux, too
    "tcp_reordering": {"3"},
    "tcp_congestion_control": {"cubic"},
    "tcp_slow_start_after_idle": {"0", "1"},
    "tcp_early_retrans": {"3", "4"},
    "tcp_recovery": {"1"},
    "tcp_tso_win_divisor": None,     # how large the pieces are that the kernel cuts; packetdrill adds them up
    "tcp_min_tso_segs": None,
    "tcp_ecn": {"0"},
    "tcp_ecn_option": None,
    "tcp_pacing_ss_ratio": {"200"},
    "tcp_pacing_ca_ratio": {"120"},
    "tcp_notsent_lowat": {"4294967295"},
    "tcp_fastopen": None,
    "tcp_fastopen_key": {"a1a1a1a1-b2b2b2b2-c3c3c3c3-d4d4d4d4"},
    "tcp_fastopen_blackhole_timeout_sec": None,
    "tcp_syncookies": {"1"},
    "tcp_wmem": {'"4096 $((256*1024)) 4194304"'},
}

# What spate does when told so.
SETTINGS = {}

# What no setting of spate gives. Searched for in commands, then in the script.
NOT_HERE_COMMANDS = [
    (r"\btc qdisc.*limit 0", "a queueing discipline that drops everything"),
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
    wanted = {}
    for block in commands:
        wanted.update(SYSCTL.findall(re.sub(r"#.*", "", block)))
    flags = []
    for sysctl, value in wanted.items():
        if (sysctl, value) in SETTINGS:
            flags.append(SETTINGS[sysctl, value])
        elif sysctl not in FINE or (FINE[sysctl] is not None and value not in FINE[sysctl]):
            return [], "needs sysctl %s=%s" % (sysctl, value)
    return flags, None


def own_wscale(text):
    """Window scales of SYNs that the stack is to send."""
    return re.sub(r"^([\s+\d.*~]*>\s*S.*\bwscale )\d+", r"\g<1>%d" % WSCALE, text, flags=re.M)


def at_time_zero(text):
    """A first event that was a command at time 0 is gone: the next one begins."""
    return re.sub(r"^(\s*)\+0(?:\.0*)?(?=\s)", r"\g<1>0", text, count=1, flags=re.M) if not re.search(
        r"^\s*0(\.0+)?\s", text, re.M) else text
