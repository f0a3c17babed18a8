# make demo      restores a photograph, from nothing but a Debian 12 machine with Swift 6.3
# make demo-web  starts the server with the small model, and says where its page is
# make test      everything that must pass
# make build     the command alone: .build/release/deblurdiff
# make install   puts it into $(PREFIX)/bin, the small model, where there is one, into $(PREFIX)/share/deblurdiff, and completions and the manual page beside it; builds only
#                what is out of date
# make uninstall takes all that away again
# make format    lays out the sources; make lint says what is not laid out, or out of date
# make examples  a package of its own that uses the libraries, built and run
# make quality   measures the small model by arithmetic, steps and options, and writes Docs/Quality.md; ROWS="int16 '1 step'" measures some rows of it anew
# make docs      the libraries' documentation, into out/docs
# make sanitize  the kernels' checkers and the readers' fuzzers with sanitizers, SANITIZE_SECONDS each

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:

PREFIX ?= /usr/local
SWIFT ?= swift
MODEL = Models/small.ddiff.safetensors
# The Swift libraries go into the program, so that it also runs where no Swift is.
BUILD = $(SWIFT) build -c release --static-swift-stdlib
# A copy, since tests link the program anew, without the libraries.
PROGRAM = .build/install/deblurdiff
INSTALLED_PROGRAM = $(DESTDIR)$(PREFIX)/bin/deblurdiff
INSTALLED_MODELS = $(DESTDIR)$(PREFIX)/share/deblurdiff
SHARE = $(DESTDIR)$(PREFIX)/share
COMPLETIONS = bash-completion/completions/deblurdiff zsh/site-functions/_deblurdiff fish/vendor_completions.d/deblurdiff.fish
MANUAL = man/man1/deblurdiff.1
SWIFT_FOLDERS = Package.swift Sources Tests Tools
C_FILES = $(shell find Sources Tools -name '*.[ch]' -or -name '*.cpp')
SANITIZE_SECONDS ?= 600
# All of them.
SANITIZE_CHECKS ?=
LOAD ?= --jobs 300 --clients 30 --kills 2

.PHONY: demo demo-web test examples docs quality onnx-cases image-cases metric-cases web-cases build install uninstall packages format lint sanitize clean

demo: build
	$(BUILD) --product seeded-checkpoint
	Tools/demo.sh "$$($(BUILD) --show-bin-path)" out/demo

demo-web: build
	exec $(PROGRAM) serve --model $(MODEL) --data out/demo-web

# Tests that must see a job while it is under way would be kept waiting by others beside them.
ALONE = ServerTests\.|ServeTests

test: packages
	$(SWIFT) test -c release --skip '$(ALONE)'
	$(SWIFT) test -c release --skip-build --filter '$(ALONE)'
	$(MAKE) onnx-cases image-cases metric-cases web-cases examples

examples:
	SWIFT=$(SWIFT) Tools/examples/run.sh

DOCUMENTED = DeblurDiff GraphCompiler ONNX GraphFile GraphRuntime GraphPasses Operators GraphIR TensorFiles Tensors Files

docs:
	mkdir -p out/docs
	DEBLURDIFF_DOCS=1 $(SWIFT) package --scratch-path .build/docs --allow-writing-to-directory out/docs generate-documentation --output-path out/docs \
	  --enable-experimental-combined-documentation $(addprefix --target ,$(DOCUMENTED))

# With photographs of Debian's packages, which it fetches.
quality: build .build/python-quality/.installed
	PYTHONPATH=.build/python-quality python3 Tools/quality/quality.py $(PROGRAM) $(MODEL) .build/quality $(if $(ROWS),--only $(ROWS))

# The ONNX project's own cases, on the command that the tests have built; then convolutions around every op against ONNX Runtime.
onnx-cases: .build/python/.installed
	PYTHONPATH=.build/python Tools/onnx/node_tests.py "$$($(BUILD) --show-bin-path)/deblurdiff"
	PYTHONPATH=.build/python Tools/onnx/chain_tests.py "$$($(BUILD) --show-bin-path)/fuzz-graphs"

# Photographs of every format, made and read back by other programs.
image-cases: .build/python-images/.installed
	PYTHONPATH=.build/python-images Tools/images/check.py "$$($(BUILD) --show-bin-path)/copy-photo" "$$($(BUILD) --show-bin-path)/deblurdiff" Models/small.ddiff.safetensors

# Metrics beside other people's, over images that are made for it.
metric-cases: .build/python-metrics/.installed
	PYTHONPATH=.build/python-metrics Tools/metrics/check.py "$$($(BUILD) --show-bin-path)/deblurdiff"

# The server's page in a browser, then the server under load while it is killed, on the command that the tests have built; LOAD="--jobs 2000 --clients 200" takes longer.
# Pictures of the page go to out/serve.
web-cases: .build/python-serve/.installed
	Tools/install-packages.sh chromium chromium-driver
	PYTHONPATH=.build/python-serve python3 Tools/serve/browser.py --program "$$($(BUILD) --show-bin-path)/deblurdiff" --model $(MODEL)
	Tools/serve/load.py "$$($(BUILD) --show-bin-path)" $(LOAD)

.build/python/.installed: Tools/onnx/requirements.txt
.build/python-images/.installed: Tools/images/requirements.txt
.build/python-metrics/.installed: Tools/metrics/requirements.txt
.build/python-quality/.installed: Tools/quality/requirements.txt
.build/python-serve/.installed: Tools/serve/requirements.txt
.build/python/.installed .build/python-images/.installed .build/python-metrics/.installed .build/python-quality/.installed \
.build/python-serve/.installed:
	rm -rf $(@D)
	python3 -m pip install --quiet --disable-pip-version-check --target $(@D) --requirement $<
	touch $@

build: $(PROGRAM)

$(PROGRAM): $(shell find Package.swift Sources -type f) | packages
	$(BUILD) --product deblurdiff
	install -D "$$($(BUILD) --show-bin-path)/deblurdiff" $@

install: $(PROGRAM)
	install -D -m 755 $(PROGRAM) "$(INSTALLED_PROGRAM)"
	if [ -e $(MODEL) ]; then install -D -m 644 $(MODEL) "$(INSTALLED_MODELS)/$(notdir $(MODEL))"; fi
	for name in $(COMPLETIONS); do $(PROGRAM) --generate-completion-script "$${name%%[-/]*}" | install -D -m 644 /dev/stdin "$(SHARE)/$$name"; done
	$(PROGRAM) help man | install -D -m 644 /dev/stdin "$(SHARE)/$(MANUAL)"

uninstall:
	rm -f "$(INSTALLED_PROGRAM)" "$(INSTALLED_MODELS)/$(notdir $(MODEL))"
	for name in $(COMPLETIONS) $(MANUAL); do rm -f "$(SHARE)/$$name"; done
	if [ -d "$(INSTALLED_MODELS)" ]; then rmdir --ignore-fail-on-non-empty "$(INSTALLED_MODELS)"; fi

packages:
	@Tools/install-packages.sh

format: packages
	$(SWIFT) format format --in-place --parallel --recursive $(SWIFT_FOLDERS)
	clang-format -i $(C_FILES)
	Tools/make_op_reference.py

lint: packages
	$(SWIFT) format lint --strict --parallel --recursive $(SWIFT_FOLDERS)
	clang-format --dry-run --Werror $(C_FILES)
	Tools/make_op_reference.py --check
	$(SWIFT) package describe --type json | Tools/check_imports.py
	Tools/check_calls.sh

sanitize:
	Tools/sanitize.sh $(SANITIZE_SECONDS) $(SANITIZE_CHECKS)

clean:
	rm -rf .build out
