# Targets that install, test and show; included by the Makefile.
#
# Each begins with deps and goes on in a make of its own: what pkg-config says
# is read when a makefile is read, and on a bare machine that is too early.
SUB	= $(MAKE) --no-print-directory
TESTS	= B=$(B) tests

.PHONY: deps lint check check-now e2e e2e-full demo fuzz asan tsan coverage \
	coverage-now mutate
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
	@$(SUB) all units
	@$(TESTS)/mutate.py
