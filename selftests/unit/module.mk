# SPDX-License-Identifier: GPL-2.0
# Unit tests, the runner of the test vectors, the simulation of handshakes.

UNIT := $(O)/selftests/unit
CMOCKA_LIBS := $(call pkg,--libs,cmocka)

VECTORS_OBJ := $(addprefix $(UNIT)/,vectors.o vectors-data.o vectors-handshake.o) \
	$(O)/kernel-pure/replay.o
VECTORS_BIN := $(O)/cpns-vectors

ALL_TESTS += $(VECTORS_BIN)

$(VECTORS_BIN): $(VECTORS_OBJ) $(LIBCPNS)
	$(QUIET_LD)$(CC) $(LDFLAGS) -o $@ $^ $(LIBCPNS_LIBS)

SIMULATION_OBJ := $(addprefix $(UNIT)/,sim.o simulation.o)
SIMULATION_BIN := $(O)/cpns-simulation

ALL_TESTS += $(SIMULATION_BIN)

$(SIMULATION_BIN): $(SIMULATION_OBJ) $(LIBCPNS)
	$(QUIET_LD)$(CC) $(LDFLAGS) -o $@ $^ $(LIBCPNS_LIBS)

UNIT_OBJ := $(addprefix $(UNIT)/,unit.o fake-kernel.o test-text.o test-identity.o \
	test-codec.o test-keysched.o test-data.o test-record.o test-rate.o test-replay.o \
	test-output.o test-netlink.o test-genl.o test-handshake.o test-record-json.o \
	test-json-line.o test-state-file.o) $(O)/kernel-pure/replay.o
UNIT_BIN := $(O)/cpns-unit

# fake-kernel.c stands in for these.
UNIT_WRAP := -Wl,--wrap=send,--wrap=recvmsg,--wrap=poll,--wrap=setsockopt \
	-Wl,--wrap=genl_connect,--wrap=genl_ctrl_resolve,--wrap=genl_ctrl_resolve_grp

# cmocka's structure under a name in our style.
$(UNIT_OBJ): CPPFLAGS += -D'unit_case=struct CMUnitTest'

ALL_TESTS += $(UNIT_BIN)

$(UNIT_BIN): $(UNIT_OBJ) $(LIBCPNS)
	$(QUIET_LD)$(CC) $(LDFLAGS) $(UNIT_WRAP) -o $@ $^ $(LIBCPNS_LIBS) $(CMOCKA_LIBS)
