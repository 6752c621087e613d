/* fmt.c: numbers for people, and JSON objects for programs. */
#include <arpa/inet.h>
#include <math.h>

#include "fmt.h"

/* Three digits that count. */
static void three(struct fmt *f, double v, const char *unit)
{
	snprintf(f->s, sizeof(f->s), v >= 100 ? "%.0f%s" : v >= 10 ? "%.1f%s" : "%.2f%s", v, unit);
}

struct fmt fmt_count(double v)
{
	struct fmt f;

	if (v < 1000)
		snprintf(f.s, sizeof(f.s), v == floor(v) ? "%.0f" : "%.1f", v);
	else if (v < 1e6)
		three(&f, v / 1e3, "k");
	else if (v < 1e9)
		three(&f, v / 1e6, "M");
	else
		three(&f, v / 1e9, "G");
	return f;
}

struct fmt fmt_time(double ns)
{
	struct fmt f;

	if (ns < 1e3)
		snprintf(f.s, sizeof(f.s), "%.0f ns", ns);
	else if (ns < 1e6)
		three(&f, ns / 1e3, " us");
	else if (ns < 1e9)
		three(&f, ns / 1e6, " ms");
	else
		three(&f, ns / 1e9, " s");
	return f;
}

struct fmt fmt_ip(uint32_t a)
{
	struct fmt f;

	snprintf(f.s, sizeof(f.s), "%u.%u.%u.%u", a >> 24, a >> 16 & 255, a >> 8 & 255, a & 255);
	return f;
}

struct fmt fmt_ip6(const struct in6_addr *a)
{
	struct fmt f;

	inet_ntop(AF_INET6, a, f.s, sizeof(f.s));
	return f;
}

static void json_name(struct json *j, const char *name)
{
	if (j->more)
		fputs(", ", j->f);
	j->more = 1;
	if (name)
		fprintf(j->f, "\"%s\": ", name);
}

void json_open(struct json *j, const char *name)
{
	json_name(j, name);
	fputc('{', j->f);
	j->more = 0;
}

void json_close(struct json *j)
{
	fputc('}', j->f);
	j->more = 1;
}

void json_array_open(struct json *j, const char *name)
{
	json_name(j, name);
	fputc('[', j->f);
	j->more = 0;
}

void json_array_close(struct json *j)
{
	fputc(']', j->f);
	j->more = 1;
}

void json_number(struct json *j, const char *name, double v)
{
	json_name(j, name);
	fprintf(j->f, v == floor(v) && fabs(v) < 1e15 ? "%.0f" : "%.6g", v);
}

void json_text(struct json *j, const char *name, const char *v)
{
	json_name(j, name);
	fprintf(j->f, "\"%s\"", v);
}
