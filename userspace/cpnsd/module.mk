# SPDX-License-Identifier: GPL-2.0
# cpnsd: makes and keeps the sessions of one entity.

# Without the program itself: for the unit tests, too. file.c, ini.c and
# paths.c are cpnsctl's as well.
CPNSD_CORE_SRC := apply.c channel.c conf-keys.c conf-peer.c conf-write.c conf.c \
	control-stream.c downgrade.c enrol-forward.c entity.c file.c hosts.c ini.c \
	log.c notify.c paths.c registrar-client.c relay.c resolver.c server.c \
	session.c state.c stream-client.c stream-server.c whois.c
CPNSD_SRC := $(CPNSD_CORE_SRC) control.c control-ops.c daemon.c device.c kernel.c main.c rtnl.c

CPNSD_CORE_OBJ := $(CPNSD_CORE_SRC:%.c=$(O)/cpnsd/%.o)
CPNSD_OBJ := $(CPNSD_SRC:%.c=$(O)/cpnsd/%.o)
CPNSD := $(O)/bin/cpnsd
CPNSD_LIBS := $(call pkg,--libs,libevent_core) -lpthread

CPNS_RELEASE ?= 0.1

ALL += $(CPNSD)

$(CPNSD_OBJ): CPPFLAGS += -D_GNU_SOURCE -DCPNS_RELEASE='"$(CPNS_RELEASE)"'

$(CPNSD): $(CPNSD_OBJ) $(LIBCPNS)
	@mkdir -p $(@D)
	$(QUIET_LD)$(CC) $(LDFLAGS) -o $@ $(CPNSD_OBJ) $(LIBCPNS) $(LIBCPNS_LIBS) $(CPNSD_LIBS)

# Unit tests of both programs: selftests/check.d/11-cpnsd runs them.
TEST_CPNSD := $(O)/cpns-test-cpnsd
TEST_CPNSD_OBJ := $(addprefix $(O)/selftests/unit/,test-cpnsd-main.o test-cpnsd-conf.o \
	test-cpnsd-entity.o test-cpnsd-files.o test-cpnsd-lines.o test-cpnsd-session.o \
	test-cpnsd-whois.o)

ALL_TESTS += $(TEST_CPNSD)

$(TEST_CPNSD_OBJ): CPPFLAGS += -D_GNU_SOURCE -D'unit_case=struct CMUnitTest'

$(TEST_CPNSD): $(TEST_CPNSD_OBJ) $(CPNSD_CORE_OBJ) $(O)/cpnsctl/edit.o $(LIBCPNS)
	$(QUIET_LD)$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) $(LIBCPNS) $(LIBCPNS_LIBS) \
		$(call pkg,--libs,cmocka libevent_core) -lpthread
