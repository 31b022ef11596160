// SPDX-License-Identifier: GPL-2.0
/* The tables of the SQLite store. */
#include <errno.h>
#include <stdio.h>

#include <record.h>
#include <util.h>

#include "store-schema.h"

#define APPLICATION_ID	0x43504e52	/* "CPNR", in the header of the file */

static const char version_1[] =
	"CREATE TABLE meta(\n"
	" name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;"
	"CREATE TABLE users(\n"
	" name TEXT PRIMARY KEY, hash TEXT NOT NULL, state INTEGER NOT NULL,\n"
	" created INTEGER NOT NULL) STRICT;"
	"CREATE TABLE entities(\n"
	" id TEXT PRIMARY KEY, eid INTEGER NOT NULL UNIQUE,\n"
	" user TEXT NOT NULL REFERENCES users(name), role INTEGER NOT NULL,\n"
	" device TEXT NOT NULL, state INTEGER NOT NULL, created INTEGER NOT NULL) STRICT;"
	"CREATE INDEX entities_user ON entities(user);"
	"CREATE TABLE keys(\n"
	" key_id BLOB PRIMARY KEY CHECK (length(key_id) = 16), kind INTEGER NOT NULL,\n"
	" entity TEXT NOT NULL REFERENCES entities(id), gateway TEXT REFERENCES entities(id),\n"
	" user TEXT NOT NULL, generation INTEGER NOT NULL, state INTEGER NOT NULL,\n"
	" not_before INTEGER NOT NULL, not_after INTEGER NOT NULL, created INTEGER NOT NULL,\n"
	" wrapped BLOB NOT NULL) STRICT;"
	"CREATE UNIQUE INDEX keys_eukey ON keys(entity, generation) WHERE gateway IS NULL;"
	"CREATE UNIQUE INDEX keys_local ON keys(entity, gateway, generation)\n"
	" WHERE gateway IS NOT NULL;"
	"CREATE INDEX keys_entity ON keys(entity);"
	"CREATE INDEX keys_gateway ON keys(gateway) WHERE gateway IS NOT NULL;"
	"CREATE INDEX keys_end ON keys(not_after);"
	"CREATE TABLE acks(\n"
	" key_id BLOB NOT NULL REFERENCES keys(key_id) ON DELETE CASCADE,\n"
	" entity TEXT NOT NULL REFERENCES entities(id), revoked INTEGER NOT NULL,\n"
	" PRIMARY KEY (key_id, entity)) STRICT;"
	"CREATE INDEX acks_entity ON acks(entity);"
	"CREATE TABLE codes(\n"
	" hash BLOB PRIMARY KEY, user TEXT NOT NULL REFERENCES users(name),\n"
	" role INTEGER NOT NULL, expires INTEGER NOT NULL) STRICT;"
	"CREATE TABLE grants(\n"
	" id INTEGER PRIMARY KEY AUTOINCREMENT, subject TEXT NOT NULL REFERENCES entities(id),\n"
	" object TEXT NOT NULL REFERENCES entities(id), what INTEGER NOT NULL,\n"
	" via TEXT REFERENCES entities(id), prefixes TEXT NOT NULL,\n"
	" created INTEGER NOT NULL) STRICT;"
	"CREATE INDEX grants_subject ON grants(subject);"
	"CREATE INDEX grants_object ON grants(object);"
	"CREATE INDEX grants_via ON grants(via);"
	"CREATE TABLE audit(\n"
	" id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, who TEXT NOT NULL,\n"
	" what TEXT NOT NULL, user TEXT NOT NULL, entity TEXT NOT NULL,\n"
	" detail TEXT NOT NULL) STRICT;"
	"CREATE INDEX audit_at ON audit(at);"
	"CREATE TABLE rate(\n"
	" name TEXT PRIMARY KEY, failures INTEGER NOT NULL, until_ms INTEGER NOT NULL,\n"
	" updated_ms INTEGER NOT NULL, forget_ms INTEGER NOT NULL) STRICT;";

const char *const store_schema[] = {
	version_1,
};

const size_t store_schema_steps = ARRAY_SIZE(store_schema);

static int pragma(sqlite3 *db, const char *sql, int64_t *value)
{
	sqlite3_stmt *stmt = NULL;
	int ret = -EIO;

	if (!sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) && sqlite3_step(stmt) == SQLITE_ROW) {
		*value = sqlite3_column_int64(stmt, 0);
		ret = 0;
	}
	sqlite3_finalize(stmt);
	return ret;
}

static int run_step(sqlite3 *db, const char *step, size_t version)
{
	char done[96];

	snprintf(done, sizeof(done), "PRAGMA application_id = %d; PRAGMA user_version = %zu;",
		 APPLICATION_ID, version);
	if (!sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL) &&
	    !sqlite3_exec(db, step, NULL, NULL, NULL) &&
	    !sqlite3_exec(db, done, NULL, NULL, NULL) &&
	    !sqlite3_exec(db, "COMMIT", NULL, NULL, NULL))
		return 0;
	return -EIO;
}

int store_migrate(sqlite3 *db, const char *const *steps, size_t n, char *error)
{
	int64_t version, application;
	size_t i;

	if (pragma(db, "PRAGMA user_version", &version) ||
	    pragma(db, "PRAGMA application_id", &application)) {
		snprintf(error, CPNS_ERROR_TEXT, "it can't be read: %s", sqlite3_errmsg(db));
		return -EIO;
	}
	if (version && application != APPLICATION_ID) {
		snprintf(error, CPNS_ERROR_TEXT,
			 "it is a database of another program: name another file");
		return -EMEDIUMTYPE;
	}
	if (version < 0 || (uint64_t)version > n) {
		snprintf(error, CPNS_ERROR_TEXT,
			 "a newer cpns-registrar has written it (schema %lld, this one knows %zu): install that version",
			 (long long)version, n);
		return -EOVERFLOW;
	}
	for (i = (size_t)version; i < n; i++) {
		if (!run_step(db, steps[i], i + 1))
			continue;
		snprintf(error, CPNS_ERROR_TEXT,
			 "it can't be brought from schema %zu to %zu, and stays as it was: %s",
			 i, i + 1, sqlite3_errmsg(db));
		sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
		return -EIO;
	}
	return 0;
}
