#!/usr/bin/env bash
# Python's own tests of sockets, selectors, epoll and asyncio under spate run, with loopback served by spate: in a namespace whose lo
# is down, so that nothing passes by way of the kernel. Beside it the kernel's results, with lo up; a test that ends otherwise is
# named. SUITES="test_asyncio" runs that, which takes minutes.
# UDP-Lite and AF_VSOCK are other protocols: the kernel's in both, and they wait for ever where it has no lo.
# shellcheck source=tests/net/lib.sh
source "$(dirname "$0")/lib.sh"

echo "preload_python: Python's own tests under spate run, the kernel's lo down"
LIBRARY=${LIBRARY:-$BUILD/lib/preload/libspate-preload.so}
read -r -a suites <<<"${SUITES:-test_epoll test_selectors test_socket}"
ip netns add "$NS_S" # lo is down
ip netns add "$NS_K"
ip -n "$NS_K" link set lo up

# Name and end of each test, of what `python3 -m test -v` says.
ends() { grep -oE '^test[A-Za-z0-9_]* \([^)]*\) \.\.\. (ok|FAIL|ERROR|skipped|expected failure)' "$1" | sort -u; }

python_tests() { # python_tests LOG COMMAND...: with the suite's arguments behind it
    (cd "$WORK" && "${@:2}" python3 -m test -v -i '*UDPLITE*' -i '*VSOCK*' "$suite") >"$1" 2>&1 </dev/null || true
}

for suite in "${suites[@]}"; do
    if ! python3 -c "import test.$suite" 2>/dev/null; then
        skip "$suite: this Python has no tests with it"
        continue
    fi
    python_tests "$WORK/$suite.kernel" ip netns exec "$NS_K" timeout 400 &
    pid=$!
    pids+=("$pid")
    python_tests "$WORK/$suite.spate" ip netns exec "$NS_S" timeout 400 "$SPATE" run --dev sim --rule 'spate any' \
        --preload "$LIBRARY" --
    wait "$pid"
    ends "$WORK/$suite.kernel" >"$WORK/kernel"
    ends "$WORK/$suite.spate" >"$WORK/spate"
    check_ge "$suite: tests that ended well" "$(grep -c 'ok$' "$WORK/spate" || true)" "$(grep -c 'ok$' "$WORK/kernel" || true)"
    check_eq "$suite: tests that end otherwise than on the kernel" \
        "$(comm -13 "$WORK/kernel" "$WORK/spate" | paste -sd ';' | cut -c1-600)" ""
done
