# Targets that install, test and show; included by the Makefile.
#
# Each begins with deps and goes on in a make of its own: what pkg-config says
# is read when a makefile is read, and on a bare machine that is too early.
SUB	= $(MAKE) --no-print-directory
TESTS	= B=$(B) tests

.PHONY: deps lint check check-now e2e e2e-full demo fuzz asan tsan coverage \
	coverage-now mutate plants plant-bin flags
deps:
	@tests/deps.sh

lint: deps
	@$(SUB) all
	@$(TESTS)/lint.sh

check: deps
	@$(SUB) all check-now

check-now: units
	@$(TESTS)/check.sh $(UNIT_BIN)

e2e: deps
	@$(SUB) all
	@$(TESTS)/e2e/run

e2e-full: deps
	@$(SUB) all
	@$(TESTS)/e2e/run --full --matrix docs/matrix.md

demo: deps
	@$(SUB) all
	@HOLD=$(HOLD) $(TESTS)/demo.py

fuzz: deps
	@$(SUB) fuzz-build
	@tests/fuzz.sh $(SECONDS) $(FB) $(FUZZ_NAMES)

# A fuzz target T with bug N compiled into file F of its parser.
plant-bin:
	@$(CLANG) $(CPPFLAGS) $(CFLAGS) $(FUZZ_FLAGS) -O1 -U_FORTIFY_SOURCE -fsanitize=fuzzer-no-link \
		-DPLANT=$(N) -c -o $(FB)/plant/$(T)-$(N).o $(F)
	@$(CLANG) $(LDFLAGS) $(FUZZ_FLAGS) -fsanitize=fuzzer \
		-o $(FB)/plant/$(T)-$(N) $(FB)/tests/fuzz/$(T).o \
		$(FB)/plant/$(T)-$(N).o -Wl,--start-group \
		$(patsubst %,$(FB)/lib%.a,$(USES_$(call folder,$(T)))) \
		-Wl,--end-group $(LDLIBS)

plants: deps
	@$(SUB) fuzz-build
	@tests/plants.sh $(SECONDS) $(FB)

ASAN	:= -fsanitize=address,undefined -fno-omit-frame-pointer
asan: deps
	@$(SUB) B=$(B)/asan CC=$(CLANG) HARDEN= OPT="-O1 -g" SAN="$(ASAN)" \
		all check-now

tsan: deps
	@$(SUB) B=$(B)/tsan CC=$(CLANG) HARDEN= OPT="-O1 -g" \
		SAN=-fsanitize=thread all check-now

COV	:= -fprofile-instr-generate -fcoverage-mapping
coverage: deps
	@$(SUB) B=$(B)/cov CC=$(CLANG) HARDEN= OPT="-O0 -g" SAN="$(COV)" \
		all coverage-now
	@$(SUB) B=$(B)/cov/seeds FB=$(B)/cov/seeds CC=$(CLANG) HARDEN= \
		OPT="-O0 -g" SAN="$(COV) -fsanitize=fuzzer-no-link" fuzz-bins
	@tests/seeds.sh $(B)/cov/seeds $(FUZZ_NAMES)

coverage-now: units
	@tests/coverage.sh $(B) $(UNIT_BIN)

mutate: deps
	@$(TESTS)/mutate.py $(MUTATE)

# What mutate.py compiles and links with.
flags:
	$(info compile $(CC) $(CPPFLAGS) $(CFLAGS))
	$(info link $(CC) $(LDFLAGS))
	$(info libs $(shell pkg-config --libs check) $(LDLIBS))
	$(foreach u,$(UNIT),$(info unit:$(patsubst tests/unit/%.c,%,$u) $(call ar,$(USES_$(call folder,$u)))))
	@:
