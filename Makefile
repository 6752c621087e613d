# The front door: every command a person (and CI) needs. `make help` lists them.
#
# BUILD    the build folder (build)            JOBS    parallel compilers (all cores)
# PREFIX   where `make install` puts things    WERROR  1: warnings are errors, as in CI

BUILD ?= build
PREFIX ?= /usr/local
DESTDIR ?=
JOBS ?= $(shell nproc)
WERROR ?= 0
CONNECTIONS ?= 1000000
export BUILD JOBS WERROR

MESON_ARGS = --prefix=$(PREFIX) $(if $(filter 1,$(WERROR)),-Dwerror=true,-Dwerror=false)

.PHONY: soak build deps deps-test demo test test-unit test-sim test-asan test-tsan test-fuzz test-command test-net test-install test-vm \
	bench install coverage lint clean help

build: $(BUILD)/build.ninja ## configure when needed, then compile
	@ninja -C $(BUILD) -j $(JOBS)

$(BUILD)/build.ninja:
	@command -v meson >/dev/null || { echo "meson is not installed; run: make deps" >&2; exit 1; }
	meson setup $(BUILD) $(MESON_ARGS)

deps: ## install what building needs (Debian 12; root or passwordless sudo)
	@tests/deps.sh build

deps-test: ## install what the tests need on top
	@tests/deps.sh build test vm

demo: deps ## a million connections held at once on the simulated link
	@$(MAKE) --no-print-directory build
	$(BUILD)/apps/spate load --dev sim --hold --connections $(CONNECTIONS) http://10.0.0.1/

test: deps-test ## everything: units, simulations, command, clang with sanitizers, fuzzing, install, kernel and virtual machine (root)
	@$(MAKE) --no-print-directory build
	@tests/run unit sim command install net asan tsan fuzz vm

test-unit test-sim: build ## one suite; `make test-unit ARGS=test_name` picks one program
	@tests/run $(@:test-%=%)

test-asan test-tsan test-fuzz: ## builds of their own: clang with sanitizers; threads; fuzzed (FUZZ_SECONDS=3600 for longer)
	@tests/run $(@:test-%=%)

test-command test-net test-install: build ## the command on sim; against the kernel (root); the installed files
	@tests/run $(@:test-%=%)

test-vm: ## spate on NIC models of QEMU: RSS as predicted, and without RSS (root); ARGS="igb virtio-rss" picks models
	@tests/run vm

SEEDS ?= 1-100000
soak: build ## simulations for as many seeds as you like: make soak SEEDS=1-1000000
	$(BUILD)/tests/sim/spate-sim --seeds $(SEEDS)

bench: build ## the benchmark table, with the Linux kernel beside it
	@perf/bench.sh $(BUILD) $(ARGS)

install: build ## library, headers, pkg-config file and command; DESTDIR and PREFIX as usual
	meson configure $(BUILD) --prefix=$(PREFIX)
	DESTDIR=$(DESTDIR) meson install -C $(BUILD)

coverage: ## lines of lib/ that unit tests and simulations run, per room; fails below the bars in tests/coverage.py
	@tests/deps.sh build test
	@[ -f $(BUILD)-cov/build.ninja ] || meson setup $(BUILD)-cov -Db_coverage=true --buildtype=debug -Doptimization=1
	@ninja -C $(BUILD)-cov -j $(JOBS)
	@find $(BUILD)-cov -name '*.gcda' -delete
	@BUILD=$(BUILD)-cov ARGS= tests/run unit sim
	@tests/coverage.py $(BUILD)-cov $(ARGS)

lint: ## shellcheck over every script; what docs/standards.md and docs/sockets.md name
	tests/standards.py
	tests/rows.py
	shellcheck -x .ci/run config/*.sh perf/*.sh perf/pvp/*.sh perf/million/*.sh tests/run tests/*.sh tests/fuzz/*.sh tests/net/*.sh tests/vm/*.sh

clean: ## remove the build folders
	rm -rf $(BUILD) $(BUILD)-asan $(BUILD)-cov $(BUILD)-tsan

help:
	@awk -F ':.*## ' '/^[a-z][a-z -]*:.*## / { printf "  make %-24s %s\n", $$1, $$2 }' Makefile
