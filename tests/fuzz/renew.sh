#!/usr/bin/env bash
# Makes tests/fuzz/corpus anew: renew.sh BUILD FOUND [TARGET...]. FOUND is a folder with what long runs found (FUZZ_CORPUS of
# tests/fuzz/run.sh). From that, what is kept today and the hand-made inputs (seeds.py), of at most INPUT_MAX (2048) bytes each, a merge of
# libFuzzer's and pick.py choose KEEP (60) that together reach the most. Inputs whose names begin with "bug-" stay: they once failed.
set -euo pipefail
cd "$(dirname "$0")/../.."

build=$1 found=$2
shift 2
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(wire text frames sequence)
keep=${KEEP:-60} input_max=${INPUT_MAX:-2048}
seeds=$(mktemp -d)
trap 'rm -rf "$seeds"' EXIT
python3 tests/fuzz/seeds.py "$seeds"
export ASAN_OPTIONS=detect_leaks=0

reached() { # reached TARGET FOLDER: edges, as libFuzzer counts them
    "$build/tests/fuzz/fuzz-$1" -runs=0 "$2" 2>&1 | sed -n 's/.*DONE *cov: \([0-9]*\).*/\1/p' | tail -n 1
}

for t in "${targets[@]}"; do
    corpus=tests/fuzz/corpus/$t
    mkdir -p "$seeds/none" "$seeds/all" "$seeds/bugs" "$found/$t" "$corpus"
    find "$corpus" -name 'bug-*' -exec cp {} "$seeds/bugs" \;
    find "$found/$t" "$corpus" "$seeds/$t" -type f -size "-$((input_max + 1))c" -exec cp {} "$seeds/all" \;
    # The first half of a merge: each input's features. The second takes long to find what pick.py finds at once.
    find "$seeds/all" -type f >"$seeds/names"
    { wc -l <"$seeds/names"; echo 0; cat "$seeds/names"; } >"$seeds/control"
    "$build/tests/fuzz/fuzz-$t" -merge_inner=1 -set_cover_merge=1 -merge_control_file="$seeds/control" \
        -max_len="$input_max" "$seeds/none" "$seeds/all" >"$seeds/log" 2>&1 || { tail -n 20 "$seeds/log"; exit 1; }
    rm -rf "$corpus"
    mkdir "$corpus"
    tests/fuzz/pick.py "$seeds/control" "$keep" | while read -r f; do
        cp "$f" "$corpus/$(sha1sum "$f" | cut -c 1-12)"
    done
    find "$seeds/bugs" -type f -exec cp {} "$corpus" \;
    echo "$t: $(find "$corpus" -type f | wc -l) inputs, $(du -sb "$corpus" | cut -f 1) bytes; edges reached: $(reached "$t" "$corpus")" \
        "of $(reached "$t" "$seeds/all") by all, $(reached "$t" "$seeds/bugs") by none"
    rm -rf "$seeds/none" "$seeds/all" "$seeds/bugs"
done
