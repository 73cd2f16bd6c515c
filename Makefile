# make demo    the same flash crowd against both architectures, checked and reported (ROUNDS=3 PEOPLE=20000 QUOTA=1000 RATE=…)
# make test    every test, with the servers that they need started privately
# make bench   what requests, starts and drains cost, beside ceilings of the same run (QUICK=1 KAFKA=installed AGAINST=URL,…)
# make format / make lint
# The first of them on a machine installs what is missing and says what (scripts/setup).

SWIFT ?= swift
CONFIGURATION = -c release
SOURCES = Sources Tests Package.swift
LAB = .build/release/lab

# macOS: Homebrew's headers and libraries are not on the compiler's default path.
ifeq ($(shell uname -s),Darwin)
  BREW := $(shell brew --prefix 2>/dev/null)
  ifneq ($(BREW),)
    export CPATH := $(BREW)/include$(if $(CPATH),:$(CPATH))
    export LIBRARY_PATH := $(BREW)/lib$(if $(LIBRARY_PATH),:$(LIBRARY_PATH))
  endif
endif

.PHONY: demo test bench build format lint setup clean
.DEFAULT_GOAL := build

demo: build
	$(LAB) demo $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(PEOPLE),--people $(PEOPLE)) $(if $(QUOTA),--quota $(QUOTA)) $(if $(RATE),--rate $(RATE))

# Building the tests first and running them as they are keeps the flags of `make build`: neither rebuilds for the other.
test: setup
	$(SWIFT) build $(CONFIGURATION) --build-tests
	@SWIFT="$(SWIFT)" scripts/test

bench: build
	$(LAB) bench $(if $(QUICK),--quick) $(if $(KAFKA),--kafka $(KAFKA)) $(if $(AGAINST),--against $(AGAINST))

# `lab` has the two programs for dependencies; without the product, the tests' support would be built too.
build: setup
	$(SWIFT) build $(CONFIGURATION) --product lab

format:
	$(SWIFT) format --in-place --recursive $(SOURCES)

# A suite or a test that belongs to the loop's actor hangs the whole run before the first test: the loop does not run yet.
lint:
	@if { grep -rnA1 '^ *@LoopActor$$' Tests | grep -E '@(Suite|Test)\b'; grep -rnE '@(Suite|Test)\b.*@LoopActor' Tests; } | grep .; then echo "tests run on the loop by onLoop { … }"; exit 1; fi
	$(SWIFT) format lint --strict --recursive $(SOURCES)

setup:
	@scripts/setup

clean:
	$(SWIFT) package clean
