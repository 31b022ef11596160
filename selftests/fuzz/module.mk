# SPDX-License-Identifier: GPL-2.0
# Fuzzing of what libcpns reads: with our own driver, to be built with SAN=1;
# as a libFuzzer target with CC=clang LIBFUZZER=1.

FUZZ_CODEC := $(O)/cpns-fuzz-codec
FUZZ_CODEC_OBJ := $(O)/selftests/fuzz/codec.o
ifeq ($(LIBFUZZER),1)
$(FUZZ_CODEC): LDFLAGS += -fsanitize=fuzzer
$(O)/libcpns/%.o $(FUZZ_CODEC_OBJ): CFLAGS += -fsanitize=fuzzer-no-link
else
FUZZ_CODEC_OBJ += $(O)/selftests/fuzz/codec-driver.o
endif

$(FUZZ_CODEC_OBJ): CPPFLAGS += -Dfuzz_one_input=LLVMFuzzerTestOneInput

ALL_TESTS += $(FUZZ_CODEC)

$(FUZZ_CODEC): $(FUZZ_CODEC_OBJ) $(LIBCPNS)
	$(QUIET_LD)$(CC) $(LDFLAGS) -o $@ $^ $(LIBCPNS_LIBS)
