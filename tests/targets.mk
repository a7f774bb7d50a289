# Targets that install, test and show; included by the Makefile.
#
# Each begins with deps and goes on in a make of its own: what pkg-config says
# is read when a makefile is read, and on a bare machine that is too early.
SUB	= $(MAKE) --no-print-directory
TESTS	= B=$(B) tests

.PHONY: help deps lint check check-now browser e2e e2e-full screenshots demo fuzz asan tsan \
	coverage coverage-now mutate plants plant-bin flags
help:	## this list
	@awk -F'[:\t]+' '/^[a-z0-9-]+:.*## / { t = $$1; sub(/.*## /, ""); \
		printf "  make %-10s  %s\n", t, $$0 }' $(MAKEFILE_LIST)
	@echo "B= is the build directory, build unless set."

deps:	## install what is missing, by apt
	@tests/deps.sh

lint: deps	## format, include arrows, names, sizes
	+@$(SUB) all
	@$(TESTS)/lint.sh

check: deps	## unit and integration tests
	+@$(SUB) all check-now

check-now: all units $(B)/bench/idle
	@$(TESTS)/check.sh $(UNIT_BIN)

# Chromium's page.  Where its libraries cannot be had, its cells are skipped.
BROWSER	:= tests/e2e/browser
browser:	## the page of the Chromium client, for e2e
	+@$(SUB) $(B)/browser/jingle.js
$(B)/browser/jingle.js: $(BROWSER)/jingle.js $(BROWSER)/package-lock.json
	@$(BROWSER)/build.sh $(@D)

e2e: deps	## calls between real servers, clients and phones; the package
	@tests/deps.sh deb
	+@$(SUB) all
	-+@$(SUB) browser
	@$(TESTS)/run selftest e2e -j 3

e2e-full: deps	## every cell of them; writes docs/matrix.md
	@tests/deps.sh deb
	+@$(SUB) all
	-+@$(SUB) browser
	@$(TESTS)/e2e/run -j 3 --full --matrix docs/matrix.md

screenshots: deps	## the pictures of the live page, docs/img; ALL=1: all sizes
	+@$(SUB) all
	+@$(SUB) browser
	@mkdir -p docs/img
	@SCREENSHOTS=$(CURDIR)/docs/img $(TESTS)/e2e/run --full -k e2e/page/pictures

demo: deps	## a call each way, shown as a ladder; HOLD=1 keeps all running
	+@$(SUB) all
	@HOLD=$(HOLD) $(TESTS)/demo.py

fuzz: deps	## each parser for SECONDS=60
	+@$(SUB) fuzz-build
	@tests/fuzz.sh $(SECONDS) $(FB) $(FUZZ_NAMES)

# A fuzz target T with bug N compiled into file F of its parser.
plant-bin:
	@$(CLANG) $(CPPFLAGS) $(CFLAGS) $(FUZZ_FLAGS) \
		-fsanitize=fuzzer-no-link -DPLANT=$(N) -c -o $(FB)/plant/$(T)-$(N).o $(F)
	@$(CLANG) $(LDFLAGS) $(FUZZ_FLAGS) -fsanitize=fuzzer \
		-o $(FB)/plant/$(T)-$(N) $(FB)/tests/fuzz/$(T).o \
		$(FB)/plant/$(T)-$(N).o -Wl,--start-group \
		$(patsubst %,$(FB)/lib%.a,$(USES_$(call folder,$(T)))) \
		-Wl,--end-group $(LDLIBS)

plants: deps	## fuzzing must find the bugs planted into the parsers
	+@$(SUB) fuzz-build
	@tests/plants.sh $(SECONDS) $(FB)

# Sanitizers are slow: Check waits longer for a test.
ASAN	:= -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
asan: deps	## the tests with AddressSanitizer
	+@CK_TIMEOUT_MULTIPLIER=10 CALLS=500 JOBS=4 $(SUB) B=$(B)/asan CC=$(CLANG) HARDEN= OPT="-O1 -g" SAN="$(ASAN)" \
		all check-now

tsan: deps	## the unit tests with ThreadSanitizer
	+@CK_TIMEOUT_MULTIPLIER=10 NO_INTEGRATION=1 \
		TSAN_OPTIONS=suppressions=$(CURDIR)/tests/tsan.supp \
		$(SUB) B=$(B)/tsan CC=$(CLANG) HARDEN= OPT="-O1 -g" \
		SAN=-fsanitize=thread all check-now

COV	:= -fprofile-instr-generate -fcoverage-mapping
coverage: deps	## lines that tests and seeds reach
	+@$(SUB) B=$(B)/cov CC=$(CLANG) HARDEN= OPT="-O0 -g" SAN="$(COV)" \
		all coverage-now
	+@$(SUB) B=$(B)/cov/seeds FB=$(B)/cov/seeds CC=$(CLANG) HARDEN= \
		OPT="-O0 -g" SAN="$(COV) -fsanitize=fuzzer-no-link" fuzz-bins
	@tests/seeds.sh $(B)/cov/seeds $(FUZZ_NAMES)

coverage-now: all units
	@tests/coverage.sh $(B) $(UNIT_BIN)

mutate: deps	## flip each table entry and state: a test must fail
	@$(TESTS)/mutate.py $(MUTATE)

# What mutate.py compiles and links with.
flags:
	$(info compile $(CC) $(CPPFLAGS) $(CFLAGS))
	$(info link $(CC) $(LDFLAGS))
	$(info libs $(shell pkg-config --libs check) $(LDLIBS))
	$(foreach u,$(UNIT),$(info unit:$(patsubst tests/unit/%.c,%,$u) $(call ar,$(USES_$(call folder,$u)))))
	@:
