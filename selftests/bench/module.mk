# SPDX-License-Identifier: GPL-2.0
# What sends the bench's datagrams.

BENCH_PACKETS := $(O)/selftests/bench/packets

.PHONY: bench-packets
bench-packets: $(BENCH_PACKETS)

ALL_TESTS += $(BENCH_PACKETS)

$(O)/selftests/bench/packets.o: CPPFLAGS += -D_GNU_SOURCE

$(BENCH_PACKETS): $(O)/selftests/bench/packets.o
	$(QUIET_LD)$(CC) $(LDFLAGS) -o $@ $^
