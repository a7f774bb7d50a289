# What the engine costs, beside others; included by the Makefile.
#
# The load tool and the least relay use the folder media alone.
BENCH_LOAD := $(sort $(wildcard tests/bench/load*.c))
BENCH_AR = $(call ar,$(USES_media))
BENCH_LINK = $(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) \
	-Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(LDLIBS)

$(B)/bench/load: $(call obj,$(BENCH_LOAD)) $(BENCH_AR)
	@mkdir -p $(@D)
	@$(BENCH_LINK)
$(B)/bench/least: $(call obj,tests/bench/least.c) $(BENCH_AR)
	@mkdir -p $(@D)
	@$(BENCH_LINK)

.PHONY: bench bench-bins
bench: deps	## CPU a packet and a call, beside rtpengine and the least relay
	+@$(SUB) all bench-bins
	@$(TESTS)/bench/bench.py

bench-bins: $(B)/bench/load $(B)/bench/least
