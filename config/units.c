/* units.c: numbers with units. */
#include "config/units.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

struct unit {
	const char *name;
	double factor;
};

static bool number(const char *s, const char **end, double *v)
{
	size_t digits = strspn(s, "0123456789."); /* strtod() alone takes signs, hex, "inf" */
	char *stop;

	if (!isdigit((unsigned char)s[0]))
		return false;
	*v = strtod(s, &stop);
	*end = stop;
	return (size_t)(stop - s) == digits;
}

static bool with_unit(const char *s, const struct unit *units, unsigned n, uint64_t *v)
{
	const char *end;
	double x;

	if (!number(s, &end, &x))
		return false;
	for (unsigned i = 0; i < n; i++) {
		if (strcmp(end, units[i].name) == 0 && x * units[i].factor < 9e18) {
			*v = (uint64_t)(x * units[i].factor + 0.5);
			return true;
		}
	}
	return false;
}

bool units_count(const char *s, uint64_t *v)
{
	static const struct unit units[] = {{"", 1}, {"k", 1e3}, {"K", 1e3}, {"M", 1e6}, {"G", 1e9}};

	return with_unit(s, units, 5, v) && (strchr(s, '.') == NULL || !isdigit((unsigned char)s[strlen(s) - 1]));
}

bool units_bytes(const char *s, uint64_t *v)
{
	static const struct unit units[] = {{"", 1}, {"k", 1 << 10}, {"K", 1 << 10}, {"M", 1 << 20}, {"G", 1 << 30}};

	return with_unit(s, units, 5, v) && (strchr(s, '.') == NULL || !isdigit((unsigned char)s[strlen(s) - 1]));
}

bool units_time_ns(const char *s, uint64_t *v)
{
	static const struct unit units[] = {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}};

	*v = 0;
	return strcmp(s, "0") == 0 || with_unit(s, units, 4, v);
}

bool units_prob(const char *s, double *v)
{
	const char *end;

	if (!number(s, &end, v))
		return false;
	if (strcmp(end, "%") == 0)
		*v /= 100;
	else if (*end != '\0' || (strchr(s, '.') == NULL && *v != 0))
		return false; /* "1" could mean 1 % or always */
	return *v <= 1;
}
