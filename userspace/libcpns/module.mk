# SPDX-License-Identifier: GPL-2.0
# libcpns: the library that cpnsd and cpnsctl are made of.

LIBCPNS_SRC := codec.c data.c genl.c handshake.c handshake-names.c hs-attempt.c \
	hs-cookie.c hs-initiator.c hs-responder.c hs-session.c hs-table.c \
	identity.c json-field.c json-line.c json-secret.c keysched.c netlink.c output.c \
	permit.c rate.c record.c record-json.c secret.c state-file.c state-keys.c text.c

LIBCPNS_OBJ := $(LIBCPNS_SRC:%.c=$(O)/libcpns/%.o)
LIBCPNS := $(O)/libcpns.a
LIBCPNS_LIBS := $(NL_LIBS) $(CRYPTO_LIBS) $(JANSSON_LIBS)

ALL += $(LIBCPNS)

$(LIBCPNS): $(LIBCPNS_OBJ)
	$(Q)rm -f $@
	$(QUIET_AR)$(AR) rcs $@ $^
