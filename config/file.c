/* file.c: configuration files: rte_cfgfile's syntax, section [spate], '#' starts a comment. rte_cfgfile does not say where
 * a fault is, so the file is looked through once more for its line. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cfgfile.h>

#include "config/config.h"

#define SECTION "spate"
#define LINE_MAX_LEN CFG_VALUE_LEN /* what rte_cfgfile keeps of a value, so that nothing is cut */

/* What one line is, after its comment and outer blanks are gone. */
enum line { LINE_EMPTY, LINE_SECTION, LINE_ENTRY, LINE_BAD };

static enum line line_kind(char *s)
{
	char *hash = strchr(s, '#');
	size_t len;

	if (hash != NULL)
		*hash = '\0';
	while (isspace((unsigned char)*s))
		s++;
	len = strlen(s);
	while (len > 0 && isspace((unsigned char)s[len - 1]))
		len--;
	if (len == 0)
		return LINE_EMPTY;
	if (s[0] == '[')
		return s[len - 1] == ']' ? LINE_SECTION : LINE_BAD;
	return strchr(s, '=') != NULL && s[0] != '=' ? LINE_ENTRY : LINE_BAD;
}

static bool is_our_section(const char *s)
{
	while (isspace((unsigned char)*s))
		s++;
	return strncmp(s, "[" SECTION "]", sizeof(SECTION) + 1) == 0;
}

/* Reads through the file. The line of the entry number `entry` of our section; with entry -1 every line is only checked:
 * 0, or the line of the first fault with a sentence in err. */
static unsigned scan(FILE *f, int entry, char *err, size_t err_len)
{
	char buf[LINE_MAX_LEN + 2];
	unsigned line = 0;
	bool ours = false, any = false;

	while (fgets(buf, sizeof(buf), f) != NULL) {
		line++;
		if (strlen(buf) >= LINE_MAX_LEN) {
			snprintf(err, err_len, "the line is longer than %d characters: repeat the setting on several lines",
				 LINE_MAX_LEN - 1);
			return line;
		}
		switch (line_kind(buf)) {
		case LINE_EMPTY:
			break;
		case LINE_SECTION:
			ours = is_our_section(buf);
			any = true;
			break;
		case LINE_ENTRY:
			if (!any) {
				snprintf(err, err_len, "write [" SECTION "] above the first setting");
				return line;
			}
			if (ours && entry-- == 0)
				return line;
			break;
		case LINE_BAD:
			snprintf(err, err_len, "write name = value, or a [section]");
			return line;
		}
	}
	return 0;
}

static int entries_apply(struct spate_config *c, struct rte_cfgfile *cfg, FILE *f, const char *path, char *err,
			 size_t err_len)
{
	int n = rte_cfgfile_section_num_entries(cfg, SECTION), rc = 0;
	struct rte_cfgfile_entry *entries;
	char why[512], ignored[64];

	if (n < 0) {
		snprintf(err, err_len, "%s: there is no section [" SECTION "]", path);
		return -EINVAL;
	}
	entries = calloc((size_t)n + 1, sizeof(*entries));
	if (entries == NULL)
		return -ENOMEM;
	rte_cfgfile_section_entries(cfg, SECTION, entries, n);
	for (int i = 0; i < n && rc == 0; i++) {
		rc = config_set(c, entries[i].name, entries[i].value, why, sizeof(why));
		if (rc != 0) {
			rewind(f);
			snprintf(err, err_len, "%s:%u: %s", path, scan(f, i, ignored, sizeof(ignored)), why);
		}
	}
	free(entries);
	return rc;
}

int config_load(struct spate_config *c, const char *path, char *err, size_t err_len)
{
	struct rte_cfgfile_parameters params = {.comment_character = '#'};
	struct rte_cfgfile *cfg = NULL;
	char why[128];
	unsigned line;
	int rc = -EINVAL;
	FILE *f = fopen(path, "r");

	if (f == NULL) {
		snprintf(err, err_len, "%s: %s", path, strerror(errno));
		return -EINVAL;
	}
	line = scan(f, -1, why, sizeof(why));
	if (line != 0) {
		snprintf(err, err_len, "%s:%u: %s", path, line, why);
		goto out;
	}
	cfg = rte_cfgfile_load_with_params(path, CFG_FLAG_EMPTY_VALUES, &params);
	if (cfg == NULL) {
		snprintf(err, err_len, "%s: not a configuration file", path);
		goto out;
	}
	rc = entries_apply(c, cfg, f, path, err, err_len);
	rte_cfgfile_close(cfg);
out:
	fclose(f);
	return rc;
}
