# SPDX-License-Identifier: GPL-2.0
# cpns-registrar: enrols the entities of a Server and keeps their keys.

# Without the program itself and its services: for the unit tests, too.
REGISTRAR_CORE_SRC := conf.c enrol.c grants.c keyring.c local-keys.c password.c registry.c \
	store-schema.c store-sqlite.c throttle.c tls.c wrap.c
REGISTRAR_SRC := $(REGISTRAR_CORE_SRC) admin-entities.c admin-grants.c admin-ops.c \
	admin-users.c chores.c https.c keys-ops.c local.c main.c
REGISTRAR_SHARED := file.c ini.c log.c notify.c

REGISTRAR_CORE_OBJ := $(REGISTRAR_CORE_SRC:%.c=$(O)/registrar/%.o)
REGISTRAR_OBJ := $(REGISTRAR_SRC:%.c=$(O)/registrar/%.o)
REGISTRAR_SHARED_OBJ := $(REGISTRAR_SHARED:%.c=$(O)/cpnsd/%.o)
REGISTRAR := $(O)/bin/cpns-registrar
REGISTRAR_LIBS := $(call pkg,--libs,sqlite3 libsodium libssl libevent_extra libevent_openssl \
	libevent_core jansson) -lpthread

ALL += $(REGISTRAR)

$(REGISTRAR_OBJ): CPPFLAGS += -D_GNU_SOURCE -DCPNS_RELEASE='"$(CPNS_RELEASE)"'

$(REGISTRAR): $(REGISTRAR_OBJ) $(REGISTRAR_SHARED_OBJ) $(LIBCPNS)
	@mkdir -p $(@D)
	$(QUIET_LD)$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) $(LIBCPNS) $(LIBCPNS_LIBS) \
		$(REGISTRAR_LIBS)

# Unit tests: selftests/check.d/34-registrar-unit runs them.
TEST_REGISTRAR := $(O)/cpns-test-registrar
TEST_REGISTRAR_OBJ := $(addprefix $(O)/selftests/unit/,test-registrar-main.o \
	test-registrar-conf.o test-registrar-enrol.o test-registrar-keys.o \
	test-registrar-store.o test-registrar-throttle.o test-registrar-wrap.o)

ALL_TESTS += $(TEST_REGISTRAR)

$(TEST_REGISTRAR_OBJ): CPPFLAGS += -D_GNU_SOURCE -D'unit_case=struct CMUnitTest'

$(TEST_REGISTRAR): $(TEST_REGISTRAR_OBJ) $(REGISTRAR_CORE_OBJ) $(REGISTRAR_SHARED_OBJ) $(LIBCPNS)
	$(QUIET_LD)$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) $(LIBCPNS) $(LIBCPNS_LIBS) \
		$(REGISTRAR_LIBS) $(call pkg,--libs,cmocka)
