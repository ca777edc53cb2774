# Build, run, test, install, uninstall: `make help` lists the targets.
#
# Packagers set PREFIX, DESTDIR, SYSCONFDIR, UNITDIR and SYSUSERSDIR. With DESTDIR nothing outside it is touched: no user
# is made, and systemd is not called.

PREFIX      ?= /usr/local
SYSCONFDIR  ?= /etc
UNITDIR     ?= /etc/systemd/system
SYSUSERSDIR ?= $(SYSCONFDIR)/sysusers.d
ZSHDIR      ?= $(PREFIX)/share/zsh/site-functions
DESTDIR     ?=

# rustup puts cargo where a shell that was open before does not look, and where root does not look at all.
CARGO  ?= $(firstword $(shell command -v cargo) $(wildcard $(HOME)/.cargo/bin/cargo))
TARGET := $(or $(CARGO_TARGET_DIR),target)
BINARY := $(TARGET)/release/vps-monitor
# Only `make static` names it: with a target named, cargo builds its own tools without the flags for the static binary.
TRIPLE  = $(shell uname -m)-unknown-linux-gnu
STATIC  = $(TARGET)/$(TRIPLE)/release/vps-monitor

# GNU's linker and LLVM's take such scripts, gold and mold do not: LINK= leaves them out.
LINK   ?= -C link-arg=-Wl,-O2,--no-eh-frame-hdr,-z,separate-loadable-segments,-T,$(CURDIR)/.cargo/without-unwind-tables.ld $(ORDER) $(RELR)
# What runs at each check lies side by side, which mostly saves a quarter of its CPU time. It is found by its mangled names, and
# the old mangling has one name for all instances of a generic function. RUSTFLAGS in the environment replace MANGLING.
ORDER   = -C link-arg=-Wl,-T,$(CURDIR)/.cargo/check-together.ld
MANGLING = -C symbol-mangling-version=v0
MANGLED = --config 'build.rustflags="$(MANGLING)"'
# Relocations as a bitmap, 0.2 MB less of the binary: for a C library that reads them, glibc 2.36 or newer, on this machine.
RELR   ?= $(shell printf 'glibc 2.36\n%s\n' "$$(getconf GNU_LIBC_VERSION 2>/dev/null)" | sort -VC 2>/dev/null && \
	echo '-C link-arg=-Wl,-z,pack-relative-relocs')

export PREFIX SYSCONFDIR UNITDIR SYSUSERSDIR ZSHDIR DESTDIR BINARY

.DEFAULT_GOAL := build
.PHONY: build small run test simulate fuzz bench bench-growth bench-instructions order test-systemd install uninstall purge deb static image help tools

build: tools  ## build the release binary (a minute or two; up to 540 MB of memory in one process)
	$(CARGO) rustc $(MANGLED) --release --locked --bin vps-monitor -- $(LINK)

# What it makes is put where the release binary is, so that everything after it (install, deb) is the same.
small: tools  ## build it with less memory, for a server of 512 MB with swap
	$(CARGO) rustc $(MANGLED) --profile small --jobs 1 --locked --bin vps-monitor -- $(LINK)
	@mkdir -p '$(dir $(BINARY))' && install -m 755 '$(TARGET)/small/vps-monitor' '$(BINARY)'

# With the built-in defaults (an empty configuration), whatever the machine has in /etc. The state stays in target, so
# nothing is left behind. A debug build, because it takes half the time.
run: tools  ## build and run the agent in the foreground with the built-in defaults (Ctrl-C ends it)
	@$(CARGO) build --locked
	@exec $(TARGET)/debug/vps-monitor --config /dev/null --state-dir target/run-state run

# Tests with a real Docker engine make containers in the one that runs here, so they are left out unless they are asked
# for: VPS_MONITOR_TEST_DOCKER=1 make test.
test: tools  ## run the whole test suite (VPS_MONITOR_TEST_DOCKER=1: with this machine's Docker engine, too)
	$(CARGO) test --locked

# SEED and HOURS repeat one run with its trace; DAYS is for as many days over seeds that nobody tried before, or from SEED on.
simulate: tools  ## simulate DAYS=2000 of faults over fresh seeds, or repeat one run: SEED=… HOURS=…
	SIMULATE_HOURS=$(or $(HOURS),72) $(if $(SEED),SIMULATE_SEED=$(SEED)) $(if $(and $(SEED),$(if $(DAYS),,none)),,SIMULATE_DAYS=$(or $(DAYS),2000)) \
		$(CARGO) test --locked --profile simulation --test main simulator::nothing -- --nocapture

# Each target for a minute, from the fixtures on. Findings are kept in fuzz/artifacts, and belong into fixtures.
fuzz:  ## fuzz each parser of outside input, a minute each (nightly Rust and cargo-fuzz)
	@$(CARGO) +nightly fuzz --version >/dev/null 2>&1 || { \
		echo 'make: left out: this takes nightly Rust and cargo-fuzz (rustup toolchain install nightly; cargo install cargo-fuzz)'; exit 0; }; \
	fuzz/seeds.sh && for target in proc bus engine robot state config cron foreign replay cgroup; do \
		$(CARGO) +nightly fuzz run $$target -- -max_total_time=$(or $(SECONDS_EACH),60) -print_final_stats=1 || exit 1; \
	done

# Beside a minimal C loop and a psutil script, both in benches/compare. Without python3-psutil, strace and openssl some rows are left out.
bench: build  ## measure what watching costs, beside other programs (some 3 minutes; python3, a C compiler)
	@$(CARGO) test --locked --test main -- --nocapture allocates_next_to_nothing 2>&1 | grep 'heap allocations'
	@python3 -B benches/compare/measure.py '$(BINARY)'

bench-growth: build  ## the same beside 100,000 sockets and 5,000 processes (1 GB of memory)
	@python3 -B benches/compare/measure.py '$(BINARY)' --growth

# The runner must be of the very version of the library, which Cargo.lock has.
bench-instructions: RUNNER = cargo install gungraun-runner --version $(shell sed -n '/^name = "gungraun"$$/{n;s/^version = "\(.*\)"/\1/p}' Cargo.lock)
bench-instructions: tools  ## count the instructions of a check (valgrind, gungraun-runner)
	@PATH="$$PATH:$(dir $(CARGO))"; missing=; \
	command -v valgrind >/dev/null || missing=' valgrind (Debian: apt install valgrind)'; \
	command -v gungraun-runner >/dev/null || missing="$$missing gungraun-runner ($(RUNNER))"; \
	test -z "$$missing" || { echo "make: left out: this is missing:$$missing"; exit 0; }; \
	$(CARGO) bench --locked --package vps-monitor-instructions

# For after a change of what a check does. A script that is out of date costs some of its effect, and nothing else. cargo
# does not look at it: it links anew when a source is newer.
order: tools  ## find the functions in which a check runs anew, for the linker (valgrind, nm, python3; some 4 minutes)
	@command -v valgrind >/dev/null || { echo 'make: left out: this takes valgrind (Debian: apt install valgrind)'; exit 0; }; \
	CARGO_PROFILE_RELEASE_STRIP=none $(CARGO) rustc $(MANGLED) --release --target-dir $(TARGET)/order --locked --bin vps-monitor && \
	python3 -B benches/order.py $(TARGET)/order/release/vps-monitor >$(TARGET)/check-together.ld && \
	mv $(TARGET)/check-together.ld .cargo/check-together.ld && touch src/main.rs

tools:
	@missing=; \
	test -n '$(CARGO)' && $(CARGO) --version >/dev/null 2>&1 || missing="$$missing\n  cargo (Rust 1.89 or newer): https://rustup.rs"; \
	command -v $${CC:-cc} >/dev/null 2>&1 || missing="$$missing\n  a C compiler (Debian: apt install gcc libc6-dev)"; \
	test -z "$$missing" || { printf "make: this is missing:$$missing\n" >&2; exit 1; }

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):[^#]*## /\1\t/p' $(firstword $(MAKEFILE_LIST)) | expand -t 20

# A binary that was built before is installed as it is, so that only this needs root. If there is none, the user who
# called sudo builds it: a target folder owned by root would be in that user's way.
install:  ## install or upgrade (root; PREFIX, DESTDIR, SYSCONFDIR, UNITDIR)
	@test -x '$(BINARY)' || { \
		if test "$$(id -u)" = 0 && test -n "$${SUDO_USER-}" && test "$$SUDO_USER" != root; then \
			runuser -u "$$SUDO_USER" -- env HOME="$$(getent passwd "$$SUDO_USER" | cut -d: -f6)" $(MAKE) --no-print-directory build; \
		else $(MAKE) --no-print-directory build; fi; }
	@test -z "$$(find src Cargo.toml Cargo.lock -newer '$(BINARY)' -print -quit 2>/dev/null)" || \
		echo 'note: the sources are newer than $(BINARY), which is installed as it is; `make build` makes it anew' >&2
	@systemd/install.sh install

uninstall:  ## stop the service and remove what install put there; configuration and state are kept
	@systemd/install.sh uninstall

purge:  ## uninstall, and remove configuration, state and the user too (asks first; YES=1: does not)
	@systemd/install.sh purge

test-systemd: $(BINARY)  ## install and operate it in a booted Debian (root, systemd-nspawn; some 8 minutes)
	@tests/systemd/run.sh

$(BINARY):
	@$(MAKE) --no-print-directory build

deb:  ## build a Debian package in target/debian
	@test -x '$(BINARY)' || $(MAKE) --no-print-directory build
	@systemd/debian/build.sh

# One file that runs on any Linux of this architecture. It resolves names by /etc/hosts and DNS only: glibc loads its
# other sources (mdns, LDAP, systemd-resolved's own) as libraries of its own version, which may not be there.
# It carries the time zones, because an image made of it has no tzdata.
static: tools  ## build a static binary with the time zones in it (glibc; names from /etc/hosts and DNS only)
	RUSTFLAGS='-C target-feature=+crt-static $(MANGLING) $(ORDER) $(RELR)' $(CARGO) build --release --locked --target $(TRIPLE) --features bundled-zones
	@echo '$(STATIC)'

image: static  ## make the container image vps-monitor:VERSION, by docker import
	@systemd/container/image.sh '$(STATIC)'
