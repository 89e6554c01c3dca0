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

PACKAGES := libuv rocksdb libsodium libssl libcrypto libnghttp2 inih libseccomp libutf8proc
WARN := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2 -Wundef -Wpointer-arith \
	-Wconversion -Wno-sign-conversion
CFLAGS_release := -O2 -g -fno-plt
CFLAGS_debug := -O0 -g3
CFLAGS_asan := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
CFLAGS_tsan := -O1 -g -fsanitize=thread -fno-omit-frame-pointer
CFLAGS_coverage := -O0 -g --coverage
CFLAGS_fuzz := -O1 -g -fsanitize=address,undefined,fuzzer-no-link -fno-sanitize-recover=all
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

.PHONY: all lib rookery tests fuzzers micro clean
all: rookery
lib: $(LIB)
rookery: $(OUT)/rookery
tests: $(TEST_BINS)
fuzzers: $(FUZZ_BINS)
micro: $(BENCH_BINS)

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
$(OUT)/tests/fuzz/%: tests/fuzz/%.c $(LIB)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) -Itests $(CFLAGS) -fsanitize=fuzzer -MMD -MP $< $(LIB) $(LDLIBS) -fsanitize=fuzzer -o $@
$(OUT)/bench/micro/%: bench/micro/%.c $(LIB)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP $< $(LIB) $(LDLIBS) -o $@

clean:
	rm -rf build
-include $(shell find $(OUT) -name '*.d' 2>/dev/null)
