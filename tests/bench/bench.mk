# What the engine costs, beside others; included by the Makefile.
#
# The least relay uses the folder media alone.
BENCH_AR = $(call ar,$(USES_media))
BENCH_LINK = $(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) \
	-Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(LDLIBS)

$(B)/bench/least: $(call obj,tests/bench/least.c) $(BENCH_AR)
	@mkdir -p $(@D)
	@$(BENCH_LINK)

# The load of whole calls reads XMPP as the gateway does.
STOXLOAD := $(sort $(wildcard tests/bench/stoxload*.c))
STOXLOAD_AR = $(call ar,xmpp reason $(USES_media))
$(B)/bench/stoxload: $(call obj,$(STOXLOAD)) $(STOXLOAD_AR)
	@mkdir -p $(@D)
	@$(BENCH_LINK)
all: $(B)/bench/stoxload

# What the set-up of a call is made of.
$(B)/bench/primitives: $(call obj,tests/bench/primitives.c) $(STOXLOAD_AR)
	@mkdir -p $(@D)
	@$(BENCH_LINK)

# The gateway's libraries and nothing else, at rest.
$(B)/bench/idle: $(call obj,tests/bench/idle.c)
	@mkdir -p $(@D)
	@$(CC) $(LDFLAGS) -Wl,--no-as-needed -o $@ $< $(LDLIBS)

# Preloaded into a relay, to count what it asks for.
$(B)/bench/count.so: tests/bench/count.c
	@mkdir -p $(@D)
	@$(CC) $(CPPFLAGS) $(filter-out -fsanitize%,$(CFLAGS)) -fPIC -shared -o $@ $< -ldl

.PHONY: bench bench-bins
bench: deps	## what a packet and a call cost; ROUNDS=5, QUICK=1 for a look
	@tests/deps.sh bench
	+@$(SUB) all bench-bins
	@$(TESTS)/bench/bench.py --rows all $(if $(ROUNDS),-r $(ROUNDS)) $(if $(QUICK),--quick)

bench-bins: $(B)/bench/least $(B)/bench/stoxload $(B)/bench/primitives $(B)/bench/idle \
	$(B)/bench/count.so
