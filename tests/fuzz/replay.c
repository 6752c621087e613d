/* replay.c: runs a fuzz target over the files of a folder, in builds without libFuzzer: replay FOLDER|FILE ... */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "input.h"

#define INPUT_MAX (1u << 20)

static unsigned n_run;

static int file_run(const char *path)
{
	static uint8_t buf[INPUT_MAX];
	FILE *f = fopen(path, "rb");
	uint8_t *exact;
	size_t n;

	if (f == NULL) {
		perror(path);
		return 1;
	}
	n = fread(buf, 1, sizeof(buf), f);
	fclose(f);
	exact = malloc(n + (n == 0)); /* sanitizers see what is read behind its end */
	if (exact == NULL)
		return 1;
	memcpy(exact, buf, n);
	fprintf(stderr, "\r%s ", path); /* a trap leaves the culprit's name */
	LLVMFuzzerTestOneInput(exact, n);
	free(exact);
	n_run++;
	return 0;
}

static int path_run(const char *path)
{
	struct dirent **names;
	struct stat st;
	int n, failed = 0;

	if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode))
		return file_run(path);
	n = scandir(path, &names, NULL, alphasort);
	for (int i = 0; i < n; i++) {
		char file[4096];

		snprintf(file, sizeof(file), "%s/%s", path, names[i]->d_name);
		if (names[i]->d_name[0] != '.')
			failed |= file_run(file);
		free(names[i]);
	}
	if (n >= 0)
		free(names);
	return failed || n < 0;
}

int main(int argc, char **argv)
{
	int failed = 0;

	LLVMFuzzerInitialize(&argc, &argv);
	for (int i = 1; i < argc; i++)
		failed |= path_run(argv[i]);
	printf("\n%u inputs\n", n_run);
	return failed || n_run == 0;
}
