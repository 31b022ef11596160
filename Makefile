# SPDX-License-Identifier: GPL-2.0
#
# CPNS: the kernel module, the programs, their tests. 'make help' lists what
# can be made. The module itself is described in Kbuild.

PREFIX ?= /usr/local
DESTDIR ?=
O ?= build
KVER ?=
KDIR ?=

# 1 builds the modules of selftests/module too
CPNS_SELFTESTS ?= 0

# the debug kernel is the one that measures coverage
GCOV ?= $(if $(filter debug,$(KVER)),1,0)

override O := $(abspath $(O))
export O

python := /usr/bin/python3
vm := selftests/vm/run
vm_kernel := $(or $(KVER),6.12)

.DEFAULT_GOAL := all
.SUFFIXES:

all: modules userspace

help:
	@echo 'Building (output goes to O=$(O)):'
	@echo '  all          modules and userspace (default)'
	@echo '  modules      cpns.ko; KVER=6.1, 6.12, debug or a release of uname -r,'
	@echo '               or KDIR=DIR; default: the running kernel'
	@echo '  userspace    cpnsd, cpnsctl, cpns-registrar, libcpns'
	@echo '  deps         install what building and testing need (Debian 12)'
	@echo '  install      DESTDIR= PREFIX=$(PREFIX); uninstall takes it away'
	@echo '  dkms-install the module by dkms, for each kernel that comes; dkms-uninstall;'
	@echo '               dkms-tree only puts its source into DESTDIR/usr/src'
	@echo '  clean        remove the output'
	@echo ''
	@echo 'Trying (in a virtual machine, without root; the host is left alone):'
	@echo '  demo         a Server, a PN GW and three PNE: from enrolment to revocation, and'
	@echo '               what the wire sees; draws O/demo/topology.svg'
	@echo '  shell        a root shell in that network; KVER=6.1, 6.12, debug'
	@echo ''
	@echo 'Testing:'
	@echo '  check        everything, on Debian 6.1, 6.12 and the debug kernel'
	@echo '  unit         the unit tests of the programs'
	@echo '  vectors      test vectors; VECTORS=FILE'
	@echo '  style        checkpatch, sparse, compiler warnings'
	@echo '  coverage     lines that the last checks reached'
	@echo '  fuzz         long runs of random input on the debug kernel'
	@echo '  bench        cost of a packet in instructions, against other tunnels and what'
	@echo '               is to be reached; bench-quick: some of it, in 3 minutes'
	@echo '  mutants      put faults into the code, and see that tests notice each'
	@echo ''
	@echo 'One job on one kernel: $(vm) --help'

deps:
	@scripts/deps

# ---- building ----

# kbuild puts objects beside sources: each kernel gets a copy of its own. O is
# given because kbuild would take ours for its own if it was on the command line.
modules:
	@set -e; \
	if [ -n "$(KDIR)" ]; then \
		kdir="$(abspath $(KDIR))"; \
		release=$$(cat "$$kdir/include/config/kernel.release"); \
	else \
		where=$$(scripts/kernel-dir $(KVER)); \
		release=$${where%% *}; kdir=$${where#* }; \
	fi; \
	dir="$(O)/modules/$$release"; \
	mkdir -p "$$dir"; \
	rsync -aR --delete --include='*/' --include='*.[ch]' --include=Kbuild \
		--exclude='*' Kbuild include kernel \
		$(if $(filter 1,$(CPNS_SELFTESTS)),selftests/module) "$$dir/"; \
	$(MAKE) --no-print-directory -C "$$kdir" O="$$kdir" M="$$dir" W=1 \
		CPNS_GCOV=$(GCOV) CPNS_SELFTESTS=$(CPNS_SELFTESTS) \
		$(KBUILD_ARGS) modules; \
	echo "$$dir/cpns.ko"

userspace:
	@$(MAKE) --no-print-directory -C userspace O=$(O)

unit:
	@$(MAKE) --no-print-directory -C userspace O=$(O) all test

clean:
	rm -rf $(O)

# ---- installing ----

install:
	@DESTDIR="$(DESTDIR)" PREFIX="$(PREFIX)" KVER="$(KVER)" \
		scripts/install install

uninstall:
	@DESTDIR="$(DESTDIR)" PREFIX="$(PREFIX)" KVER="$(KVER)" \
		scripts/install uninstall

dkms-tree dkms-install dkms-uninstall: dkms-%:
	@DESTDIR="$(DESTDIR)" KVER="$(KVER)" scripts/dkms $*

# ---- trying ----

quiet-deps:
	@scripts/deps --quiet

demo: quiet-deps userspace
	@$(MAKE) --no-print-directory modules KVER=$(vm_kernel)
	@rm -f $(O)/demo/topology.svg
	@$(vm) --kernel $(vm_kernel) --root host --timeout 400 --out $(O)/demo \
		--job selftests/demo/run.sh
	@echo 'A picture of the network: $(O)/demo/topology.svg'

shell: quiet-deps userspace
	@$(MAKE) --no-print-directory modules KVER=$(vm_kernel)
	@$(vm) --kernel $(vm_kernel) --root host --interactive \
		--job selftests/vm/network.sh

# ---- testing ----

check: quiet-deps
	@selftests/run-check

vectors: quiet-deps
	@VECTORS="$(abspath $(VECTORS))" selftests/run-check vectors kernel-6.12:vectors

style: quiet-deps
	@selftests/run-check style

coverage: quiet-deps
	@selftests/coverage

fuzz: quiet-deps
	@selftests/fuzz/run

bench: quiet-deps
	@selftests/bench/run

bench-quick: quiet-deps
	@selftests/bench/run --quick --kernel $(vm_kernel)

mutants: quiet-deps
	@selftests/mutants/run
	@selftests/mutants/demo

.PHONY: all help deps quiet-deps modules userspace unit clean install dkms-tree \
	dkms-install dkms-uninstall bench-quick \
	uninstall demo shell check vectors style coverage fuzz bench mutants
