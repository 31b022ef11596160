// SPDX-License-Identifier: GPL-2.0
/* The SQLite store: schema, migrations, backup, what is lost and what is not. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../userspace/registrar/store-schema.h"
#include "test-registrar.h"

static int64_t number(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *stmt;
	int64_t value;

	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	value = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	return value;
}

static void migrations_run_in_order(void **state)
{
	static const char *const steps[] = {
		"CREATE TABLE t(a); INSERT INTO t VALUES (1);",
		"ALTER TABLE t ADD COLUMN b; UPDATE t SET b = a + 1;",
		"UPDATE t SET b = b * 10;",
	};
	char error[CPNS_ERROR_TEXT];
	sqlite3 *db;

	(void)state;
	assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
	assert_int_equal(store_migrate(db, steps, 1, error), 0);
	assert_int_equal(number(db, "PRAGMA user_version"), 1);
	assert_int_equal(store_migrate(db, steps, 3, error), 0);
	assert_int_equal(number(db, "PRAGMA user_version"), 3);
	assert_int_equal(number(db, "SELECT b FROM t"), 20);
	assert_int_equal(store_migrate(db, steps, 3, error), 0);
	assert_int_equal(number(db, "SELECT b FROM t"), 20);
	sqlite3_close(db);
}

static void a_migration_that_fails_changes_nothing(void **state)
{
	static const char *const steps[] = {
		"CREATE TABLE t(a); INSERT INTO t VALUES (1);",
		"UPDATE t SET a = 2; INSERT INTO nothing VALUES (1);",
	};
	char error[CPNS_ERROR_TEXT];
	sqlite3 *db;

	(void)state;
	assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
	assert_int_equal(store_migrate(db, steps, 2, error), -EIO);
	assert_non_null(strstr(error, "from schema 1 to 2"));
	assert_int_equal(number(db, "PRAGMA user_version"), 1);
	assert_int_equal(number(db, "SELECT a FROM t"), 1);
	sqlite3_close(db);
}

static void other_databases_are_refused(void **state)
{
	char error[CPNS_ERROR_TEXT];
	sqlite3 *db;

	(void)state;
	assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
	assert_int_equal(store_migrate(db, store_schema, store_schema_steps, error), 0);
	sqlite3_exec(db, "PRAGMA user_version = 1000", NULL, NULL, NULL);
	assert_int_equal(store_migrate(db, store_schema, store_schema_steps, error), -EOVERFLOW);
	assert_non_null(strstr(error, "newer"));
	sqlite3_exec(db, "PRAGMA user_version = 1; PRAGMA application_id = 5", NULL, NULL, NULL);
	assert_int_equal(store_migrate(db, store_schema, store_schema_steps, error),
			 -EMEDIUMTYPE);
	assert_non_null(strstr(error, "another program"));
	sqlite3_close(db);
}

static void a_file_that_is_no_store_is_refused(void **state)
{
	struct fixture *f = *state;
	char path[96], error[CPNS_ERROR_TEXT];
	struct store *store;
	FILE *file;

	snprintf(path, sizeof(path), "%s/junk", f->dir);
	file = fopen(path, "w");
	fputs("this is no database, but it is long enough to be taken for a header\n"
	      "of one hundred bytes, which is what is read first", file);
	fclose(file);
	assert_int_equal(store_sqlite.open(&store, path, error), -EIO);
	assert_null(store);
	assert_non_null(strstr(error, path));
	assert_int_equal(store_sqlite.open(&store, "/nonexistent/a", error), -EIO);
}

static void the_store_is_careful(void **state)
{
	struct fixture *f = *state;
	sqlite3 *db;

	assert_int_equal(sqlite3_open(f->store, &db), SQLITE_OK);
	assert_int_equal(number(db, "SELECT count(*) FROM pragma_journal_mode\n"
				"WHERE journal_mode = 'wal'"), 1);
	sqlite3_close(db);
}

static void transactions_are_whole(void **state)
{
	struct fixture *f = *state;
	struct registry *r = &f->reg;
	struct store_user user = { .name = "carol" };

	assert_int_equal(registry_begin(r), 0);
	assert_int_equal(r->ops->user_put(r->store, &user), 0);
	registry_changed(r, "x");
	assert_int_equal(registry_end(r, -EPERM), -EPERM);
	assert_int_equal(r->ops->user_get(r->store, "carol", &user), -ENOENT);
	assert_int_equal(fixture_events(f, "changed", "x"), 0);
	assert_int_equal(registry_begin(r), 0);
	set_text(user.name, "carol");
	assert_int_equal(r->ops->user_put(r->store, &user), 0);
	registry_changed(r, "x");
	assert_int_equal(registry_end(r, 0), 0);
	fixture_reopen(f);
	assert_int_equal(r->ops->user_get(r->store, "carol", &user), 0);
	assert_int_equal(fixture_events(f, "changed", "x"), 1);
}

static void references_are_kept(void **state)
{
	struct fixture *f = *state;
	struct registry *r = &f->reg;
	struct store_entity entity = { .id = "x@home.example", .user = "nobody", .eid = 5 };
	struct store_grant grant = { .subject = "a", .object = "b", .what = GRANT_TALK };

	assert_int_equal(r->ops->entity_put(r->store, &entity), -EEXIST);
	assert_int_equal(r->ops->grant_add(r->store, &grant), -EEXIST);
	set_text(entity.user, "alice");
	assert_int_equal(r->ops->entity_put(r->store, &entity), 0);
	set_text(entity.id, "y@home.example");
	assert_int_equal(r->ops->entity_put(r->store, &entity), -EEXIST);
	/* The binding to a user stays whatever is put. */
	set_text(entity.id, "x@home.example");
	set_text(entity.user, "bob");
	assert_int_equal(r->ops->entity_put(r->store, &entity), 0);
	assert_string_equal(fixture_entity(f, "x@home.example").user, "alice");
}

static void a_backup_is_whole(void **state)
{
	struct fixture *f = *state;
	struct registry *r = &f->reg;
	char path[96], error[CPNS_ERROR_TEXT];
	struct cpns_key_record record, again;
	unsigned int key_state;
	struct stat st;

	assert_int_equal(fixture_enrol(f, "alice", "p@home.example", CPNS_ROLE_PNE, T0, &record),
			 0);
	snprintf(path, sizeof(path), "%s/copy", f->dir);
	assert_int_equal(r->ops->backup(r->store, path, error), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(r->ops->backup(r->store, path, error), -EEXIST);
	assert_non_null(strstr(error, path));
	assert_int_equal(r->ops->backup(r->store, "/nonexistent/a", error), -ENOENT);
	snprintf(f->store, sizeof(f->store), "%s/copy", f->dir);
	fixture_reopen(f);
	assert_int_equal(keyring_lookup(r, record.key_id, T0, &again, &key_state), 0);
	assert_memory_equal(record.key, again.key, CPNS_KEY_LEN);
}

static void what_is_old_is_pruned(void **state)
{
	struct fixture *f = *state;
	struct registry *r = &f->reg;
	struct cpns_key_record record;
	struct store_key *list;
	struct store_audit *lines;
	size_t n;
	int i;

	for (i = 0; i < 3; i++)
		assert_int_equal(fixture_enrol(f, "alice", "p@home.example", CPNS_ROLE_PNE,
					       T0 + i, &record), 0);
	assert_int_equal(r->ops->keys_prune(r->store, T0 + 366 * DAY), 0);
	assert_int_equal(r->ops->key_list(r->store, "p@home.example", &list, &n), 0);
	/* The highest stays, so that no generation comes twice. */
	assert_int_equal(n, 1);
	assert_int_equal(list[0].generation, 3);
	free(list);
	assert_int_equal(r->ops->audit_list(r->store, 0, 100, &lines, &n), 0);
	assert_int_equal(n, 3);
	free(lines);
	assert_int_equal(r->ops->audit_prune(r->store, T0 + 2), 0);
	assert_int_equal(r->ops->audit_list(r->store, 0, 100, &lines, &n), 0);
	assert_int_equal(n, 1);
	free(lines);
}

struct unit_result test_registrar_store(void)
{
	static const unit_case tests[] = {
		cmocka_unit_test(migrations_run_in_order),
		cmocka_unit_test(a_migration_that_fails_changes_nothing),
		cmocka_unit_test(other_databases_are_refused),
		cmocka_unit_test_setup_teardown(a_file_that_is_no_store_is_refused,
						fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(the_store_is_careful, fixture_setup,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(transactions_are_whole, fixture_setup,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(references_are_kept, fixture_setup,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(a_backup_is_whole, fixture_setup,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(what_is_old_is_pruned, fixture_setup,
						fixture_teardown),
	};

	return (struct unit_result){ ARRAY_SIZE(tests),
		cmocka_run_group_tests(tests, NULL, NULL) };
}
