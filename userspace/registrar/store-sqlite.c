// SPDX-License-Identifier: GPL-2.0
/* The embedded engine: one SQLite file. */
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <util.h>

#include "../cpnsd/log.h"
#include "storage.h"
#include "store-schema.h"

enum { BUSY_MS = 5000 };

#define USER_COLUMNS	"name, hash, state, created"
#define ENTITY_COLUMNS	"id, eid, user, role, device, state, created"
#define KEY_COLUMNS							\
	"key_id, kind, entity, coalesce(gateway, ''), user, generation, state,"	\
	" not_before, not_after, created, wrapped"
#define GRANT_COLUMNS							\
	"id, subject, object, what, coalesce(via, ''), prefixes, created"
#define AUDIT_COLUMNS	"id, at, who, what, user, entity, detail"
#define RATE_COLUMNS	"name, failures, until_ms, updated_ms, forget_ms"

enum sql {
	SQL_BEGIN,
	SQL_COMMIT,
	SQL_ROLLBACK,
	SQL_META_GET,
	SQL_META_PUT,
	SQL_USER_GET,
	SQL_USER_PUT,
	SQL_USER_LIST,
	SQL_ENTITY_GET,
	SQL_ENTITY_BY_EID,
	SQL_ENTITY_PUT,
	SQL_ENTITY_LIST,
	SQL_ENTITY_OF_USER,
	SQL_KEY_GET,
	SQL_KEY_PUT,
	SQL_KEY_LIST,
	SQL_KEYS_DUE,
	SQL_LOCALS_DUE,
	SQL_KEYS_PRUNE,
	SQL_ACK_PUT,
	SQL_ACK_LIST,
	SQL_CODE_ADD,
	SQL_CODE_GET,
	SQL_CODE_DEL,
	SQL_CODE_COUNT,
	SQL_CODES_PRUNE,
	SQL_GRANT_ADD,
	SQL_GRANT_DEL,
	SQL_GRANT_LIST,
	SQL_GRANT_ALL,
	SQL_AUDIT_ADD,
	SQL_AUDIT_LIST,
	SQL_AUDIT_PRUNE,
	SQL_RATE_GET,
	SQL_RATE_PUT,
	SQL_RATES_PRUNE,
	SQL_COUNT
};

/* Rows are changed in place: REPLACE would delete what refers to them. */
static const char *const sql_text[SQL_COUNT] = {
	[SQL_BEGIN] = "BEGIN IMMEDIATE",
	[SQL_COMMIT] = "COMMIT",
	[SQL_ROLLBACK] = "ROLLBACK",
	[SQL_META_GET] = "SELECT value FROM meta WHERE name = ?1",
	[SQL_META_PUT] = "INSERT INTO meta(name, value) VALUES (?1, ?2)\n"
		" ON CONFLICT(name) DO UPDATE SET value = ?2",
	[SQL_USER_GET] = "SELECT " USER_COLUMNS " FROM users WHERE name = ?1",
	[SQL_USER_PUT] = "INSERT INTO users(" USER_COLUMNS ") VALUES (?1, ?2, ?3, ?4)\n"
		" ON CONFLICT(name) DO UPDATE SET hash = ?2, state = ?3, created = ?4",
	[SQL_USER_LIST] = "SELECT " USER_COLUMNS " FROM users ORDER BY name",
	[SQL_ENTITY_GET] = "SELECT " ENTITY_COLUMNS " FROM entities WHERE id = ?1",
	[SQL_ENTITY_BY_EID] = "SELECT " ENTITY_COLUMNS " FROM entities WHERE eid = ?1",
	[SQL_ENTITY_PUT] = "INSERT INTO entities(" ENTITY_COLUMNS ")\n"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)\n"
		" ON CONFLICT(id) DO UPDATE SET role = ?4, device = ?5, state = ?6",
	[SQL_ENTITY_LIST] = "SELECT " ENTITY_COLUMNS " FROM entities\n"
		" WHERE ?1 IN (0, role) ORDER BY id",
	[SQL_ENTITY_OF_USER] = "SELECT " ENTITY_COLUMNS " FROM entities\n"
		" WHERE user = ?2 AND ?1 IN (0, role) ORDER BY id",
	[SQL_KEY_GET] = "SELECT " KEY_COLUMNS " FROM keys WHERE key_id = ?1",
	[SQL_KEY_PUT] = "INSERT INTO keys(key_id, kind, entity, gateway, user, generation,\n"
		" state, not_before, not_after, created, wrapped)\n"
		" VALUES (?1, ?2, ?3, nullif(?4, ''), ?5, ?6, ?7, ?8, ?9, ?10, ?11)\n"
		" ON CONFLICT(key_id) DO UPDATE SET state = ?7, not_before = ?8,\n"
		" not_after = ?9, wrapped = ?11",
	[SQL_KEY_LIST] = "SELECT " KEY_COLUMNS " FROM keys\n"
		" WHERE entity = ?1 OR gateway = ?1 ORDER BY generation",
	[SQL_KEYS_DUE] = "SELECT key_id, kind, entity, '', k.user, generation, k.state,\n"
		" not_before, not_after, k.created, wrapped\n"
		" FROM keys k JOIN entities e ON e.id = k.entity\n"
		" WHERE gateway IS NULL AND not_after < ?1 AND k.state = 1 AND e.state = 0\n"
		" ORDER BY not_after",
	[SQL_LOCALS_DUE] = "SELECT " KEY_COLUMNS " FROM keys WHERE gateway IS NOT NULL\n"
		" AND state = 1 AND created <= ?1 AND NOT EXISTS\n"
		" (SELECT 1 FROM keys n WHERE n.entity = keys.entity\n"
		" AND n.gateway = keys.gateway AND n.generation > keys.generation)",
	[SQL_KEYS_PRUNE] = "DELETE FROM keys WHERE not_after < ?1 AND EXISTS\n"
		" (SELECT 1 FROM keys n WHERE n.entity = keys.entity\n"
		" AND n.gateway IS keys.gateway AND n.generation > keys.generation)",
	[SQL_ACK_PUT] = "INSERT INTO acks(key_id, entity, revoked) VALUES (?1, ?2, ?3)\n"
		" ON CONFLICT(key_id, entity) DO UPDATE SET revoked = ?3",
	[SQL_ACK_LIST] = "SELECT key_id, entity, revoked FROM acks WHERE entity = ?1",
	[SQL_CODE_ADD] = "INSERT INTO codes(hash, user, role, expires) VALUES (?1, ?2, ?3, ?4)",
	[SQL_CODE_GET] = "SELECT hash, user, role, expires FROM codes WHERE hash = ?1",
	[SQL_CODE_DEL] = "DELETE FROM codes WHERE hash = ?1",
	[SQL_CODE_COUNT] = "SELECT count(*) FROM codes WHERE user = ?1",
	[SQL_CODES_PRUNE] = "DELETE FROM codes WHERE expires <= ?1",
	[SQL_GRANT_ADD] = "INSERT INTO grants(subject, object, what, via, prefixes, created)\n"
		" VALUES (?1, ?2, ?3, nullif(?4, ''), ?5, ?6)",
	[SQL_GRANT_DEL] = "DELETE FROM grants WHERE id = ?1",
	[SQL_GRANT_LIST] = "SELECT " GRANT_COLUMNS " FROM grants\n"
		" WHERE subject = ?1 OR object = ?1 OR via = ?1 ORDER BY id",
	[SQL_GRANT_ALL] = "SELECT " GRANT_COLUMNS " FROM grants ORDER BY id",
	[SQL_AUDIT_ADD] = "INSERT INTO audit(at, who, what, user, entity, detail)\n"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
	[SQL_AUDIT_LIST] = "SELECT " AUDIT_COLUMNS " FROM (SELECT " AUDIT_COLUMNS " FROM audit\n"
		" WHERE at >= ?1 ORDER BY id DESC LIMIT ?2) ORDER BY id",
	[SQL_AUDIT_PRUNE] = "DELETE FROM audit WHERE at < ?1",
	[SQL_RATE_GET] = "SELECT " RATE_COLUMNS " FROM rate WHERE name = ?1",
	[SQL_RATE_PUT] = "INSERT INTO rate(" RATE_COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5)\n"
		" ON CONFLICT(name) DO UPDATE\n"
		" SET failures = ?2, until_ms = ?3, updated_ms = ?4, forget_ms = ?5",
	[SQL_RATES_PRUNE] = "DELETE FROM rate WHERE forget_ms <= ?1",
};

/**
 * struct store - an open database
 * @db: SQLite's handle
 * @stmt: statements, made when they are first wanted
 */
struct store {
	sqlite3		*db;
	struct sqlite3_stmt	*stmt[SQL_COUNT];
};

static int fail(struct store *s, enum sql which)
{
	int code = sqlite3_errcode(s->db);

	if (code == SQLITE_CONSTRAINT)
		return -EEXIST;
	log_msg(LOG_ERR, "store: %s (statement %d)", sqlite3_errmsg(s->db), which);
	return -EIO;
}

/*
 * Bind what follows @types: t = text, n = number (int64_t), b = bytes and
 * their number (size_t).
 */
static sqlite3_stmt *bind_values(struct store *s, enum sql which, const char *types, va_list ap)
{
	sqlite3_stmt *stmt = s->stmt[which];
	const void *bytes;
	int i, ret = SQLITE_OK;

	if (!stmt) {
		if (sqlite3_prepare_v3(s->db, sql_text[which], -1, SQLITE_PREPARE_PERSISTENT,
				       &stmt, NULL))
			return NULL;
		s->stmt[which] = stmt;
	}
	for (i = 1; *types && !ret; i++, types++) {
		switch (*types) {
		case 't':
			ret = sqlite3_bind_text(stmt, i, va_arg(ap, const char *), -1,
						SQLITE_TRANSIENT);
			break;
		case 'n':
			ret = sqlite3_bind_int64(stmt, i, va_arg(ap, int64_t));
			break;
		default:
			bytes = va_arg(ap, const void *);
			ret = sqlite3_bind_blob64(stmt, i, bytes, va_arg(ap, size_t),
						  SQLITE_TRANSIENT);
			break;
		}
	}
	return ret ? NULL : stmt;
}

static void unbind(sqlite3_stmt *stmt)
{
	sqlite3_reset(stmt);
	sqlite3_clear_bindings(stmt);
}

/* A statement without rows. */
static int run(struct store *s, enum sql which, const char *types, ...)
{
	sqlite3_stmt *stmt;
	va_list ap;
	int ret = 0;

	va_start(ap, types);
	stmt = bind_values(s, which, types, ap);
	va_end(ap);
	if (!stmt)
		return fail(s, which);
	if (sqlite3_step(stmt) != SQLITE_DONE)
		ret = fail(s, which);
	unbind(stmt);
	return ret;
}

/* Changes exactly the row that is named, or tells that there is none. */
static int deleted_one(struct store *s, int ret)
{
	if (ret)
		return ret;
	return sqlite3_changes(s->db) ? 0 : -ENOENT;
}

/* Reads a column into room for @size; what is too long was not put by us. */
static void text_of(sqlite3_stmt *stmt, int column, char *text, size_t size)
{
	const unsigned char *value = sqlite3_column_text(stmt, column);

	snprintf(text, size, "%s", value ? (const char *)value : "");
}

static void bytes_of(sqlite3_stmt *stmt, int column, uint8_t *bytes, size_t size)
{
	const void *value = sqlite3_column_blob(stmt, column);
	size_t len = (size_t)sqlite3_column_bytes(stmt, column);

	memset(bytes, 0, size);
	if (value)
		memcpy(bytes, value, len < size ? len : size);
}

static void read_user(sqlite3_stmt *stmt, void *row)
{
	struct store_user *user = row;

	text_of(stmt, 0, user->name, sizeof(user->name));
	text_of(stmt, 1, user->hash, sizeof(user->hash));
	user->state = (unsigned int)sqlite3_column_int(stmt, 2);
	user->created = (uint64_t)sqlite3_column_int64(stmt, 3);
}

static void read_entity(sqlite3_stmt *stmt, void *row)
{
	struct store_entity *entity = row;

	text_of(stmt, 0, entity->id, sizeof(entity->id));
	entity->eid = (uint64_t)sqlite3_column_int64(stmt, 1);
	text_of(stmt, 2, entity->user, sizeof(entity->user));
	entity->role = (unsigned int)sqlite3_column_int(stmt, 3);
	text_of(stmt, 4, entity->device, sizeof(entity->device));
	entity->state = (unsigned int)sqlite3_column_int(stmt, 5);
	entity->created = (uint64_t)sqlite3_column_int64(stmt, 6);
}

static void read_key(sqlite3_stmt *stmt, void *row)
{
	struct store_key *key = row;

	bytes_of(stmt, 0, key->key_id, sizeof(key->key_id));
	key->kind = (unsigned int)sqlite3_column_int(stmt, 1);
	text_of(stmt, 2, key->entity, sizeof(key->entity));
	text_of(stmt, 3, key->gateway, sizeof(key->gateway));
	text_of(stmt, 4, key->user, sizeof(key->user));
	key->generation = (uint32_t)sqlite3_column_int64(stmt, 5);
	key->state = (unsigned int)sqlite3_column_int(stmt, 6);
	key->not_before = (uint64_t)sqlite3_column_int64(stmt, 7);
	key->not_after = (uint64_t)sqlite3_column_int64(stmt, 8);
	key->created = (uint64_t)sqlite3_column_int64(stmt, 9);
	bytes_of(stmt, 10, key->wrapped, sizeof(key->wrapped));
}

static void read_ack(sqlite3_stmt *stmt, void *row)
{
	struct store_ack *ack = row;

	bytes_of(stmt, 0, ack->key_id, sizeof(ack->key_id));
	text_of(stmt, 1, ack->entity, sizeof(ack->entity));
	ack->revoked = sqlite3_column_int(stmt, 2);
}

static void read_code(sqlite3_stmt *stmt, void *row)
{
	struct store_code *code = row;

	bytes_of(stmt, 0, code->hash, sizeof(code->hash));
	text_of(stmt, 1, code->user, sizeof(code->user));
	code->role = (unsigned int)sqlite3_column_int(stmt, 2);
	code->expires = (uint64_t)sqlite3_column_int64(stmt, 3);
}

static void read_grant(sqlite3_stmt *stmt, void *row)
{
	struct store_grant *grant = row;

	grant->id = sqlite3_column_int64(stmt, 0);
	text_of(stmt, 1, grant->subject, sizeof(grant->subject));
	text_of(stmt, 2, grant->object, sizeof(grant->object));
	grant->what = (unsigned int)sqlite3_column_int(stmt, 3);
	text_of(stmt, 4, grant->via, sizeof(grant->via));
	text_of(stmt, 5, grant->prefixes, sizeof(grant->prefixes));
	grant->created = (uint64_t)sqlite3_column_int64(stmt, 6);
}

static void read_audit(sqlite3_stmt *stmt, void *row)
{
	struct store_audit *audit = row;

	audit->id = sqlite3_column_int64(stmt, 0);
	audit->at = (uint64_t)sqlite3_column_int64(stmt, 1);
	text_of(stmt, 2, audit->who, sizeof(audit->who));
	text_of(stmt, 3, audit->what, sizeof(audit->what));
	text_of(stmt, 4, audit->user, sizeof(audit->user));
	text_of(stmt, 5, audit->entity, sizeof(audit->entity));
	text_of(stmt, 6, audit->detail, sizeof(audit->detail));
}

static void read_rate(sqlite3_stmt *stmt, void *row)
{
	struct store_rate *rate = row;

	text_of(stmt, 0, rate->name, sizeof(rate->name));
	rate->failures = (uint32_t)sqlite3_column_int64(stmt, 1);
	rate->until_ms = (uint64_t)sqlite3_column_int64(stmt, 2);
	rate->updated_ms = (uint64_t)sqlite3_column_int64(stmt, 3);
	rate->forget_ms = (uint64_t)sqlite3_column_int64(stmt, 4);
}

static void read_number(sqlite3_stmt *stmt, void *row)
{
	*(int64_t *)row = sqlite3_column_int64(stmt, 0);
}

typedef void (*reader_t)(sqlite3_stmt *stmt, void *row);

/* The one row that a statement gives. */
static int get(struct store *s, enum sql which, reader_t reader, void *row,
	       const char *types, ...)
{
	sqlite3_stmt *stmt;
	va_list ap;
	int ret = 0;

	va_start(ap, types);
	stmt = bind_values(s, which, types, ap);
	va_end(ap);
	if (!stmt)
		return fail(s, which);
	switch (sqlite3_step(stmt)) {
	case SQLITE_ROW:
		reader(stmt, row);
		break;
	case SQLITE_DONE:
		ret = -ENOENT;
		break;
	default:
		ret = fail(s, which);
		break;
	}
	unbind(stmt);
	return ret;
}

/* All rows that a statement gives, in an array. */
static int list(struct store *s, enum sql which, reader_t reader, size_t size, void *result,
		size_t *n, const char *types, ...)
{
	size_t room = 0, used = 0;
	char *rows = NULL, *more;
	sqlite3_stmt *stmt;
	va_list ap;
	int code, ret = 0;

	*n = 0;
	*(void **)result = NULL;
	va_start(ap, types);
	stmt = bind_values(s, which, types, ap);
	va_end(ap);
	if (!stmt)
		return fail(s, which);
	while ((code = sqlite3_step(stmt)) == SQLITE_ROW) {
		if (used == room) {
			room = room ? 2 * room : 16;
			more = realloc(rows, room * size);
			if (!more) {
				ret = -ENOMEM;
				break;
			}
			rows = more;
		}
		reader(stmt, rows + used++ * size);
	}
	if (!ret && code != SQLITE_DONE)
		ret = fail(s, which);
	unbind(stmt);
	if (ret) {
		free(rows);
		return ret;
	}
	*(void **)result = rows;
	*n = used;
	return 0;
}

static void sqlite_close(struct store *s)
{
	size_t i;

	if (!s)
		return;
	for (i = 0; i < SQL_COUNT; i++)
		sqlite3_finalize(s->stmt[i]);
	sqlite3_close(s->db);
	free(s);
}

/*
 * FULL: an answer that follows a commit outlives the loss of power.
 * secure_delete: what is deleted is overwritten.
 */
static int set_up(struct store *s)
{
	static const char pragmas[] =
		"PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
		"PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON;"
		"PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY;";

	sqlite3_extended_result_codes(s->db, 0);
	sqlite3_busy_timeout(s->db, BUSY_MS);
	return sqlite3_exec(s->db, pragmas, NULL, NULL, NULL) ? -EIO : 0;
}

static int sqlite_open(struct store **store, const char *where, char *error)
{
	struct store *s = calloc(1, sizeof(*s));
	char why[CPNS_ERROR_TEXT];
	int ret = -EIO;

	*store = NULL;
	if (!s) {
		snprintf(error, CPNS_ERROR_TEXT, "no memory");
		return -ENOMEM;
	}
	if (sqlite3_open_v2(where, &s->db,
			    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
			    SQLITE_OPEN_NOFOLLOW, NULL) || set_up(s)) {
		snprintf(why, sizeof(why), "it can't be opened: %s",
			 s->db ? sqlite3_errmsg(s->db) : "no memory");
		goto err;
	}
	ret = store_migrate(s->db, store_schema, store_schema_steps, why);
	if (ret)
		goto err;
	*store = s;
	return 0;
err:
	snprintf(error, CPNS_ERROR_TEXT, "store %.100s: %.200s", where, why);
	sqlite_close(s);
	return ret;
}

static int sqlite_begin(struct store *s)
{
	return run(s, SQL_BEGIN, "");
}

static int sqlite_commit(struct store *s)
{
	int ret = run(s, SQL_COMMIT, "");

	if (ret && !sqlite3_get_autocommit(s->db))
		run(s, SQL_ROLLBACK, "");
	return ret;
}

static void sqlite_rollback(struct store *s)
{
	if (!sqlite3_get_autocommit(s->db))
		run(s, SQL_ROLLBACK, "");
}

/* SQLite takes an empty file for a new database: nobody else's is overwritten. */
static int sqlite_backup(struct store *s, const char *path, char *error)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	sqlite3_backup *backup = NULL;
	sqlite3 *copy = NULL;
	int ret;

	if (fd < 0) {
		ret = -errno;
		snprintf(error, CPNS_ERROR_TEXT, "%.200s can't be made: %s", path,
			 strerror(errno));
		return ret;
	}
	ret = sqlite3_open_v2(path, &copy, SQLITE_OPEN_READWRITE, NULL);
	if (!ret) {
		backup = sqlite3_backup_init(copy, "main", s->db, "main");
		if (backup)
			sqlite3_backup_step(backup, -1);
		ret = backup ? sqlite3_backup_finish(backup) : SQLITE_ERROR;
	}
	if (ret)
		snprintf(error, CPNS_ERROR_TEXT, "%.200s can't be written: %s", path,
			 copy ? sqlite3_errmsg(copy) : "no memory");
	sqlite3_close(copy);
	if (!ret && fsync(fd)) {
		snprintf(error, CPNS_ERROR_TEXT, "%.200s can't be written: %s", path,
			 strerror(errno));
		ret = SQLITE_IOERR;
	}
	close(fd);
	if (!ret)
		return 0;
	unlink(path);
	return -EIO;
}

struct value {
	void	*bytes;
	size_t	len;
	int	ret;
};

static void read_value(sqlite3_stmt *stmt, void *row)
{
	struct value *value = row;

	value->ret = -EMSGSIZE;
	if ((size_t)sqlite3_column_bytes(stmt, 0) != value->len)
		return;
	bytes_of(stmt, 0, value->bytes, value->len);
	value->ret = 0;
}

static int sqlite_meta_get(struct store *s, const char *name, void *bytes, size_t len)
{
	struct value value = { .bytes = bytes, .len = len };
	int ret = get(s, SQL_META_GET, read_value, &value, "t", name);

	return ret ? ret : value.ret;
}

static int sqlite_meta_put(struct store *s, const char *name, const void *value, size_t len)
{
	return run(s, SQL_META_PUT, "tb", name, value, len);
}

static int sqlite_user_get(struct store *s, const char *name, struct store_user *user)
{
	return get(s, SQL_USER_GET, read_user, user, "t", name);
}

static int sqlite_user_put(struct store *s, const struct store_user *u)
{
	return run(s, SQL_USER_PUT, "ttnn", u->name, u->hash, (int64_t)u->state,
		   (int64_t)u->created);
}

static int sqlite_user_list(struct store *s, struct store_user **users, size_t *n)
{
	return list(s, SQL_USER_LIST, read_user, sizeof(**users), users, n, "");
}

static int sqlite_entity_get(struct store *s, const char *id, struct store_entity *entity)
{
	return get(s, SQL_ENTITY_GET, read_entity, entity, "t", id);
}

static int sqlite_entity_by_eid(struct store *s, uint64_t eid, struct store_entity *entity)
{
	return get(s, SQL_ENTITY_BY_EID, read_entity, entity, "n", (int64_t)eid);
}

static int sqlite_entity_put(struct store *s, const struct store_entity *e)
{
	return run(s, SQL_ENTITY_PUT, "tntntnn", e->id, (int64_t)e->eid, e->user,
		   (int64_t)e->role, e->device, (int64_t)e->state, (int64_t)e->created);
}

static int sqlite_entity_list(struct store *s, const char *user, unsigned int role,
			      struct store_entity **entities, size_t *n)
{
	if (!user)
		return list(s, SQL_ENTITY_LIST, read_entity, sizeof(**entities), entities, n,
			    "n", (int64_t)role);
	return list(s, SQL_ENTITY_OF_USER, read_entity, sizeof(**entities), entities, n, "nt",
		    (int64_t)role, user);
}

static int sqlite_key_get(struct store *s, const uint8_t *key_id, struct store_key *key)
{
	return get(s, SQL_KEY_GET, read_key, key, "b", key_id, (size_t)CPNS_KEY_ID_LEN);
}

static int sqlite_key_put(struct store *s, const struct store_key *k)
{
	return run(s, SQL_KEY_PUT, "bntttnnnnnb", k->key_id, sizeof(k->key_id),
		   (int64_t)k->kind, k->entity, k->gateway, k->user, (int64_t)k->generation,
		   (int64_t)k->state, (int64_t)k->not_before, (int64_t)k->not_after,
		   (int64_t)k->created, k->wrapped, sizeof(k->wrapped));
}

static int sqlite_key_list(struct store *s, const char *entity, struct store_key **keys,
			   size_t *n)
{
	return list(s, SQL_KEY_LIST, read_key, sizeof(**keys), keys, n, "t", entity);
}

static int sqlite_keys_due(struct store *s, uint64_t before, struct store_key **keys,
			   size_t *n)
{
	return list(s, SQL_KEYS_DUE, read_key, sizeof(**keys), keys, n, "n", (int64_t)before);
}

static int sqlite_locals_due(struct store *s, uint64_t before, struct store_key **keys,
			     size_t *n)
{
	return list(s, SQL_LOCALS_DUE, read_key, sizeof(**keys), keys, n, "n",
		    (int64_t)before);
}

static int sqlite_keys_prune(struct store *s, uint64_t before)
{
	return run(s, SQL_KEYS_PRUNE, "n", (int64_t)before);
}

static int sqlite_ack_put(struct store *s, const struct store_ack *a)
{
	return run(s, SQL_ACK_PUT, "btn", a->key_id, sizeof(a->key_id), a->entity,
		   (int64_t)a->revoked);
}

static int sqlite_ack_list(struct store *s, const char *entity, struct store_ack **acks,
			   size_t *n)
{
	return list(s, SQL_ACK_LIST, read_ack, sizeof(**acks), acks, n, "t", entity);
}

static int sqlite_code_add(struct store *s, const struct store_code *c)
{
	return run(s, SQL_CODE_ADD, "btnn", c->hash, sizeof(c->hash), c->user,
		   (int64_t)c->role, (int64_t)c->expires);
}

static int sqlite_code_get(struct store *s, const uint8_t *hash, struct store_code *code)
{
	return get(s, SQL_CODE_GET, read_code, code, "b", hash, (size_t)STORE_CODE_LEN);
}

static int sqlite_code_del(struct store *s, const uint8_t *hash)
{
	return deleted_one(s, run(s, SQL_CODE_DEL, "b", hash, (size_t)STORE_CODE_LEN));
}

static int sqlite_code_count(struct store *s, const char *user, size_t *n)
{
	int64_t count = 0;
	int ret = get(s, SQL_CODE_COUNT, read_number, &count, "t", user);

	*n = (size_t)count;
	return ret;
}

static int sqlite_codes_prune(struct store *s, uint64_t now)
{
	return run(s, SQL_CODES_PRUNE, "n", (int64_t)now);
}

static int sqlite_grant_add(struct store *s, struct store_grant *g)
{
	int ret = run(s, SQL_GRANT_ADD, "ttnttn", g->subject, g->object, (int64_t)g->what,
		      g->via, g->prefixes, (int64_t)g->created);

	g->id = ret ? 0 : sqlite3_last_insert_rowid(s->db);
	return ret;
}

static int sqlite_grant_del(struct store *s, int64_t id)
{
	return deleted_one(s, run(s, SQL_GRANT_DEL, "n", id));
}

static int sqlite_grant_list(struct store *s, const char *entity, struct store_grant **grants,
			     size_t *n)
{
	if (!entity)
		return list(s, SQL_GRANT_ALL, read_grant, sizeof(**grants), grants, n, "");
	return list(s, SQL_GRANT_LIST, read_grant, sizeof(**grants), grants, n, "t", entity);
}

static int sqlite_audit_add(struct store *s, const struct store_audit *a)
{
	return run(s, SQL_AUDIT_ADD, "nttttt", (int64_t)a->at, a->who, a->what, a->user,
		   a->entity, a->detail);
}

static int sqlite_audit_list(struct store *s, uint64_t since, size_t limit,
			     struct store_audit **lines, size_t *n)
{
	return list(s, SQL_AUDIT_LIST, read_audit, sizeof(**lines), lines, n, "nn",
		    (int64_t)since, (int64_t)limit);
}

static int sqlite_audit_prune(struct store *s, uint64_t before)
{
	return run(s, SQL_AUDIT_PRUNE, "n", (int64_t)before);
}

static int sqlite_rate_get(struct store *s, const char *name, struct store_rate *rate)
{
	return get(s, SQL_RATE_GET, read_rate, rate, "t", name);
}

static int sqlite_rate_put(struct store *s, const struct store_rate *r)
{
	return run(s, SQL_RATE_PUT, "tnnnn", r->name, (int64_t)r->failures,
		   (int64_t)r->until_ms, (int64_t)r->updated_ms, (int64_t)r->forget_ms);
}

static int sqlite_rates_prune(struct store *s, uint64_t now_ms)
{
	return run(s, SQL_RATES_PRUNE, "n", (int64_t)now_ms);
}

const struct store_ops store_sqlite = {
	.open = sqlite_open,
	.close = sqlite_close,
	.begin = sqlite_begin,
	.commit = sqlite_commit,
	.rollback = sqlite_rollback,
	.backup = sqlite_backup,
	.meta_get = sqlite_meta_get,
	.meta_put = sqlite_meta_put,
	.user_get = sqlite_user_get,
	.user_put = sqlite_user_put,
	.user_list = sqlite_user_list,
	.entity_get = sqlite_entity_get,
	.entity_by_eid = sqlite_entity_by_eid,
	.entity_put = sqlite_entity_put,
	.entity_list = sqlite_entity_list,
	.key_get = sqlite_key_get,
	.key_put = sqlite_key_put,
	.key_list = sqlite_key_list,
	.keys_due = sqlite_keys_due,
	.locals_due = sqlite_locals_due,
	.keys_prune = sqlite_keys_prune,
	.ack_put = sqlite_ack_put,
	.ack_list = sqlite_ack_list,
	.code_add = sqlite_code_add,
	.code_get = sqlite_code_get,
	.code_del = sqlite_code_del,
	.code_count = sqlite_code_count,
	.codes_prune = sqlite_codes_prune,
	.grant_add = sqlite_grant_add,
	.grant_del = sqlite_grant_del,
	.grant_list = sqlite_grant_list,
	.audit_add = sqlite_audit_add,
	.audit_list = sqlite_audit_list,
	.audit_prune = sqlite_audit_prune,
	.rate_get = sqlite_rate_get,
	.rate_put = sqlite_rate_put,
	.rates_prune = sqlite_rates_prune,
};
