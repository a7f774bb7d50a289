# stoxd: make, make deps, make check, make demo .. see "make help".
B	?= build
PREFIX	?= /usr/local
CC	?= cc
CLANG	?= clang-$(if $(wildcard /usr/bin/clang-14),14,19)
SECONDS	?= 60
OPT	?= -O2 -g
PKG	:= expat libcrypto libssl nice glib-2.0 gio-2.0 libsrtp2 libidn inih jansson sqlite3 libmicrohttpd
RE_DEF	:= -DHAVE_INTTYPES_H -DHAVE_STDBOOL_H -DHAVE_INET6 -DUSE_OPENSSL -DUSE_TLS
WARN	:= -std=c11 -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	   -Wvla -Wcast-qual -Wformat=2 $(WERROR)
# The folder that it is built in is not in what is built.
HARDEN	?= -ffile-prefix-map=$(CURDIR)=. -D_FORTIFY_SOURCE=2 -fstack-protector-strong
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
STOXCTL	:= $(sort $(wildcard gateway/admin/stoxctl*.c))
$(foreach f,$(FOLDERS),$(eval SRC_$f := $(filter-out $(STOXCTL),$(call src,$f))))
SRC_admin += gateway/admin/page.c
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
# It has the table of commands, without their functions.
$(B)/stoxctl: $(call obj,$(STOXCTL) gateway/base/near.c) $(B)/gateway/admin/table_names.o
	@$(CC) $(LDFLAGS) -o $@ $^
$(B)/gateway/admin/table_names.o: gateway/admin/table.c
	@mkdir -p $(@D)
	@$(CC) $(CPPFLAGS) -DCOMMAND_NAMES_ONLY $(CFLAGS) -c -o $@ $<

define archive
$(B)/lib$1.a: $(call obj,$(SRC_$1))
	@rm -f $$@; $(AR) rcs $$@ $$^
endef
$(foreach f,$(FOLDERS),$(eval $(call archive,$f)))
$(B)/libreason.a: $(call obj,gateway/bridge/reason.c)
	@rm -f $@; $(AR) rcs $@ $^

# The page's files, compressed, as C.
$(B)/gateway/admin/page.c: $(wildcard gateway/admin/page/*)
	@mkdir -p $(@D)
	@gateway/admin/page/embed.sh gateway/admin/page >$@.new && mv $@.new $@
$(B)/gateway/admin/page.o: $(B)/gateway/admin/page.c
	@$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

$(B)/%.o: %.c
	@mkdir -p $(@D)
	@$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

# Unit tests: tests/unit/FOLDER_topic.c, one Check program each.
UNIT	:= $(sort $(wildcard tests/unit/*_*.c))
UNIT_BIN := $(patsubst tests/unit/%.c,$(B)/unit/%,$(UNIT))
folder	= $(firstword $(subst _, ,$(notdir $1)))
.SECONDARY:
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

.PHONY: all fuzz-build fuzz-bins units clean
units: $(UNIT_BIN)
clean:	## remove what was built
	rm -rf $(B)
include conf/install.mk tests/targets.mk
include $(wildcard tests/bench/bench.mk)
-include $(shell [ -d $(B) ] && find $(B) -name '*.d')
