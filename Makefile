# Rookery's build. `make help` lists the targets.
#   BUILD=release|debug|asan|tsan|fuzz|coverage   which build (default release); each has its folder under build/
BUILD ?= release
OUT := build/$(BUILD)
CC_release := gcc
CC_debug := gcc
CC_asan := gcc
CC_tsan := gcc
CC_coverage := gcc
CC_fuzz := clang
CC := $(CC_$(BUILD))

PACKAGES := libuv rocksdb libpq libcurl libsodium libssl libcrypto libnghttp2 inih libseccomp libutf8proc
WARN := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2 -Wundef -Wpointer-arith \
	-Wconversion -Wno-sign-conversion
CFLAGS_release := -O2 -g -fno-plt
CFLAGS_debug := -O0 -g3
CFLAGS_asan := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
CFLAGS_tsan := -O1 -g -fsanitize=thread -fno-omit-frame-pointer
CFLAGS_coverage := -O0 -g --coverage
# clang also warns of fields that a macro of a library leaves out.
CFLAGS_fuzz := -O1 -g -fsanitize=address,undefined,fuzzer-no-link -fno-sanitize-recover=all -Wno-missing-field-initializers
LDFLAGS_asan := -fsanitize=address,undefined
LDFLAGS_tsan := -fsanitize=thread
LDFLAGS_coverage := --coverage
LDFLAGS_fuzz := -fsanitize=address,undefined
CPPFLAGS := -D_GNU_SOURCE -Isrc -I$(OUT)/gen -include src/base/banned.h
CFLAGS := -std=c17 $(WARN) $(CFLAGS_$(BUILD)) -fstack-protector-strong $(shell pkg-config --cflags $(PACKAGES) 2>/dev/null)
LDLIBS := $(LDFLAGS_$(BUILD)) $(shell pkg-config --libs $(PACKAGES) 2>/dev/null) -lgd -lm -lpthread

LIB_SOURCES := $(filter-out src/main/main.c,$(shell find src -name '*.c' | sort))
LIB_OBJECTS := $(LIB_SOURCES:src/%.c=$(OUT)/src/%.o)
LIB := $(OUT)/librookery.a
# A unit or contract test is one file with a main of its own (cmocka); it links the whole library.
TEST_SOURCES := $(shell find tests/unit tests/contract -name 'test_*.c' 2>/dev/null | sort)
TEST_BINS := $(TEST_SOURCES:%.c=$(OUT)/%)
FUZZ_SOURCES := $(shell find tests/fuzz -name 'fuzz_*.c' 2>/dev/null | sort)
FUZZ_BINS := $(FUZZ_SOURCES:%.c=$(OUT)/%)
BENCH_SOURCES := $(shell find bench/micro -name '*.c' 2>/dev/null | sort)
BENCH_BINS := $(BENCH_SOURCES:%.c=$(OUT)/%)
# The load generator is one program of several files; it uses the lowest layers only.
LOAD_SOURCES := $(sort $(wildcard bench/load/*.c))
LOAD_OBJECTS := $(LOAD_SOURCES:%.c=$(OUT)/%.o)

# Preloaded into the server by the black-box tests; without sanitizers, since it comes before them.
FAULTS := $(OUT)/tests/fault/powercut.so $(OUT)/tests/fault/slowdisk.so

.DEFAULT_GOAL := rookery
.PHONY: all lib rookery tests faults fuzzers micro load clean help deps run cluster chaos web test fuzz coverage bench bench-cluster install format check generate
all: rookery
lib: $(LIB)
rookery: $(OUT)/rookery
tests: $(TEST_BINS)
faults: $(FAULTS)
fuzzers: $(FUZZ_BINS)
micro: $(BENCH_BINS)
load: $(OUT)/rookery-load

src/store/columns.h: src/store/tables.def tools/gen-columns
	tools/gen-columns $< > $@

$(OUT)/src/%.o: src/%.c src/store/columns.h
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c $< -o $@
$(LIB): $(LIB_OBJECTS)
	rm -f $@ && ar rcs $@ $^
$(OUT)/rookery: $(OUT)/src/main/main.o $(LIB)
	$(CC) $(CFLAGS) $^ $(LDLIBS) -o $@
$(OUT)/tests/unit/%: tests/unit/%.c $(LIB)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) -Itests $(CFLAGS) -MMD -MP $< $(LIB) -lcmocka $(LDLIBS) -o $@
$(OUT)/tests/contract/%: tests/contract/%.c $(LIB)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) -Itests $(CFLAGS) -MMD -MP $< $(LIB) -lcmocka $(LDLIBS) -o $@
$(OUT)/tests/fault/%.so: tests/fault/%.c
	@mkdir -p $(@D)
	$(CC) -D_GNU_SOURCE -std=c17 $(WARN) -O2 -g -fPIC -shared $< -ldl -o $@
$(OUT)/tests/fuzz/%: tests/fuzz/%.c $(LIB)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) -Itests $(CFLAGS) -fsanitize=fuzzer -MMD -MP $< $(LIB) $(LDLIBS) -fsanitize=fuzzer -o $@
$(OUT)/bench/micro/%: bench/micro/%.c $(LIB)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) -Itests $(CFLAGS) -MMD -MP $< $(LIB) $(LDLIBS) -o $@
$(OUT)/bench/load/%.o: bench/load/%.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) -Ibench/load $(CFLAGS) -MMD -MP -c $< -o $@
$(OUT)/rookery-load: $(LOAD_OBJECTS) $(LIB)
	$(CC) $(CFLAGS) $^ $(LDLIBS) -o $@

# --- for people ---

PREFIX ?= /usr/local
SYSCONFDIR ?= /etc
DESTDIR ?=
JOBS := $(shell nproc 2>/dev/null || echo 2)
FUZZ_SECONDS ?= 600
# A make of its own, so that pkg-config is asked again once the packages are there.
SUBMAKE = $(MAKE) --no-print-directory -j$(JOBS)

help:
	@echo 'make run        install what is missing, build, and serve http://localhost:8008 from ./data (ARGS="--set ..." adds options)'
	@echo 'make cluster    a whole cluster on this machine: servers, HAProxy, RabbitMQ, PostgreSQL, Redis (ARGS="--servers 5" adds options)'
	@echo 'make test       everything that CI runs; tools/run-tests NAME... runs a part'
	@echo
	@echo 'make            build/release/rookery; BUILD=debug|asan|tsan|fuzz|coverage for other builds'
	@echo 'make deps       install the Debian packages that are missing (WHAT=test: those for the tests too)'
	@echo 'make web        the web client: web/dist (with npm; make run does that too)'
	@echo 'make install    program, web client, manual pages, systemd unit, configuration (PREFIX=$(PREFIX) SYSCONFDIR=$(SYSCONFDIR) DESTDIR=)'
	@echo 'make check      static analysis of everything; layers; sizes'
	@echo 'make format     format the C files'
	@echo 'make chaos      a cluster that is killed, cut off and slowed down while clients look for what is lost (DURATION=3600 for an hour; ARGS)'
	@echo 'make generate   make the files that are made from tables'
	@echo 'make fuzz       every fuzz target for FUZZ_SECONDS=$(FUZZ_SECONDS); NAME=json for one'
	@echo 'make coverage   which lines the unit and contract tests run: build/coverage/html'
	@echo 'make bench      the measurements; make bench-cluster: those of a cluster'
	@echo 'make clean      remove build/'

WHAT ?= run
deps:
	@tools/install-deps $(WHAT)

run:
	@tools/install-deps run
	@tools/build-web --optional
	@echo 'Building the server (the first time takes a minute or two)...'
	@$(SUBMAKE) -s BUILD=release rookery
	@exec build/release/rookery serve $(ARGS)

cluster:
	@tools/install-deps cluster
	@tools/build-web --optional
	@echo 'Building the server (the first time takes a minute or two)...'
	@$(SUBMAKE) -s BUILD=release rookery
	@tools/cluster $(ARGS) || test $$? -eq 130 # Ctrl-C

# DURATION=3600: an hour of faults in rounds; ARGS="--overlap" and others as tests/chaos/run --help tells.
DURATION ?= 0
chaos:
	@tools/install-deps test
	@$(SUBMAKE) -s BUILD=release rookery faults
	@exec tests/chaos/run --duration $(DURATION) $(ARGS)

web:
	@tools/install-deps run
	@tools/build-web

test:
	@tools/install-deps test
	@tools/run-tests

fuzz:
	@tools/install-deps test
	@$(SUBMAKE) -s BUILD=fuzz fuzzers
	@tools/fuzz $(FUZZ_SECONDS) $(NAME)

coverage:
	@tools/install-deps test
	@$(SUBMAKE) -s BUILD=coverage tests
	@tools/coverage

bench:
	@tools/install-deps test
	@$(SUBMAKE) -s BUILD=release rookery micro load
	@set -e; for b in $(BENCH_SOURCES:%.c=build/release/%); do echo "== $$b"; $$b; done
	@bench/run

bench-cluster:
	@tools/install-deps test
	@$(SUBMAKE) -s BUILD=release rookery load
	@bench/cluster $(ARGS)

check:
	@tools/check-layers
	@tools/check-size
	@tools/check-code cppcheck
	@tools/check-code tidy
	@tools/check-code analyzer

format:
	@tools/format

generate:
	@$(SUBMAKE) -s BUILD=release rookery
	@tools/generate

# As a whole: files of an older client would be served for ever.
WEB := $(DESTDIR)$(PREFIX)/share/rookery/web
INSTALL_WEB = rm -rf $(WEB) && install -d $(dir $(WEB)) && cp -R --no-preserve=mode,ownership web/dist $(WEB) && chmod -R a+rX $(WEB)

install: rookery
	install -D -m 755 $(OUT)/rookery $(DESTDIR)$(PREFIX)/bin/rookery
	install -D -m 644 docs/rookery.1 $(DESTDIR)$(PREFIX)/share/man/man1/rookery.1
	install -D -m 644 docs/rookery.conf.5 $(DESTDIR)$(PREFIX)/share/man/man5/rookery.conf.5
	install -d $(DESTDIR)$(PREFIX)/lib/systemd/system
	sed 's|@PREFIX@|$(PREFIX)|g; s|@SYSCONFDIR@|$(SYSCONFDIR)|g' deploy/rookery.service >$(DESTDIR)$(PREFIX)/lib/systemd/system/rookery.service
	chmod 644 $(DESTDIR)$(PREFIX)/lib/systemd/system/rookery.service
	install -D -m 644 deploy/rookery.conf $(DESTDIR)$(PREFIX)/share/doc/rookery/rookery.conf
	test -e $(DESTDIR)$(SYSCONFDIR)/rookery/rookery.conf || install -D -m 640 deploy/rookery.conf $(DESTDIR)$(SYSCONFDIR)/rookery/rookery.conf
	@if [ -e web/dist/index.html ]; then $(INSTALL_WEB); elif [ -e web/package-lock.json ]; then echo 'Installed without the web client: build it with make web.'; fi

clean:
	rm -rf build
-include $(shell find $(OUT) -name '*.d' 2>/dev/null)
