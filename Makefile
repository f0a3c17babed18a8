# make demo      restores a photograph, from nothing but a Debian 12 machine with Swift 6.3
# make test      everything that must pass
# make build     the command alone: .build/release/deblurdiff
# make install   puts it into $(PREFIX)/bin, and the small model, where there is one, into $(PREFIX)/share/deblurdiff
# make format    lays out the Swift sources; make lint says what is not laid out, or out of date

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:

PREFIX ?= /usr/local
SWIFT ?= swift
MODEL = Models/small.ddiff.safetensors
BUILD = $(SWIFT) build -c release
SWIFT_FOLDERS = Package.swift Sources Tests Tools

.PHONY: demo test onnx-cases build install packages format lint clean

demo: packages
	$(BUILD) --product deblurdiff
	$(BUILD) --product seeded-checkpoint
	Tools/demo.sh "$$($(BUILD) --show-bin-path)" out/demo

test: packages
	$(SWIFT) test -c release
	$(MAKE) onnx-cases

# The ONNX project's own cases, on the command that the tests have built.
onnx-cases: .build/python/.installed
	PYTHONPATH=.build/python Tools/onnx/node_tests.py "$$($(BUILD) --show-bin-path)/deblurdiff"

.build/python/.installed: Tools/onnx/requirements.txt
	rm -rf .build/python
	python3 -m pip install --quiet --disable-pip-version-check --target .build/python --requirement $<
	touch $@

build: packages
	$(BUILD) --product deblurdiff

# The Swift libraries go into the program, so that it also runs where no Swift is.
install: packages
	$(BUILD) --product deblurdiff --static-swift-stdlib --scratch-path .build-install
	install -D -m 755 "$$($(BUILD) --static-swift-stdlib --scratch-path .build-install --show-bin-path)/deblurdiff" "$(DESTDIR)$(PREFIX)/bin/deblurdiff"
	if [ -e $(MODEL) ]; then install -D -m 644 $(MODEL) "$(DESTDIR)$(PREFIX)/share/deblurdiff/$(notdir $(MODEL))"; fi

packages:
	@Tools/install-packages.sh

format:
	$(SWIFT) format format --in-place --parallel --recursive $(SWIFT_FOLDERS)
	Tools/make_op_reference.py

lint:
	$(SWIFT) format lint --strict --parallel --recursive $(SWIFT_FOLDERS)
	Tools/make_op_reference.py --check

clean:
	rm -rf .build .build-install out
