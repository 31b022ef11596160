/* SPDX-License-Identifier: GPL-2.0 */
/* The operations of admin.sock: what its files share, and what each has. */
#ifndef CPNS_REGISTRAR_ADMIN_H
#define CPNS_REGISTRAR_ADMIN_H

#include "local.h"

/**
 * admin_text() - a text that a request must have
 * @call: refused where it is missing
 * @name: field
 *
 * Return: it, or NULL.
 */
const char *admin_text(struct local_call *call, const char *name);

/**
 * admin_user() - the user that a request names in "user"
 * @call: refused where it is missing or unknown
 * @user: result
 *
 * Return: 0 or what local_refuse() returns.
 */
int admin_user(struct local_call *call, struct store_user *user);

/** admin_entity() - the entity that a request names in "entity"; as admin_user() */
int admin_entity(struct local_call *call, struct store_entity *entity);

int admin_user_add(struct local_call *call);
int admin_user_passwd(struct local_call *call);
int admin_user_disable(struct local_call *call);
int admin_user_enable(struct local_call *call);
int admin_user_del(struct local_call *call);
int admin_user_list(struct local_call *call);

int admin_entity_list(struct local_call *call);
int admin_entity_show(struct local_call *call);
int admin_entity_revoke(struct local_call *call);
int admin_entity_rotate(struct local_call *call);

int admin_grant_add(struct local_call *call);
int admin_grant_del(struct local_call *call);
int admin_grant_list(struct local_call *call);

#endif /* CPNS_REGISTRAR_ADMIN_H */
