"""FreeBSD's scripts (tcp-testsuite): which say something about any TCP, and how they are said to this packetdrill."""
import re

from rules import WSCALE

# (pattern in the commands, what it asks for)
NOT_HERE_COMMANDS = [
    (r"insecure_rst=1", "the rules before RFC 5961 for RST"),
    (r"insecure_syn=1", "the rules before RFC 5961 for SYN"),
    (r"udp_tunneling_port=[1-9]", "TCP over UDP"),
    (r"setkey|tcpmd5", "TCP-MD5 (RFC 2385, obsolete)"),
    (r"drop_synfin=1", "a filter of FreeBSD's"),
    (r"syncookies_only=1", "FreeBSD's mode of cookies only"),
    (r"fastopen", "FreeBSD's socket interface of Fast Open"),
    (r"rfc1323=0|sack\.enable=0", "options turned off for the host"),
    (r"maxsockbuf=(?!2097152)", "a limit of FreeBSD's buffers"),
    (r"blackhole=[12]", "no answer to closed ports"),
    (r"ecn\.enable=1|ecn\.maxretries", "ECN asked for by the host"),
    (r"rexmit_drop_options=1", "SYNs that lose their options when sent again"),
    (r"keepinit=15000", "FreeBSD's time limit of connect()"),
    (r"keep(idle|intvl)=15000|keepcnt=2", "keepalive times of the host"),
    (r"tcpdrop", "a command that drops connections"),
    (r"pmtud_blackhole_detection", "FreeBSD's black hole detection"),
]
NOT_HERE_SCRIPT = [
    (r"TCP_REMOTE_UDP_ENCAPS_PORT|IPV6_USE_MIN_MTU|TCP_KEEPINIT|TCP_NOOPT|TCP_NOPUSH|TCP_FUNCTION_BLK|TCP_LOG",
     "socket options of FreeBSD's"),
    (r"TCP_MD5SIG|md5", "TCP-MD5 (RFC 2385, obsolete)"),
    (r"^--mtu=72$|^--mtu=65535$", "an MTU outside of spate's range"),
    (r"^#|\)!|ttl_exceeded_in_transit", "FreeBSD's packetdrill: its syntax"),
    (r"< *R.*\b6(5[7-9]|[6-9]\d)\d\d:6", "a receive window that is a multiple of the MSS, as FreeBSD rounds it"),
    (r"\b200:32200\b", "packets larger than the MTU"),
]

# Scripts (by name) that repeat a convention of FreeBSD's which no RFC has; spate keeps Linux's, or the RFC's.
CONVENTIONS = [
    (r"[-/]closing-", "FIN again as answer to the peer's FIN; RFC 9293 3.10.7.4 wants an ACK of what was sent"),
    (r"rcv-icmp-hard-error-(ignored|.*(prohibited|unreachable))-ipv[46]", "FreeBSD's errno for ICMP errors; spate's are Linux's"),
    (r"rcv-rst(-ack)?-syn-rcvd-via-syn-sent-left-edge", "ECONNREFUSED for a reset when two SYNs crossed; Linux says ECONNRESET"),
    (r"rcv-rst-close-wait-left-edge", "FreeBSD's errno for a reset after the peer's FIN; Linux says EPIPE"),
    (r"reordering-(12...|1324|21345|23145|31245|32145)", "an ACK for every second segment however small; RFC 5681 4.2 says full-sized"),
    (r"rcv-syn-ack.*-listen", "no answer to an ACK at a listener; RFC 9293 3.10.7.2 wants a reset"),
    (r"rcv-fin-time-wait-using-shutdown-(outside|right)", "no answer to what is outside TIME-WAIT's window; RFC 9293 3.10.7.4 wants an ACK"),
    (r"rcv-syn-fin-with.*-listen-dropping-disabled", "an answer to SYN+FIN, which Linux and spate drop"),
]


def is_freebsd(commands, name):
    return any("net.inet." in c or "kern.ipc" in c for c in commands) or "tcp-testsuite" in name


def why_not(text, commands, name):
    joined = "\n".join(commands)
    for pattern, why in NOT_HERE_COMMANDS:
        if re.search(pattern, joined):
            return "needs " + why
    for pattern, why in NOT_HERE_SCRIPT:
        if why and re.search(pattern, text + name, re.M):
            return "needs " + why
    for pattern, why in CONVENTIONS:
        if re.search(pattern, name):
            return "expects " + why
    if not re.search(r"\b(listen|connect)\(", text):
        return "needs FreeBSD's packetdrill: this one gives packets no address of ours before listen() or connect()"
    return None


# What FreeBSD's TCP_INFO calls its states, in Linux's numbers.
STATES = {"CLOSED": 7, "LISTEN": 10, "SYN_SENT": 2, "SYN_RECEIVED": 3, "ESTABLISHED": 1, "FIN_WAIT_1": 4, "FIN_WAIT_2": 5,
          "CLOSE_WAIT": 8, "CLOSING": 11, "LAST_ACK": 9, "TIME_WAIT": 6}


def linux_options(options):
    """The options of a SYN as Linux lays them out (RFC 9293 leaves the order free), with spate's window scale."""
    mss = re.search(r"mss \d+", options)
    stamp = re.search(r"TS val\s+\d+\s+ecr\s+\d+", options)
    sack, scale = "sackOK" in options, "wscale" in options
    out = [mss.group(0)] if mss else []
    if stamp:
        out += (["sackOK"] if sack else ["nop", "nop"]) + [stamp.group(0)]
    elif sack:
        out += ["nop", "nop", "sackOK"]
    if scale:
        out += ["nop", "wscale %d" % WSCALE]
    return "<%s>" % ",".join(out)


def translate_sent(line):
    """A packet that the stack is to send: windows are the stack's own, and so is the order of options."""
    head, _, comment = line.partition("//")
    head = re.sub(r"\bwin \d+", "", head)
    if re.search(r">\s*S", head):
        head = re.sub(r"<[^<>]*>\s*$", lambda m: linux_options(m.group(0)), head.rstrip())
    return head.rstrip() + (" // " + comment if comment else "")


# FreeBSD delays every ACK that may be delayed, Linux (and spate) acknowledges the first data at once; an application that
# does not want that says so.
DELAY = "+0 setsockopt(%s, SOL_TCP, TCP_QUICKACK, [0], 4) = 0"


def translate(text):
    out = []
    for line in text.split("\n"):
        line = re.sub(r"\bTCPI_(%s)\b" % "|".join(STATES), lambda m: str(STATES[m.group(1)]), line)
        if re.search(r"SO_(RCV|SND)BUF\b", line) and "getsockopt" in line:
            line = ""  # how FreeBSD rounds its buffers
        elif re.match(r"^\s*[+\d.*~]+\s+>", line):
            line = translate_sent(line)
        made = re.match(r"^\s*[+\d.*~]+\s+(?:accept\(.*\)|socket\(.*SOCK_STREAM.*\)) = (\d+)", line)
        out.append(line + ("\n" + DELAY % made.group(1) if made else ""))
    text = "\n".join(out)
    first = re.search(r"^[ \t]*(\+?)(\d[\d.]*)[ \t]+\S", text, re.M)
    if first and first.group(1):
        text = text[:first.start(1)] + "0.0" + text[first.end(2):]
    return text
