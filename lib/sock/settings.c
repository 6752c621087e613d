/* settings.c: the public face of the configuration (config/). */
#include <stdlib.h>

#include "config/config.h"
#include "spate/spate.h"

struct spate_config *spate_config_new(void)
{
	struct spate_config *c = calloc(1, sizeof(*c));

	if (c != NULL)
		config_defaults(c);
	return c;
}

void spate_config_free(struct spate_config *c) { free(c); }

int spate_config_set(struct spate_config *c, const char *name, const char *value, char *err, size_t err_len)
{
	return config_set(c, name, value, err, err_len);
}

int spate_config_load(struct spate_config *c, const char *path, char *err, size_t err_len)
{
	return config_load(c, path, err, err_len);
}

const char *spate_config_help(void) { return config_help(); }
