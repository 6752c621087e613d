/* dialect.h: tests that run once per dialect: the rows of connect-semantics in which the systems' columns differ. */
#ifndef TEST_DIALECT_H
#define TEST_DIALECT_H

#include "sock/dialect.h"
#include "world.h"

static enum dialect dialect;

/* Of the three columns that of the dialect which the test runs in. */
static inline int by(int linux_, int bsd, int zos)
{
	return dialect == DIALECT_LINUX ? linux_ : dialect == DIALECT_BSD ? bsd : zos;
}

static int world_in(enum dialect d)
{
	dialect = d;
	sock_dialect_default(d);
	return world_make(NULL);
}

static int world_linux(void **state)
{
	(void)state;
	return world_in(DIALECT_LINUX);
}

static int world_bsd(void **state)
{
	(void)state;
	return world_in(DIALECT_BSD);
}

static int world_zos(void **state)
{
	(void)state;
	return world_in(DIALECT_ZOS);
}

static int world_out(void **state)
{
	sock_dialect_default(DIALECT_LINUX);
	return world_end(state);
}

#define IN_DIALECTS(test) {#test ", linux", test, world_linux, world_out, NULL}, \
	{#test ", bsd", test, world_bsd, world_out, NULL}, {#test ", zos", test, world_zos, world_out, NULL}

#endif
