# SPDX-License-Identifier: GPL-2.0-only
# `make help` says what there is to make. A file dropped into a folder is built; no list to keep.

O	:= build
PREFIX	:= /usr/local
DESTDIR	:=
CC	:= gcc
CLANG	:= clang
CFLAGS	:= -O2 -g

# bpftool, ip and others live where Debian's users do not look.
export PATH := $(PATH):/usr/sbin:/sbin

# Where liblana looks for types that nobody named a folder for.
TYPES	:= $(abspath $(O))/bpf/blocks
# And the user-space halves of those that have one.
HALVES_DIR := $(abspath $(O))/user
# Where people find the sources of the blocks: the head of each is its manual.
MANUALS	:= $(abspath bpf/blocks)

VERSION	:= $(shell sed -n 's/^\#define LANA_VERSION "\(.*\)"/\1/p' include/lana/lana.h)
MAJOR	:= $(firstword $(subst ., ,$(VERSION)))
TRIPLET	:= $(shell $(CC) -dumpmachine 2>/dev/null)
PKGS	:= libxdp libbpf libelf zlib libnl-3.0 libnl-route-3.0 yaml-0.1 expat libpcap
# What only applications need: one that lacks something is left out.
CALL_PKGS := opus speexdsp alsa
pkg	= $(shell pkg-config $(1) 2>/dev/null)

C_FLAGS	 := $(CFLAGS) -std=gnu11 -Wall -Wextra -Werror -fPIC -D_GNU_SOURCE= -Iinclude -I. \
	    -I$(O)/bpf -DLANA_TYPES_DIR='"$(TYPES)"' -DLANA_MANUALS_DIR='"$(MANUALS)"' \
	    -DLANA_HALVES_DIR='"$(HALVES_DIR)"' \
	    $(call pkg,--cflags $(PKGS) json-c) $(call pkg,--cflags $(CALL_PKGS))
# liblana.a refers to libpcap weakly, and some linkers would leave it out for that.
LIBS	 := $(call pkg,--libs $(PKGS)) -Wl,--push-state,--no-as-needed -lpcap -Wl,--pop-state -lpthread -lm -ldl
CLI_LIBS := $(call pkg,--libs json-c) -lm
# Of programs that have a worker: what halves call.
HOSTS	:= '-Wl,--export-dynamic-symbol=lana_user_*'
BPF_FLAGS := --target=bpf -mcpu=v3 -O2 -g -Wall -Wextra -Wno-unused-parameter -Werror \
	     -Iinclude -I. -idirafter /usr/include/$(TRIPLET)

# name.bpf.c is BPF; anything else that ends in .c is for user space.
c_in	= $(filter-out %.bpf.c,$(wildcard $(1)/*.c))
objects	= $(patsubst %.c,$(O)/%.o,$(1))

# What a link's settings mean is the loader's business, too.
LOADER	:= $(call objects,$(call c_in,loader) $(call c_in,topo) engine/config.c)
# The rest of the link engine is no part of liblana, but of what emulates links.
ENGINE	:= $(call objects,$(call c_in,engine))
CLI	:= $(call objects,$(call c_in,cli))
# apps/x/ is the program lana-x, apps/common/ what they share; from cli/ they take how to print and
# how to read commands.
has	= $(shell pkg-config --exists $(1) 2>/dev/null && echo y)
APPS	:= cat echo ping sniff $(if $(call has,$(CALL_PKGS)),call)
WITHOUT	= $(if $(call has,$(CALL_PKGS)),,call)
APP_PROGRAMS := $(APPS:%=$(O)/lana-%)
APP_PAGES := $(APPS:%=$(O)/lana-%.1)
LIBS_call := $(if $(filter call,$(APPS)),$(call pkg,--libs $(CALL_PKGS)))
APP_LIBS := $(foreach a,$(APPS),$(LIBS_$a))
APP_CLI	:= $(addprefix $(O)/cli/,error.o out.o pcapng.o roff.o stream.o text.o words.o)
app_objects = $(call objects,$(filter-out %/main.c,$(call c_in,apps/$(1)) $(call c_in,apps/common)))
PRELOAD	:= $(call objects,$(call c_in,preload))
BLOCKS	:= $(patsubst %.c,$(O)/%.o,$(wildcard bpf/blocks/*.bpf.c))
HALVES	:= $(patsubst %.c,$(O)/%.so,$(wildcard user/*.c))
ROOTS	:= $(patsubst %.bpf.c,$(O)/%.skel.h,$(wildcard bpf/*.bpf.c))
LIBRARY	:= $(addprefix $(O)/,liblana.a liblana.so.$(MAJOR) liblana.so lana.pc lana-block.pc \
	   liblana-preload.so)

# test_x.c, bench_x.c, x_main.c and demo/x.c are programs, fuzz_x.c is a libFuzzer target; the other
# files of selftests/ and bench/ are linked into whichever program wants them. x_lib.sh is no test.
SOURCES	:= $(filter-out $(foreach a,$(WITHOUT),selftests/test_$a% selftests/$a%), \
	   $(foreach d,selftests bench demo,$(call c_in,$d)))
FUZZ	:= $(patsubst %.c,$(O)/%,$(filter selftests/fuzz_%,$(SOURCES)))
MAINS	:= $(filter selftests/test_% bench/bench_% %_main.c demo/%,$(SOURCES))
PROGRAMS := $(patsubst %.c,$(O)/%,$(MAINS:_main.c=.c))
HELPERS	:= $(call objects,$(filter-out $(MAINS) selftests/fuzz_%,$(SOURCES)))
SKELS	:= $(patsubst %.bpf.c,$(O)/%.skel.h,$(wildcard selftests/*.bpf.c bench/*.bpf.c))
TEST_TYPES := $(patsubst %.c,$(O)/%.o,$(wildcard selftests/blocks/*.bpf.c demo/*.bpf.c)) \
	   $(patsubst %.c,$(O)/%.so,$(wildcard selftests/user/*.c))
# Asked when the tests run, as setup may have installed what an application lacked.
TESTS	= $(filter-out $(foreach a,$(WITHOUT),$(O)/selftests/test_$a%), \
	   $(patsubst %.c,$(O)/%,$(wildcard selftests/test_*.c))) \
	   $(filter-out selftests/lib.sh selftests/%_lib.sh,$(wildcard selftests/*.sh))
DEMO	:= $(filter $(O)/demo/%,$(PROGRAMS) $(TEST_TYPES)) $(O)/selftests/traffic
BENCHES	:= $(filter $(O)/bench/%,$(PROGRAMS))

Q	:= $(if $(V),,@)
say	= $(if $(V),,@printf '  %-8s%s\n' $(1) $@)
need	= $(Q)mkdir -p $(@D)
AS_ROOT	= test "$$(id -u)" -ne 0 ||
# What root built belongs to whom the sources belong to, so that make works again without root.
GIVE	= $(AS_ROOT) chown -R --reference=Makefile $(O)
ROOT	= test "$$(id -u)" -eq 0 || \
	  { echo '$@ needs root, for network namespaces and BPF: sudo make $@' >&2; exit 1; }
BUILD	= $(MAKE) --no-print-directory -j"$$(nproc)"

.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all tests setup demo check bench lint install uninstall clean help FORCE

all: $(LIBRARY) $(O)/lanactl $(BLOCKS) $(HALVES) $(APP_PROGRAMS)
	$(if $(WITHOUT),@echo 'lana: left out for want of packages that pkg-config calls $(CALL_PKGS):' $(WITHOUT:%=lana-%))
tests: all $(PROGRAMS) $(FUZZ) $(TEST_TYPES)

help:
	@echo 'make            liblana, lanactl, the blocks and the applications, into $(O)/'
	@echo 'make demo       as root: rewire a stack thousands of times under load; see README.md'
	@echo 'make check      as root: build and run all tests; T="FILE..." picks some'
	@echo 'make bench      as root: measure, against baselines in the same run'
	@echo 'make lint       format, shell, block headers, commit subjects, man page'
	@echo 'make install    to $$DESTDIR$(PREFIX); make uninstall takes it away again'
	@echo 'make clean      remove $(O)/'
	@echo 'V=1 shows commands, O=DIR builds elsewhere, PREFIX=DIR installs elsewhere'
	@echo 'demo, check and bench, run by root, install the Debian packages that are missing (tools/setup)'

# ---- what the build needs ----------------------------------------------------------------

$(O)/probed: tools/probe
	$(need)
	$(Q)CC='$(CC)' CLANG='$(CLANG)' tools/probe
	$(Q)touch $@

# Changes when the flags do, and with it all that was compiled with them.
$(O)/flags: FORCE | $(O)/probed
	$(Q)echo '$(subst ','\'',$(CC) $(C_FLAGS) $(CLANG) $(BPF_FLAGS))' >$@.new
	$(Q)if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi

# ---- BPF -----------------------------------------------------------------------------------

$(O)/%.bpf.o: %.bpf.c $(O)/flags
	$(call say,CLANG)
	$(need)
	$(Q)$(CLANG) $(BPF_FLAGS) -MMD -MP -c $< -o $@
	$(Q)llvm-strip -g $@

# What a worker loads: it finds lana_user_* in the program that loads it.
$(O)/%.so: %.c $(O)/flags
	$(call say,HALF)
	$(need)
	$(Q)$(CC) $(C_FLAGS) $(LDFLAGS) -shared -Wl,--exclude-libs,ALL -MMD -MP -MF $(@:.so=.d) -MT $@ $< \
	  $(filter %.o %.a,$^) $(HALF_LIBS) -o $@

# The rest of a half lies in a folder of its name.
$(foreach d,$(patsubst user/%/,%,$(wildcard user/*/)), \
  $(eval $(O)/user/$d.so: $(call objects,$(call c_in,user/$d))))
$(O)/user/link.so: HALF_LIBS := -lm
$(O)/user/link.so: $(O)/engine.a

# The root is struct root; traffic.bpf.c of the tests is struct traffic_bpf.
$(O)/%.skel.h: $(O)/%.bpf.o
	$(call say,SKEL)
	$(Q)bpftool gen skeleton $< name $(notdir $*)$(if $(filter $(O)/bpf/%,$@),,_bpf) >$@

# ---- library and command ---------------------------------------------------------------------

$(O)/%.o: %.c $(O)/flags | $(ROOTS)
	$(call say,CC)
	$(need)
	$(Q)$(CC) $(C_FLAGS) -I$(O)/$(<D) -MMD -MP -c $< -o $@

$(O)/liblana.a: $(LOADER)
	$(call say,AR)
	$(Q)rm -f $@
	$(Q)$(AR) rcs $@ $^

# The shared library exports what these declare: the headers that lana.h includes.
PUBLIC	:= $(shell sed -n 's|^\#include <\(lana/.*\)>|include/\1|p' include/lana/lana.h)

$(O)/liblana.map: include/lana/lana.h $(PUBLIC)
	$(need)
	$(Q){ echo 'LANA_$(MAJOR) {'; echo 'global:'; \
	  grep -ho '\<lana_[a-z_]*(' $^ | sort -u | tr '(' ';'; echo 'local: *; };'; } >$@

$(O)/engine.a: $(ENGINE)
	$(call say,AR)
	$(Q)rm -f $@
	$(Q)$(AR) rcs $@ $^

$(O)/liblana.so.$(MAJOR): $(LOADER) $(O)/liblana.map
	$(call say,LINK)
	$(Q)$(CC) $(LDFLAGS) -shared -Wl,-soname,$(@F) -Wl,--version-script=$(O)/liblana.map \
	  -Wl,-z,defs $(LOADER) $(LIBS) -o $@

$(O)/liblana.so: | $(O)/liblana.so.$(MAJOR)
	$(Q)ln -sf liblana.so.$(MAJOR) $@

# Self-contained: a program that it is preloaded into may have another liblana.
$(O)/liblana-preload.so: $(PRELOAD) $(O)/liblana.a preload/preload.map
	$(call say,LINK)
	$(Q)$(CC) $(LDFLAGS) -shared -Wl,-soname,$(@F) -Wl,--version-script=preload/preload.map \
	  -Wl,-z,defs $(PRELOAD) $(O)/liblana.a $(LIBS) -o $@

$(O)/lanactl: $(CLI) $(O)/liblana.a
	$(call say,LINK)
	$(Q)$(CC) $(LDFLAGS) $^ $(LIBS) $(CLI_LIBS) $(HOSTS) -o $@

$(O)/lanactl.8: $(O)/lanactl
	$(Q)$< help man >$@

$(O)/lanactl.bash: $(O)/lanactl
	$(Q)$< help completion >$@

define app
$(O)/apps/$(1).a: $(call app_objects,$(1)) $(APP_CLI)
	$$(Q)rm -f $$@
	$$(Q)$$(AR) rcs $$@ $$^

$(O)/lana-$(1): $(O)/apps/$(1)/main.o $(O)/apps/$(1).a $(O)/liblana.a
	$$(call say,LINK)
	$$(Q)$$(CC) $$(LDFLAGS) $$^ $$(LIBS) $$(CLI_LIBS) $$(LIBS_$(1)) -o $$@

$(O)/lana-$(1).1: $(O)/lana-$(1)
	$$(Q)$$< --man >$$@
endef
$(foreach a,$(APPS),$(eval $(call app,$a)))

# In the build tree the .pc files name the build tree; installed, what is under the prefix.
pc	= sed -e 's|@prefix@|$(1)|' -e 's|@libdir@|$(2)|' -e 's|@includedir@|$(3)|' \
	  -e 's|@mapsdir@|$(4)|' -e 's|@version@|$(VERSION)|' -e 's|@triplet@|$(TRIPLET)|' \
	  -e 's|@requires@|$(filter-out libpcap,$(PKGS))|'

$(O)/%.pc: packaging/%.pc.in Makefile include/lana/lana.h
	$(need)
	$(Q)$(call pc,$(CURDIR),$(abspath $(O)),$${prefix}/include,$${prefix}) $< >$@

# ---- tests and benchmarks ----------------------------------------------------------------

$(call objects,$(SOURCES)): | $(SKELS)

$(O)/helpers.a: $(HELPERS)
	$(Q)rm -f $@
	$(Q)$(AR) rcs $@ $^

# The application that a program is named after is linked into it.
app_of	= $(foreach a,$(APPS),$(if $(filter selftests/test_$a% selftests/$a%,$(1)),$(O)/apps/$a.a))

define program
$(2): $(call objects,$(1)) $(O)/helpers.a $(call app_of,$(1)) $(O)/engine.a $(O)/liblana.a
	$$(call say,LINK)
	$$(Q)$$(CC) $$(LDFLAGS) $$^ $$(LIBS) $$(CLI_LIBS) $$(MORE_LIBS) \
	  $(if $(call app_of,$(1)),$$(APP_LIBS)) -o $$@
endef
$(foreach m,$(MAINS),$(eval $(call program,$m,$(patsubst %.c,$(O)/%,$(m:_main.c=.c)))))

$(O)/bench/bench_userblock $(O)/bench/bench_link $(O)/bench/bench_reorder $(O)/bench/bench_paths: MORE_LIBS := $(HOSTS)
$(O)/selftests/test_crypt $(O)/selftests/test_crypt_keys: MORE_LIBS := -lcrypto
$(O)/selftests/test_reorder_spread: $(O)/user/reorder/spread.o

# The fuzz targets have a liblana of their own, by clang, with sanitizers in it.
SANITIZE := -fsanitize=fuzzer,address

$(O)/fuzz/%.o: %.c $(O)/flags | $(ROOTS)
	$(call say,CLANG)
	$(need)
	$(Q)$(CLANG) $(C_FLAGS) $(subst fuzzer,fuzzer-no-link,$(SANITIZE)) -I$(O)/$(<D) -MMD -MP -c $< -o $@

$(O)/fuzz/liblana.a: $(LOADER:$(O)/%=$(O)/fuzz/%)
	$(Q)rm -f $@
	$(Q)$(AR) rcs $@ $^

$(FUZZ): $(O)/%: $(O)/fuzz/%.o $(O)/fuzz/liblana.a
	$(call say,LINK)
	$(need)
	$(Q)if echo 'int LLVMFuzzerTestOneInput(void) { return 0; }' | \
	  $(CLANG) $(SANITIZE) -x c - -o $@ 2>/dev/null; \
	then $(CLANG) $(SANITIZE) $^ $(LIBS) -o $@; \
	else echo 'lana: clang has no fuzzer runtime (Debian package libclang-rt-dev): $@ is left out'; fi

setup:
	@$(AS_ROOT) ! command -v dpkg-query >/dev/null || tools/setup

check: setup
	@$(ROOT)
	@$(BUILD) tests
	@$(GIVE)
	@LANA_BUILD=$(abspath $(O)) HARNESS_RULESFILE=selftests/testrules.yml prove -j$$(($$(nproc) + 1)) --timer --failures --comments --exec 'timeout --foreground -k 10 600' $(or $(T),$(TESTS))

demo: setup
	@$(BUILD) all $(DEMO)
	@$(GIVE)
	@LANA_BUILD=$(abspath $(O)) demo/demo.sh

bench: setup
	@$(ROOT)
	@$(BUILD) tests
	@export LANA_BUILD=$(abspath $(O)); status=0; \
	for bench in $(BENCHES); do $$bench || { status=$$?; break; }; done; $(GIVE); exit $$status

lint: all $(O)/lanactl.8 $(APP_PAGES)
	@tools/lint $(O)

# ---- installation --------------------------------------------------------------------------

# The installed library looks for types under the prefix: build it again, with that path in it.
I	:= $(O)/installed
UNITS	:= lana-serve@.service lana-serve@.socket lana-worker@.service
INSTALLED = $(addprefix $(DESTDIR)$(PREFIX)/,sbin/lanactl lib/liblana.a lib/liblana.so \
	  lib/liblana.so.$(MAJOR) lib/liblana-preload.so lib/pkgconfig/lana.pc \
	  lib/pkgconfig/lana-block.pc share/man/man8/lanactl.8 $(APPS:%=bin/lana-%) \
	  $(APPS:%=share/man/man1/lana-%.1) share/bash-completion/completions/lanactl \
	  share/doc/lana lib/lana include/lana $(UNITS:%=lib/systemd/system/%))

install: all
	@$(BUILD) O=$(I) TYPES=$(PREFIX)/lib/lana/blocks \
	  HALVES_DIR=$(PREFIX)/lib/lana/user \
	  MANUALS=$(PREFIX)/share/doc/lana/blocks $(I)/lanactl.8 $(I)/lanactl.bash \
	  $(I)/lanactl $(I)/liblana.a $(I)/liblana.so.$(MAJOR) $(I)/liblana-preload.so \
	  $(APPS:%=$(I)/lana-%) $(APPS:%=$(I)/lana-%.1)
	@$(GIVE)
	install -D -t $(DESTDIR)$(PREFIX)/sbin $(I)/lanactl
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/lib $(I)/liblana.a $(I)/liblana.so.$(MAJOR) \
	  $(I)/liblana-preload.so
	ln -sf liblana.so.$(MAJOR) $(DESTDIR)$(PREFIX)/lib/liblana.so
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/lib/lana/blocks $(BLOCKS)
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/lib/lana/user $(HALVES)
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/include/lana include/lana/*.h
	install -d $(DESTDIR)$(PREFIX)/include/lana/maps $(DESTDIR)$(PREFIX)/lib/pkgconfig
	$(if $(wildcard maps/*.h),install -m 644 -t $(DESTDIR)$(PREFIX)/include/lana/maps maps/*.h)
	for pc in lana lana-block; do $(call pc,$(PREFIX),$${prefix}/lib,$${prefix}/include,$${includedir}/lana) \
	  packaging/$$pc.pc.in >$(DESTDIR)$(PREFIX)/lib/pkgconfig/$$pc.pc || exit; done
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man8 $(I)/lanactl.8
	$(if $(APPS),install -D -t $(DESTDIR)$(PREFIX)/bin $(APPS:%=$(I)/lana-%))
	$(if $(APPS),install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man1 $(APPS:%=$(I)/lana-%.1))
	install -D -m 644 $(I)/lanactl.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/lanactl
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/doc/lana README.md
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/doc/lana/docs docs/*.md docs/*.json
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/doc/lana/blocks bpf/blocks/*.bpf.c
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/doc/lana/examples examples/*.yaml examples/*.policy examples/*.hosts
	install -d $(DESTDIR)$(PREFIX)/lib/systemd/system
	for unit in $(UNITS); do sed -e 's|@sbindir@|$(PREFIX)/sbin|' -e 's|@docdir@|$(PREFIX)/share/doc/lana|' \
	  packaging/$$unit.in >$(DESTDIR)$(PREFIX)/lib/systemd/system/$$unit || exit; done
	test -n '$(DESTDIR)' || test "$$(id -u)" -ne 0 || ldconfig

uninstall:
	rm -rf $(INSTALLED)

clean:
	rm -rf $(O)

-include $(wildcard $(addsuffix /*.d,$(O)/loader $(O)/topo $(O)/engine $(O)/cli $(O)/preload $(O)/bpf $(O)/bpf/blocks \
  $(O)/user $(O)/user/link $(O)/user/reorder $(O)/selftests/user $(O)/selftests $(O)/selftests/blocks $(APPS:%=$(O)/apps/%) $(O)/apps/common \
  $(O)/bench $(O)/demo $(O)/fuzz/loader $(O)/fuzz/topo $(O)/fuzz/selftests))
