/* run_look.c: a look at the program before it is run: one that makes its system calls without the system's C library is not reached
 * by the preload library, and would use the kernel's sockets without a word. */
#include <elf.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "run.h"

#define HEADERS_MAX 64 /* program headers that are looked at */
#define NOTE_MAX 4096
#define GO_NAME "Go" /* of the note with a Go program's build number */

enum kind { UNKNOWN, STATIC, DYNAMIC, GO };

/* As execvp() finds it. */
static FILE *open_program(const char *name)
{
	const char *path = getenv("PATH");
	char list[PATH_MAX], try[2 * PATH_MAX], *save = NULL;

	if (strchr(name, '/') != NULL)
		return fopen(name, "rbe");
	snprintf(list, sizeof(list), "%s", path != NULL ? path : "/bin:/usr/bin");
	for (char *dir = strtok_r(list, ":", &save); dir != NULL; dir = strtok_r(NULL, ":", &save)) {
		snprintf(try, sizeof(try), "%s/%s", dir, name);
		if (access(try, X_OK) == 0)
			return fopen(try, "rbe");
	}
	return NULL;
}

static bool read_at(FILE *f, uint64_t at, void *to, size_t len)
{
	return at < LONG_MAX && fseek(f, (long)at, SEEK_SET) == 0 && fread(to, 1, len, f) == len;
}

static bool is_go_note(FILE *f, const Elf64_Phdr *p)
{
	_Alignas(Elf64_Nhdr) char note[NOTE_MAX];
	size_t len = p->p_filesz < sizeof(note) ? p->p_filesz : sizeof(note);
	Elf64_Nhdr n;

	if (!read_at(f, p->p_offset, note, len))
		return false;
	for (size_t at = 0; at + sizeof(n) < len; at += sizeof(n) + ((n.n_namesz + 3ul) & ~3ul) + ((n.n_descsz + 3ul) & ~3ul)) {
		memcpy(&n, note + at, sizeof(n));
		if (n.n_namesz >= sizeof(GO_NAME) && at + sizeof(n) + sizeof(GO_NAME) <= len &&
		    strcmp(note + at + sizeof(n), GO_NAME) == 0)
			return true;
	}
	return false;
}

static enum kind kind_of_elf(FILE *f)
{
	bool linked = false, go = false;
	Elf64_Ehdr e;
	Elf64_Phdr p;

	if (!read_at(f, 0, &e, sizeof(e)) || memcmp(e.e_ident, ELFMAG, SELFMAG) != 0 || e.e_ident[EI_CLASS] != ELFCLASS64 ||
	    e.e_phentsize != sizeof(p))
		return UNKNOWN;
	for (unsigned i = 0; i < e.e_phnum && i < HEADERS_MAX; i++) {
		if (!read_at(f, e.e_phoff + i * sizeof(p), &p, sizeof(p)))
			return UNKNOWN;
		linked |= p.p_type == PT_INTERP;
		go |= p.p_type == PT_NOTE && is_go_note(f, &p);
	}
	return !linked ? STATIC : go ? GO : DYNAMIC;
}

/* Of the script's first line; false: it is none. */
static bool interpreter_of(FILE *f, char *name, size_t len)
{
	char line[PATH_MAX];
	size_t n = fread(line, 1, sizeof(line) - 1, f);
	char *at = line + 2;

	line[n] = 0;
	if (strncmp(line, "#!", 2) != 0)
		return false;
	at += strspn(at, " \t");
	at[strcspn(at, " \t\n")] = 0;
	snprintf(name, len, "%s", at);
	return true;
}

static enum kind kind_of(const char *name)
{
	char interpreter[PATH_MAX];
	FILE *f = open_program(name);
	enum kind kind = UNKNOWN;

	if (f != NULL && interpreter_of(f, interpreter, sizeof(interpreter))) {
		fclose(f);
		f = open_program(interpreter);
	}
	if (f == NULL)
		return UNKNOWN; /* exec will say why */
	kind = kind_of_elf(f);
	fclose(f);
	return kind;
}

void program_look(const char *name, bool raw)
{
	switch (kind_of(name)) {
	case STATIC:
		fprintf(stderr, "spate run: %s is statically linked: spate does not see its sockets, which are the kernel's. "
				"Link it to the system's C library (Go: CGO_ENABLED=1, and --raw)\n", name);
		break;
	case GO:
		if (!raw)
			fprintf(stderr, "spate run: %s is a Go program, which calls the kernel without the C library: "
					"its sockets are the kernel's without --raw\n", name);
		break;
	default:
		break;
	}
}
