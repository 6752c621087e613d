#!/usr/bin/env python3
"""Picks inputs from a libFuzzer merge: pick.py CONTROL_FILE NUMBER prints the files that together reach the most edges, best first.

The control file of -set_cover_merge=1 has the number of files, the number of those in the first folder, their names, then for each "STARTED i
size" and "FT i features". A feature is an edge and how often it was taken, eight to an edge. First those that add edges are taken, each
time the one that adds the most, then those that add features.
"""
import heapq
import sys


def read(path):
    with open(path, encoding="utf-8", errors="replace") as f:
        lines = f.read().splitlines()
    names = lines[2:2 + int(lines[0])]
    features = {}
    for line in lines[2 + len(names):]:
        words = line.split()
        if words and words[0] == "FT":
            features[int(words[1])] = {int(w) for w in words[2:]}
    return names, features


def greedy(sets, most):
    have, order = set(), []
    heap = [(-len(fs), i) for i, fs in sets.items()]  # what each would add, at most: it only becomes less
    heapq.heapify(heap)
    while heap and len(order) < most:
        _, i = heapq.heappop(heap)
        gain = len(sets[i] - have)
        if gain == 0:
            continue
        if heap and gain < -heap[0][0]:
            heapq.heappush(heap, (-gain, i))
            continue
        have |= sets[i]
        order.append(i)
    return order


def main():
    names, features = read(sys.argv[1])
    most = int(sys.argv[2])
    order = greedy({i: {f // 8 for f in fs} for i, fs in features.items()}, most)
    rest = {i: fs for i, fs in features.items() if i not in order}
    have = set().union(*(features[i] for i in order)) if order else set()
    order += greedy({i: fs - have for i, fs in rest.items()}, most - len(order))
    for i in order:
        print(names[i])


main()
