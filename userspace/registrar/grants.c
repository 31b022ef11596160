// SPDX-License-Identifier: GPL-2.0
/* Authorization. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <text.h>
#include <util.h>

#include "grants.h"

static const char *const what_names[] = {
	[GRANT_TALK] = "talk",
	[GRANT_RELAY] = "relay",
	[GRANT_ROUTE] = "route",
	[GRANT_PREFIX] = "prefix",
};

const char *grants_what_name(unsigned int what)
{
	return what < ARRAY_SIZE(what_names) ? what_names[what] : NULL;
}

unsigned int grants_what_parse(const char *text)
{
	unsigned int what;

	for (what = GRANT_TALK; what < ARRAY_SIZE(what_names); what++)
		if (!strcmp(text, what_names[what]))
			return what;
	return 0;
}

/* Is an entity not taking part, as opposed to an error. */
static bool is_away(int ret)
{
	return ret == -ENOENT || ret == -EKEYREVOKED || ret == -EACCES;
}

struct partners {
	struct partner	*list;
	size_t		n;
	size_t		room;
};

static struct partner *find_partner(struct partners *p, const char *id)
{
	size_t i;

	for (i = 0; i < p->n; i++)
		if (!strcmp(p->list[i].entity.id, id))
			return &p->list[i];
	return NULL;
}

static int add_partner(struct partners *p, const struct store_entity *entity, bool talk)
{
	struct partner *more;

	if (p->n == p->room) {
		p->room = p->room ? 2 * p->room : 16;
		more = realloc(p->list, p->room * sizeof(*more));
		if (!more)
			return -ENOMEM;
		p->list = more;
	}
	p->list[p->n++] = (struct partner){ .entity = *entity, .talk = talk, .relay = true };
	return 0;
}

static unsigned int other_role(unsigned int role)
{
	return role == CPNS_ROLE_PNGW ? CPNS_ROLE_PNE : CPNS_ROLE_PNGW;
}

static int own_partners(struct registry *r, const struct store_entity *entity,
			struct partners *p)
{
	struct store_entity *list;
	size_t n, i;
	int ret;

	ret = r->ops->entity_list(r->store, entity->user, other_role(entity->role), &list, &n);
	if (ret)
		return ret;
	for (i = 0; i < n && !ret; i++)
		if (list[i].state == ENTITY_ACTIVE)
			ret = add_partner(p, &list[i], true);
	free(list);
	return ret;
}

static int granted_partner(struct registry *r, const struct store_entity *entity,
			   const struct store_grant *grant, struct partners *p)
{
	bool talk = grant->what == GRANT_TALK;
	struct store_entity other;
	struct partner *known;
	int ret;

	if (!talk && grant->what != GRANT_RELAY)
		return 0;
	ret = registry_entity(r, strcmp(grant->subject, entity->id) ? grant->subject :
			      grant->object, &other);
	if (ret || other.role != other_role(entity->role))
		return is_away(ret) ? 0 : ret;
	known = find_partner(p, other.id);
	if (!known)
		return add_partner(p, &other, talk);
	known->talk |= talk;
	return 0;
}

static int partners_of(struct registry *r, const struct store_entity *entity,
		       const struct store_grant *grants, size_t n_grants, struct partners *p)
{
	size_t i;
	int ret;

	memset(p, 0, sizeof(*p));
	ret = own_partners(r, entity, p);
	for (i = 0; i < n_grants && !ret; i++)
		ret = granted_partner(r, entity, &grants[i], p);
	if (!ret)
		return 0;
	free(p->list);
	memset(p, 0, sizeof(*p));
	return ret;
}

int grants_partners(struct registry *r, const struct store_entity *entity,
		    struct partner **list, size_t *n)
{
	struct partners p = { 0 };
	struct store_grant *grants;
	size_t n_grants;
	int ret;

	ret = r->ops->grant_list(r->store, entity->id, &grants, &n_grants);
	if (!ret)
		ret = partners_of(r, entity, grants, n_grants, &p);
	free(grants);
	*list = p.list;
	*n = p.n;
	return ret;
}

int grants_tell_partners(struct registry *r, const struct store_entity *entity)
{
	struct partner *list;
	size_t n, i;
	int ret = grants_partners(r, entity, &list, &n);

	for (i = 0; i < n; i++)
		registry_changed(r, list[i].entity.id);
	free(list);
	return ret;
}

/* Prefixes with blanks or commas between, each in its normal form. */
static int check_prefixes(char *prefixes, char *error)
{
	char result[STORE_PREFIXES_MAX] = "", text[CPNS_PREFIX_TEXT], *word, *save = NULL;
	struct cpns_prefix prefix;
	size_t used = 0, len;

	for (word = strtok_r(prefixes, " ,", &save); word; word = strtok_r(NULL, " ,", &save)) {
		if (cpns_prefix_parse(word, &prefix)) {
			snprintf(error, CPNS_ERROR_TEXT,
				 "%.60s is no prefix: write address/length without host bits, such as 10.9.0.0/16",
				 word);
			return -EINVAL;
		}
		cpns_prefix_format(&prefix, text);
		len = strlen(text);
		if (used + len + 2 > sizeof(result)) {
			snprintf(error, CPNS_ERROR_TEXT,
				 "these are too many prefixes for one grant: give several");
			return -EINVAL;
		}
		used += (size_t)snprintf(result + used, sizeof(result) - used, "%s%s",
					 used ? " " : "", text);
	}
	memcpy(prefixes, result, sizeof(result));
	return 0;
}

/* Looks up one end, which must have a role. */
static int check_end(struct registry *r, const char *id, unsigned int role, const char *name,
		     struct store_entity *entity, char *error)
{
	int ret = r->ops->entity_get(r->store, id, entity);

	if (ret && ret != -ENOENT)
		return ret;
	if (ret) {
		snprintf(error, CPNS_ERROR_TEXT,
			 "%s %.100s%s is not enrolled: entity-list names those that are", name,
			 *id ? id : "(none)", strlen(id) > 100 ? "..." : "");
		return -EINVAL;
	}
	if (entity->role == role)
		return 0;
	snprintf(error, CPNS_ERROR_TEXT, "%s %.100s is a %s: it must be a %s here", name, id,
		 cpns_role_name(entity->role), cpns_role_name(role));
	return -EINVAL;
}

/* May a PNE talk to the PN GW that is to be its router. */
static int check_routed(struct registry *r, const struct store_entity *pne,
			const struct store_entity *via, char *error)
{
	struct partner *list;
	bool found = false;
	size_t n, i;
	int ret = grants_partners(r, pne, &list, &n);

	for (i = 0; i < n; i++)
		found |= list[i].talk && !strcmp(list[i].entity.id, via->id);
	free(list);
	if (ret || found)
		return ret;
	snprintf(error, CPNS_ERROR_TEXT,
		 "%.100s may not talk to %.100s, so it can't be routed through it: grant talk first",
		 pne->id, via->id);
	return -EINVAL;
}

static int check_route(struct registry *r, struct store_grant *grant, char *error)
{
	struct store_entity subject, object, via;
	int ret;

	ret = check_end(r, grant->subject, CPNS_ROLE_PNE, "subject", &subject, error);
	if (!ret)
		ret = check_end(r, grant->object, CPNS_ROLE_PNE, "object", &object, error);
	if (!ret)
		ret = check_end(r, grant->via, CPNS_ROLE_PNGW, "via", &via, error);
	if (!ret && !strcmp(subject.id, object.id)) {
		snprintf(error, CPNS_ERROR_TEXT, "subject and object are the same entity");
		ret = -EINVAL;
	}
	if (!ret)
		ret = check_routed(r, &subject, &via, error);
	if (!ret)
		ret = check_routed(r, &object, &via, error);
	return ret;
}

int grants_check(struct registry *r, struct store_grant *grant, char *error)
{
	struct store_entity subject, object;
	int ret;

	ret = check_prefixes(grant->prefixes, error);
	if (ret)
		return ret;
	if (grant->prefixes[0] ? grant->what != GRANT_PREFIX : grant->what == GRANT_PREFIX) {
		snprintf(error, CPNS_ERROR_TEXT,
			 grant->what == GRANT_PREFIX ? "a grant of prefixes names them" :
			 "prefixes go with a grant of the kind prefix only");
		return -EINVAL;
	}
	if (grant->via[0] ? grant->what != GRANT_ROUTE : grant->what == GRANT_ROUTE) {
		snprintf(error, CPNS_ERROR_TEXT,
			 grant->what == GRANT_ROUTE ? "a route names the PN GW that it goes via" :
			 "via goes with a route only");
		return -EINVAL;
	}
	if (grant->what == GRANT_ROUTE)
		return check_route(r, grant, error);
	ret = check_end(r, grant->subject, CPNS_ROLE_PNE, "subject", &subject, error);
	if (!ret)
		ret = check_end(r, grant->object, CPNS_ROLE_PNGW, "object", &object, error);
	if (!ret && grant->what == GRANT_PREFIX)
		ret = check_routed(r, &subject, &object, error);
	return ret;
}

/* ---- permits ---- */

static void add_address(const struct registry *r, json_t *list, uint64_t eid)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr addr;

	cpns_overlay_address(r->prefix, eid, &addr);
	inet_ntop(AF_INET6, &addr, text, sizeof(text));
	json_array_append_new(list, json_sprintf("%s/128", text));
}

static void add_prefixes(json_t *list, const char *prefixes)
{
	char copy[STORE_PREFIXES_MAX], *word, *save = NULL;

	snprintf(copy, sizeof(copy), "%s", prefixes);
	for (word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save))
		json_array_append_new(list, json_string(word));
}

static json_t *permit_json(const struct store_entity *entity, bool relay, bool via)
{
	return json_pack("{s:{s:s, s:s, s:s}, s:b, s:[], s:[], s:b}",
			 "entity", "id", entity->id, "role", cpns_role_name(entity->role),
			 "user", entity->user, "relay", relay, "inner_src", "allowed_dst",
			 "via", via);
}

/**
 * struct permits - permits being made
 * @r: registry
 * @own: whose they are
 * @p: its partners
 * @list: a permit for each of them, in their order, then those reached via one
 */
struct permits {
	struct registry			*r;
	const struct store_entity	*own;
	struct partners			p;
	json_t				*list;
};

static json_t *permit_field(struct permits *s, const char *id, const char *field)
{
	struct partner *partner = find_partner(&s->p, id);

	if (!partner || !partner->talk)
		return NULL;
	return json_object_get(json_array_get(s->list, (size_t)(partner - s->p.list)), field);
}

static bool has_permit(struct permits *s, const char *id)
{
	json_t *permit;
	size_t i;

	json_array_foreach(s->list, i, permit)
		if (!strcmp(json_string_value(json_object_get(json_object_get(permit, "entity"),
							      "id")), id))
			return true;
	return false;
}

/* A prefix behind a PN GW: what the PNE may reach there, and hear from it. */
static void apply_prefix(struct permits *s, const struct store_grant *grant)
{
	bool gateway = s->own->role == CPNS_ROLE_PNGW;
	json_t *field = permit_field(s, gateway ? grant->subject : grant->object,
				     gateway ? "allowed_dst" : "inner_src");

	if (field)
		add_prefixes(field, grant->prefixes);
}

/* Two PNE through the PN GW: it lets each reach the other. */
static int apply_route_gateway(struct permits *s, const struct store_grant *grant)
{
	struct partner *a = find_partner(&s->p, grant->subject);
	struct partner *b = find_partner(&s->p, grant->object);

	if (!a || !b || !a->talk || !b->talk)
		return 0;
	add_address(s->r, permit_field(s, a->entity.id, "allowed_dst"), b->entity.eid);
	add_address(s->r, permit_field(s, b->entity.id, "allowed_dst"), a->entity.eid);
	return 0;
}

/* At a PNE: the PN GW may send what comes from the other one. */
static int apply_route_pne(struct permits *s, const struct store_grant *grant)
{
	bool subject = !strcmp(grant->subject, s->own->id);
	json_t *field = permit_field(s, grant->via, "inner_src");
	struct store_entity other;
	int ret;

	if (!field)
		return 0;
	ret = registry_entity(s->r, subject ? grant->object : grant->subject, &other);
	if (ret)
		return is_away(ret) ? 0 : ret;
	add_address(s->r, field, other.eid);
	if (!has_permit(s, other.id))
		json_array_append_new(s->list, permit_json(&other, false, true));
	return 0;
}

static int apply_grant(struct permits *s, const struct store_grant *grant)
{
	switch (grant->what) {
	case GRANT_PREFIX:
		apply_prefix(s, grant);
		return 0;
	case GRANT_ROUTE:
		return s->own->role == CPNS_ROLE_PNGW ? apply_route_gateway(s, grant) :
							apply_route_pne(s, grant);
	default:
		return 0;
	}
}

int grants_permits(struct registry *r, const struct store_entity *entity, json_t **permits)
{
	struct permits s = { .r = r, .own = entity, .list = json_array() };
	struct store_grant *grants;
	size_t n, i;
	int ret;

	ret = r->ops->grant_list(r->store, entity->id, &grants, &n);
	if (!ret)
		ret = partners_of(r, entity, grants, n, &s.p);
	for (i = 0; i < s.p.n && !ret; i++)
		json_array_append_new(s.list, permit_json(&s.p.list[i].entity,
							  s.p.list[i].relay, false));
	for (i = 0; i < n && !ret; i++)
		ret = apply_grant(&s, &grants[i]);
	free(grants);
	free(s.p.list);
	if (ret) {
		json_decref(s.list);
		s.list = NULL;
	}
	*permits = s.list;
	return ret;
}
