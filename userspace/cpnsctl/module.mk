# SPDX-License-Identifier: GPL-2.0
# cpnsctl: shows and changes what cpnsd and the kernel do.

CPNSCTL_SRC := args.c client.c cmd-audit.c cmd-backup.c cmd-code.c cmd-conf.c cmd-dump.c \
	cmd-enrol.c cmd-entity.c cmd-grant.c cmd-help.c cmd-key.c cmd-monitor.c cmd-peer.c \
	cmd-registrar.c cmd-show.c cmd-stats.c cmd-status.c cmd-user.c cmd-whois.c cmd-why.c \
	edit.c enrol-files.c enrol-state.c https.c main.c names.c print.c print-system.c \
	registrar.c \
	secret-input.c
CPNSCTL_SHARED := file.c ini.c paths.c

CPNSCTL_OBJ := $(CPNSCTL_SRC:%.c=$(O)/cpnsctl/%.o)
CPNSCTL := $(O)/bin/cpnsctl
CPNSCTL_LIBS := $(LIBCPNS_LIBS) $(call pkg,--libs,libcurl libssl)

ALL += $(CPNSCTL)

$(CPNSCTL_OBJ): CPPFLAGS += -D_GNU_SOURCE -DCPNS_RELEASE='"$(CPNS_RELEASE)"'

# curl's type under a name in our style.
$(O)/cpnsctl/https.o: CPPFLAGS += -D'curl_code=CURLcode'

$(CPNSCTL): $(CPNSCTL_OBJ) $(CPNSCTL_SHARED:%.c=$(O)/cpnsd/%.o) $(LIBCPNS)
	@mkdir -p $(@D)
	$(QUIET_LD)$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) $(LIBCPNS) $(CPNSCTL_LIBS)
