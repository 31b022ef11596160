/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Names that the linker makes with --wrap: __wrap_X is called for X, __real_X
 * is the X that there was.
 */
#ifndef _CPNS_FAKE_WRAP_H
#define _CPNS_FAKE_WRAP_H

#include <poll.h>
#include <sys/socket.h>
#include <sys/types.h>

struct nl_sock;

ssize_t __real_send(int fd, const void *buf, size_t len, int flags);
ssize_t __real_recvmsg(int fd, struct msghdr *msg, int flags);
int __real_poll(struct pollfd *fds, nfds_t n, int timeout);
int __real_genl_ctrl_resolve(struct nl_sock *sk, const char *name);
int __real_genl_ctrl_resolve_grp(struct nl_sock *sk, const char *name, const char *group);
int __real_genl_connect(struct nl_sock *sk);
int __real_setsockopt(int fd, int level, int option, const void *value, socklen_t len);

ssize_t __wrap_send(int fd, const void *buf, size_t len, int flags);
ssize_t __wrap_recvmsg(int fd, struct msghdr *msg, int flags);
int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout);
int __wrap_genl_ctrl_resolve(struct nl_sock *sk, const char *name);
int __wrap_genl_ctrl_resolve_grp(struct nl_sock *sk, const char *name, const char *group);
int __wrap_genl_connect(struct nl_sock *sk);
int __wrap_setsockopt(int fd, int level, int option, const void *value, socklen_t len);

#endif /* _CPNS_FAKE_WRAP_H */
