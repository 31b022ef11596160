/* SPDX-License-Identifier: GPL-2.0 */
/* The tables of the SQLite store, and how an older store becomes a newer one. */
#ifndef CPNS_REGISTRAR_STORE_SCHEMA_H
#define CPNS_REGISTRAR_STORE_SCHEMA_H

#include <sqlite3.h>
#include <stddef.h>

/**
 * store_migrate() - bring a database to the newest schema
 * @db: database
 * @steps: step i leads from version i to version i + 1; version 0 is empty
 * @n: how many
 * @error: CPNS_ERROR_TEXT characters
 *
 * Each step is a transaction of its own: it is done whole or not at all.
 *
 * Return: 0, -EMEDIUMTYPE (another program's database), -EOVERFLOW (a newer
 * version of this program wrote it) or -EIO.
 */
int store_migrate(struct sqlite3 *db, const char *const *steps, size_t n, char *error);

/** store_schema - the steps of this version */
extern const char *const store_schema[];

/** store_schema_steps - how many they are */
extern const size_t store_schema_steps;

#endif /* CPNS_REGISTRAR_STORE_SCHEMA_H */
