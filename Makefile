# stoxd: make, make deps, make check, make demo .. see "make help".
B	?= build
PREFIX	?= /usr/local
CC	?= cc
CLANG	?= clang-14
SECONDS	?= 60
OPT	?= -O2 -g
PKG	:= expat libcrypto libssl nice glib-2.0 gio-2.0 libsrtp2 libidn inih jansson sqlite3
RE_DEF	:= -DHAVE_INTTYPES_H -DHAVE_STDBOOL_H -DHAVE_INET6 -DUSE_OPENSSL -DUSE_TLS
WARN	:= -std=c11 -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	   -Wvla -Wcast-qual -Wformat=2 $(WERROR)
HARDEN	?= -D_FORTIFY_SOURCE=2 -fstack-protector-strong
VERSION	:= 0.1
ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j$(shell nproc)
endif
CPPFLAGS += -D_GNU_SOURCE -DVERSION='"$(VERSION)"' -I. -Igateway $(RE_DEF) -isystem /usr/include/re \
	   $(patsubst -I%,-isystem %,$(shell pkg-config --cflags $(PKG) 2>/dev/null))
CFLAGS	+= $(WARN) $(OPT) $(HARDEN) $(SAN) -fvisibility=hidden -fPIE -pthread -MMD -MP
LDFLAGS	+= $(SAN) -pie -pthread -Wl,-z,relro,-z,now
LDLIBS	+= -lre $(shell pkg-config --libs $(PKG) 2>/dev/null) -lm

# A folder is an archive; it may use those to its right (design.md section 2).
FOLDERS	:= admin bridge jingle sip xmpp media base sdp
src	= $(sort $(wildcard $(if $(filter sdp,$1),sdp,gateway/$1)/*.c))
$(foreach f,$(FOLDERS),$(eval SRC_$f := $(filter-out %/stoxctl.c,$(call src,$f))))
obj	= $(patsubst %.c,$(B)/%.o,$1)
ar	= $(patsubst %,$(B)/lib%.a,$1)
USES_sdp	:= sdp
USES_base	:= base
USES_media	:= media base sdp
USES_xmpp	:= xmpp reason base
USES_sip	:= sip reason base sdp
USES_jingle	:= jingle xmpp reason base sdp
USES_bridge	:= $(FOLDERS)
USES_admin	:= $(FOLDERS)

all: $(B)/stoxd $(B)/stoxctl	## build the daemon and its control tool (the default)
	@:

$(B)/stoxd: $(call obj,gateway/main.c) $(call ar,$(FOLDERS))
	@$(CC) $(LDFLAGS) -o $@ $< -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(LDLIBS)
$(B)/stoxctl: $(call obj,gateway/admin/stoxctl.c)
	@$(CC) $(LDFLAGS) -o $@ $<

define archive
$(B)/lib$1.a: $(call obj,$(SRC_$1))
	@rm -f $$@; $(AR) rcs $$@ $$^
endef
$(foreach f,$(FOLDERS),$(eval $(call archive,$f)))
$(B)/libreason.a: $(call obj,gateway/bridge/reason.c)
	@rm -f $@; $(AR) rcs $@ $^

$(B)/%.o: %.c
	@mkdir -p $(@D)
	@$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

# Unit tests: tests/unit/FOLDER_topic.c, one Check program each.
UNIT	:= $(sort $(wildcard tests/unit/*_*.c))
UNIT_BIN := $(patsubst tests/unit/%.c,$(B)/unit/%,$(UNIT))
folder	= $(firstword $(subst _, ,$(notdir $1)))
.SECONDEXPANSION:
$(B)/unit/%: $(B)/tests/unit/%.o $$(call ar,$$(USES_$$(call folder,%)))
	@mkdir -p $(@D)
	@$(CC) $(LDFLAGS) -o $@ $< -Wl,--start-group $(filter %.a,$^) -Wl,--end-group \
		$(shell pkg-config --libs check 2>/dev/null) $(LDLIBS)

# Fuzz targets: tests/fuzz/FOLDER_topic.c, libFuzzer; corpus beside it.
FUZZ	:= $(sort $(wildcard tests/fuzz/*_*.c))
FUZZ_NAMES := $(patsubst tests/fuzz/%.c,%,$(FUZZ))
FUZZ_FLAGS := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
FB	:= $(B)/fuzz
fuzz-build:
	@$(MAKE) --no-print-directory B=$(FB) FB=$(FB) CC=$(CLANG) HARDEN= OPT="-O1 -g" \
		SAN="$(FUZZ_FLAGS) -fsanitize=fuzzer-no-link" fuzz-bins
fuzz-bins: $(patsubst %,$(FB)/fuzz_%,$(FUZZ_NAMES))
$(FB)/fuzz_%: $(FB)/tests/fuzz/%.o $$(addsuffix .a,$$(addprefix $(FB)/lib,$$(USES_$$(call folder,%))))
	@$(CC) $(LDFLAGS) -fsanitize=fuzzer -o $@ $< -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(LDLIBS)

install: all	## install under PREFIX=/usr/local, into DESTDIR= when it is set
	install -d $(DESTDIR)$(PREFIX)/sbin $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/man/man1 \
		$(DESTDIR)$(PREFIX)/share/man/man8 \
		$(DESTDIR)$(PREFIX)/share/man/man5 $(DESTDIR)$(PREFIX)/share/doc/stoxd/examples \
		$(DESTDIR)$(PREFIX)/lib/systemd/system $(DESTDIR)/etc/stoxd
	install $(B)/stoxd $(DESTDIR)$(PREFIX)/sbin
	install $(B)/stoxctl $(B)/bench/stoxload $(DESTDIR)$(PREFIX)/bin
	install -m 644 docs/*.1 $(DESTDIR)$(PREFIX)/share/man/man1
	install -m 644 docs/*.8 $(DESTDIR)$(PREFIX)/share/man/man8
	install -m 644 docs/*.5 $(DESTDIR)$(PREFIX)/share/man/man5
	install -m 644 README.md LICENSE conf/stoxd.conf $(DESTDIR)$(PREFIX)/share/doc/stoxd
	install -m 644 conf/examples/* $(DESTDIR)$(PREFIX)/share/doc/stoxd/examples
	install -m 644 conf/fail2ban/stoxd.conf $(DESTDIR)$(PREFIX)/share/doc/stoxd/examples/fail2ban-filter.conf
	sed 's,@PREFIX@,$(PREFIX),' conf/stoxd.service >$(DESTDIR)$(PREFIX)/lib/systemd/system/stoxd.service
	[ -e $(DESTDIR)/etc/stoxd/stoxd.conf ] || install -m 640 conf/stoxd.conf $(DESTDIR)/etc/stoxd

.PHONY: all install fuzz-build fuzz-bins units clean
units: $(UNIT_BIN)
clean:	## remove what was built
	rm -rf $(B)
include tests/targets.mk
include $(wildcard tests/bench/bench.mk)
-include $(shell [ -d $(B) ] && find $(B) -name '*.d')
