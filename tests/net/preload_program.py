#!/usr/bin/env python3
"""What programs do with sockets, against an echo at ADDRESS PORT that is not this program's kernel: one line per case,
"ok NAME" or "FAILED NAME: why". preload_program.py ADDRESS PORT; it knows nothing of what runs it."""
import array
import asyncio
import ctypes
import errno
import fcntl
import mmap
import os
import resource
import select
import selectors
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time

PEER = (sys.argv[1], int(sys.argv[2]))
CLOSED = (PEER[0], 1)
DATA = os.urandom(1 << 20)
CASES = []


def case(function):
    CASES.append(function)
    return function


def expect(got, wanted):
    if got != wanted:
        raise AssertionError(f"got {repr(got)[:100]}, expected {repr(wanted)[:100]}")


def connected():
    return socket.create_connection(PEER, timeout=None)


def read_exactly(sock, n):
    parts = []
    while n > 0:
        part = sock.recv(min(n, 1 << 18))
        if not part:
            raise EOFError
        parts.append(part)
        n -= len(part)
    return b"".join(parts)


def fails_with(code, call, *args):
    try:
        call(*args)
    except (OSError, termios.error) as e:
        expect(errno.errorcode[e.args[0]], errno.errorcode[code])
        return
    raise AssertionError("it worked")


@case
def blocking_both_ways():
    with connected() as s:
        sender = threading.Thread(target=s.sendall, args=(DATA,))
        sender.start()
        expect(read_exactly(s, len(DATA)), DATA)
        sender.join()
        s.shutdown(socket.SHUT_WR)
        expect(s.recv(10), b"")


@case
def refused():
    with socket.socket() as s:
        fails_with(errno.ECONNREFUSED, s.connect, CLOSED)
        s.connect(PEER)
        expect(s.getpeername(), PEER)
    with socket.socket() as s:
        s.setblocking(False)
        expect(s.connect_ex(CLOSED), errno.EINPROGRESS)
        expect(len(select.select([], [s], [], 5)[1]), 1)
        expect(s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), errno.ECONNREFUSED)


@case
def through_selectors():
    for kind in (selectors.SelectSelector, selectors.PollSelector, selectors.EpollSelector):
        with kind() as sel, connected() as s:
            r, w = os.pipe()
            s.setblocking(False)
            sel.register(s, selectors.EVENT_READ | selectors.EVENT_WRITE, "s")
            sel.register(r, selectors.EVENT_READ, "pipe")
            left, got = memoryview(DATA)[:300000], b""
            os.write(w, b"!")
            woken = 0
            while len(got) < 300000 or not woken:
                for key, events in sel.select(5):
                    if key.data == "pipe":
                        woken += len(os.read(r, 10))
                        continue
                    if events & selectors.EVENT_READ:
                        got += s.recv(65536)
                    if events & selectors.EVENT_WRITE and left:
                        left = left[s.send(left):]
                        if not left:
                            sel.modify(s, selectors.EVENT_READ, "s")
            expect(got, DATA[:300000])
            os.close(r)
            os.close(w)


@case
def epoll_with_timer_and_event():
    libc = ctypes.CDLL(None, use_errno=True)
    timer = libc.timerfd_create(time.CLOCK_MONOTONIC, 0)
    spec = struct.pack("4q", 0, 0, 0, 30_000_000)
    libc.timerfd_settime(timer, 0, spec, None)
    event = os.eventfd(0)
    with connected() as s, select.epoll() as e:
        e.register(s, select.EPOLLIN | select.EPOLLET)
        e.register(timer, select.EPOLLIN)
        e.register(event, select.EPOLLIN)
        expect(e.poll(5), [(timer, select.EPOLLIN)])
        os.close(timer)
        s.send(b"edge")
        expect(e.poll(5), [(s.fileno(), select.EPOLLIN)])
        expect(e.poll(0.05), [])
        os.eventfd_write(event, 1)
        expect(e.poll(5), [(event, select.EPOLLIN)])
    os.close(event)


@case
def datagrams():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(5)
        for n in (0, 1, 1472, 1473):  # AF_PACKET hands larger ones over whole, which do not fit
            s.sendto(DATA[:n], PEER)
            data, sender = s.recvfrom(65535)
            expect((n, data == DATA[:n], sender), (n, True, PEER))
        s.connect(PEER)
        s.send(b"truncated")
        data, ancillary, flags, sender = s.recvmsg(4)
        expect((data, ancillary, flags, sender), (b"trun", [], socket.MSG_TRUNC, PEER))


@case
def files():
    with connected() as s, tempfile.TemporaryFile() as f:
        f.write(DATA)
        f.flush()
        sender = threading.Thread(target=s.sendfile, args=(f, 1000))
        sender.start()
        expect(read_exactly(s, len(DATA) - 1000), DATA[1000:])
        sender.join()
        with s.makefile("rwb") as stream:
            stream.write(b"a line\nanother\n")
            stream.flush()
            expect(stream.readline(), b"a line\n")
            expect(stream.readline(), b"another\n")


@case
def stdio():
    libc = ctypes.CDLL(None, use_errno=True)
    libc.fdopen.restype = ctypes.c_void_p
    libc.fgets.restype = ctypes.c_void_p
    s = connected()
    fd = s.detach()
    file = ctypes.c_void_p(libc.fdopen(fd, b"r"))
    expect(libc.fileno(file), fd)
    expect(libc.dprintf(fd, b"%s %d\n", b"number", 42), 10)
    line = ctypes.create_string_buffer(100)
    libc.fgets(line, 100, file)
    expect(line.value, b"number 42\n")
    libc.fclose(file)
    fails_with(errno.EBADF, os.fstat, fd)


@case
def by_number():
    libc = ctypes.CDLL(None, use_errno=True)
    numbers = {"x86_64": (41, 42, 0, 1, 3), "aarch64": (198, 203, 63, 64, 57)}[os.uname().machine]
    nr_socket, nr_connect, nr_read, nr_write, nr_close = numbers
    fd = libc.syscall(nr_socket, socket.AF_INET, socket.SOCK_STREAM, 0)
    address = struct.pack("=H", socket.AF_INET) + struct.pack("!H", PEER[1]) + socket.inet_aton(PEER[0]) + bytes(8)
    expect(libc.syscall(nr_connect, fd, address, len(address)), 0)
    expect(libc.syscall(nr_write, fd, b"raw", 3), 3)
    got = ctypes.create_string_buffer(3)
    expect(libc.syscall(nr_read, fd, got, 3), 3)
    expect(got.raw, b"raw")
    expect(libc.syscall(nr_close, fd), 0)
    expect(libc.syscall(nr_close, fd), -1)
    expect(ctypes.get_errno(), errno.EBADF)


@case
def dup2_and_close():
    with connected() as s:
        r, w = os.pipe()
        os.dup2(s.fileno(), r)
        twin = socket.socket(fileno=r)
        s.send(b"one")
        expect(twin.recv(3), b"one")
        twin.close()
        s.send(b"two")
        expect(s.recv(3), b"two")
        os.close(w)
    expect(os.open("/dev/null", os.O_RDONLY), s_number := os.open("/dev/null", os.O_RDONLY) - 1)
    os.close(s_number)
    os.close(s_number + 1)


@case
def fork_shares():
    with connected() as s:
        pid = os.fork()
        if pid == 0:
            s.send(b"child")
            os._exit(5)
        expect(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 5)
        expect(read_exactly(s, 5), b"child")
        pid = os.fork()
        if pid == 0:
            mine = connected()
            mine.send(b"own")
            os._exit(0 if read_exactly(mine, 3) == b"own" else 1)
        expect(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 0)


@case
def exec_inherits():
    with connected() as s:
        code = f"import socket; s = socket.socket(fileno={s.fileno()}); s.send(b'inherited'); print(s.recv(9).decode())"
        out = subprocess.run([sys.executable, "-c", code], pass_fds=[s.fileno()], capture_output=True, check=True)
        expect(out.stdout, b"inherited\n")
        # As a server of inetd's kind: the socket is its standard input and output, of a shell and of what it starts.
        s.send(b"hello\n")
        child = subprocess.Popen(["sh", "-c", "head -n 1; echo from the shell"], stdin=s, stdout=s)
        expect(child.wait(), 0)
        expect(read_exactly(s, 21), b"hello\nfrom the shell\n")
        child = subprocess.Popen(["cat", "/etc/hostname"], stdout=s)
        expect(child.wait(), 0)
        with open("/etc/hostname", "rb") as f:
            wanted = f.read()
        expect(read_exactly(s, len(wanted)), wanted)


@case
def spawn_inherits():
    with connected() as s:
        s.set_inheritable(True)
        code = f"import socket; s = socket.socket(fileno={s.fileno()}); s.send(b'spawned')"
        pid = os.posix_spawn(sys.executable, [sys.executable, "-c", code], os.environ)
        expect(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 0)
        expect(read_exactly(s, 7), b"spawned")
        with connected() as other, tempfile.TemporaryDirectory() as folder:
            # Closed, opened and put elsewhere, and found by PATH.
            actions = [(os.POSIX_SPAWN_CLOSE, s.fileno()),
                       (os.POSIX_SPAWN_OPEN, s.fileno(), folder + "/made", os.O_CREAT | os.O_RDWR, 0o600),
                       (os.POSIX_SPAWN_DUP2, other.fileno(), 1), (os.POSIX_SPAWN_DUP2, s.fileno(), 2)]
            pid = os.posix_spawnp("sh", ["sh", "-c", "echo out; echo err >&2"], os.environ, file_actions=actions)
            expect(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 0)
            expect(read_exactly(other, 4), b"out\n")
            with open(folder + "/made", "rb") as f:
                expect(f.read(), b"err\n")
        pid = os.posix_spawnp("grep", ["grep", "-E", "^(SigBlk|SigIgn|NSpgid)", "/proc/self/status"], os.environ, setpgroup=0,
                              file_actions=[(os.POSIX_SPAWN_DUP2, s.fileno(), 1)], setsigmask=[signal.SIGUSR1],
                              setsigdef=[signal.SIGPIPE, signal.SIGXFSZ])  # which Python ignores
        os.waitpid(pid, 0)
        s.shutdown(socket.SHUT_WR)
        said = b"".join(iter(lambda: s.recv(100), b"")).decode().split()
        expect(said[:5], ["NSpgid:", str(pid), "SigBlk:", f"{1 << signal.SIGUSR1 - 1:016x}", "SigIgn:"])
        expect(int(said[5], 16) & 0x7fffffff, 0)  # beyond: libc's own
        fails_with(errno.ENOENT, os.posix_spawn, "/nonexistent", ["x"], os.environ)
        fails_with(errno.EACCES, os.posix_spawn, "/etc/passwd", ["x"], os.environ)
        wrong = [(os.POSIX_SPAWN_DUP2, 999, 1)]
        fails_with(errno.EBADF, lambda: os.posix_spawn("/bin/true", ["x"], os.environ, file_actions=wrong))
        expect(signal.pthread_sigmask(signal.SIG_BLOCK, []), set())


@case
def shells_inherit():
    libc = ctypes.CDLL(None, use_errno=True)
    libc.popen.restype = ctypes.c_void_p
    with connected() as s:
        s.set_inheritable(True)
        expect(os.system(f"echo from system >&{s.fileno()}; exit 3"), 3 << 8)
        expect(read_exactly(s, 12), b"from system\n")
        expect(os.system("kill -TERM $$"), signal.SIGTERM)
        expect(signal.getsignal(signal.SIGQUIT), signal.SIG_DFL)
        # What a shell reads from the socket comes through the pipe, and the other way around.
        s.send(b"to the pipe\n")
        stream = libc.popen(f"head -n 1 <&{s.fileno()}".encode(), b"r")
        room = ctypes.create_string_buffer(100)
        expect(ctypes.string_at(libc.fgets(room, 100, ctypes.c_void_p(stream)) and room), b"to the pipe\n")
        expect(libc.pclose(ctypes.c_void_p(stream)), 0)
        first = libc.popen(b"cat >/dev/null", b"w")
        second = libc.popen(f"cat >&{s.fileno()}; exit 5".encode(), b"w")
        libc.fputs(b"from the pipe\n", ctypes.c_void_p(second))
        expect(libc.pclose(ctypes.c_void_p(first)), 0)  # the second child does not hold its pipe
        expect(libc.pclose(ctypes.c_void_p(second)), 5 << 8)
        expect(read_exactly(s, 14), b"from the pipe\n")


@case
def exec_closes():
    with connected() as s:
        expect(s.get_inheritable(), False)
        code = f"import os; os.fstat({s.fileno()})"
        out = subprocess.run([sys.executable, "-c", code], close_fds=False, capture_output=True, check=False)
        expect(b"Bad file descriptor" in out.stderr, True)
        s.send(b"x")
        expect(s.recv(1), b"x")


@case
def a_killed_child():
    with connected() as s:
        pid = os.fork()
        if pid == 0:
            threading.Thread(target=s.recv, args=(1,)).start()
            time.sleep(60)
        time.sleep(0.2)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        s.send(b"alive")
        expect(read_exactly(s, 5), b"alive")


@case
def signals():
    hits = []
    old = signal.signal(signal.SIGALRM, lambda *_: hits.append(1))
    with connected() as s:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        timer = threading.Timer(0.2, s.send, args=(b"later",))
        timer.start()
        expect(s.recv(5), b"later")  # Python tries again after EINTR
        expect(hits, [1])
        s.settimeout(0.1)
        try:
            s.recv(1)
            raise AssertionError("nothing was sent")
        except TimeoutError:
            pass
        s.settimeout(None)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 0, 50000))
        fails_with(errno.EAGAIN, s.recv, 1)
    signal.signal(signal.SIGALRM, old)
    pid = os.fork()
    if pid == 0:
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        s = connected()
        s.shutdown(socket.SHUT_WR)
        s.send(b"x")
        os._exit(0)
    expect(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), -signal.SIGPIPE)


@case
def requests_and_flags():
    with connected() as s:
        s.send(b"12345")
        select.select([s], [], [])
        waiting = array.array("i", [0])
        deadline = time.monotonic() + 5
        while waiting[0] != 5 and time.monotonic() < deadline:
            fcntl.ioctl(s, termios.FIONREAD, waiting)
        expect(waiting[0], 5)
        expect(s.recv(3, socket.MSG_PEEK), b"123")
        expect(s.recv(9, socket.MSG_DONTWAIT), b"12345")
        fails_with(errno.EAGAIN, s.recv, 1, socket.MSG_DONTWAIT)
        s.send(b"ab")
        threading.Timer(0.1, s.send, args=(b"cd",)).start()
        expect(s.recv(4, socket.MSG_WAITALL), b"abcd")
        fails_with(errno.ENOTTY, termios.tcgetattr, s)
        fails_with(errno.ESPIPE, os.lseek, s.fileno(), 0, os.SEEK_CUR)
        fails_with(errno.ESPIPE, os.pread, s.fileno(), 1, 0)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        expect(s.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY), 1)
        expect(s.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE), socket.SOCK_STREAM)


@case
def bad_addresses():
    libc = ctypes.CDLL(None, use_errno=True)
    page = mmap.mmap(-1, mmap.PAGESIZE)
    base = ctypes.addressof(ctypes.c_char.from_buffer(page))
    with socket.socket() as s:
        for at, length, code in ((0, 16, errno.EFAULT), (1, 16, errno.EFAULT), (base, 200, errno.EINVAL), (0, 0, errno.EINVAL)):
            expect(libc.connect(s.fileno(), ctypes.c_void_p(at), length), -1)
            expect(errno.errorcode[ctypes.get_errno()], errno.errorcode[code])
        s.connect(PEER)


@case
def refused_descriptors():
    ours, theirs = socket.socketpair()
    with connected() as s, ours, theirs:
        fails_with(errno.EINVAL, socket.send_fds, ours, [b"x"], [s.fileno()])
        socket.send_fds(ours, [b"x"], [0])


@case
def many_threads():
    wrong = []

    def work(i):
        try:
            for _ in range(5):
                with connected() as s:
                    piece = DATA[i * 1000:i * 1000 + 20000]
                    s.sendall(piece)
                    if read_exactly(s, len(piece)) != piece:
                        wrong.append(i)
        except OSError as e:
            wrong.append(e)
    threads = [threading.Thread(target=work, args=(i,)) for i in range(40)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    expect(wrong, [])


@case
def many_descriptors():
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    socks = [connected() for _ in range(min(1100, soft - 100))]
    for i in (0, len(socks) // 2, len(socks) - 1):
        socks[i].send(b"%d" % i)
        expect(read_exactly(socks[i], len(b"%d" % i)), b"%d" % i)
    for s in socks:
        s.close()
    os.closerange(50, 1200)
    with connected() as s:
        s.send(b"still here")
        expect(read_exactly(s, 10), b"still here")


@case
def with_asyncio():
    async def one(i):
        reader, writer = await asyncio.open_connection(*PEER)
        writer.write(DATA[i:i + 50000])
        expect(await reader.readexactly(50000), DATA[i:i + 50000])
        writer.close()
        await writer.wait_closed()

    async def all_of_them():
        await asyncio.gather(*(one(i) for i in range(20)))
        process = await asyncio.create_subprocess_exec("echo", "child", stdout=asyncio.subprocess.PIPE)
        expect((await process.communicate())[0], b"child\n")
    asyncio.run(all_of_them())


def main():
    failed = 0
    for function in CASES:
        try:
            function()
            print("ok", function.__name__, flush=True)
        except Exception as e:  # pylint: disable=broad-except
            failed += 1
            print(f"FAILED {function.__name__}: {type(e).__name__} {e} (line {e.__traceback__.tb_next.tb_lineno})", flush=True)
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
