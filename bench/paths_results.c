// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "paths.h"

#define KEY_MAX	 160
#define LINE_MAX 1000
#define RUNS_MAX 32

static struct result {
	char key[KEY_MAX];
	double figures[PATHS_FIGURES_COUNT];
} * results;

static size_t results_count;
static FILE *file;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static const char heads[] =
	"part\tcontrol\tprofile\tshares\tpaths\tcap\tothers\tweight\tbuffer\tsize"
#define X(name, text) "\t" #name
	PATHS_FIGURES(X)
#undef X
		"\n";

/* What a cell is told by: the first columns. */
static void key_of(const struct paths_cell *cell, char key[KEY_MAX])
{
	static const char *const shares[] = { "direct", "weights", "rates", "earliest", "learnt" };

	snprintf(key, KEY_MAX, "%s\t%s\t%s\t%s\t%d\t%g\t%g\t%g\t%s\t%d", cell->part, cell->control,
		 cell->profile, shares[cell->shares], cell->paths, cell->cap, cell->others,
		 cell->weight, paths_buffers[cell->buffer], cell->size);
}

static void append(const char *key, const double figures[PATHS_FIGURES_COUNT])
{
	struct result *larger = reallocarray(results, results_count + 1, sizeof(*results));

	bench_must(larger ? 0 : -ENOMEM, NULL, "results");
	results = larger;
	snprintf(results[results_count].key, KEY_MAX, "%s", key);
	memcpy(results[results_count].figures, figures, sizeof(results->figures));
	results_count++;
}

/* The columns from the last that belongs to the key on; NULL: there are too few. */
static char *behind_key(char *line)
{
	for (int i = 0; i < 10 && line; i++) {
		line = strchr(line, '\t');
		line += line ? 1 : 0;
	}
	return line;
}

static void read_line(char *line)
{
	char *rest = behind_key(line);
	double figures[PATHS_FIGURES_COUNT];

	for (int i = 0; i < PATHS_FIGURES_COUNT; i++) {
		char *end = rest;

		figures[i] = rest ? strtod(rest, &end) : 0;
		if (end == rest)
			return; /* the heads */
		rest = end;
	}
	behind_key(line)[-1] = '\0';
	append(line, figures);
}

void paths_results_open(const char *path)
{
	char line[LINE_MAX];
	long end = 0; /* of the last line that is whole */

	file = fopen(path, "a+e");
	bench_must(file ? 0 : -errno, NULL, "%s", path);
	while (fgets(line, sizeof(line), file))
		if (strchr(line, '\n')) {
			read_line(line);
			end = ftell(file);
		}
	/* If it was ended while it wrote: half a number is one, too. */
	bench_must(ftruncate(fileno(file), end) ? -errno : 0, NULL, "%s", path);
	fseek(file, 0, SEEK_END);
	if (!end)
		fputs(heads, file);
}

static bool is_punctual(const struct result *result)
{
	return result->figures[PATHS_unpunctual] <= PATHS_PUNCTUAL;
}

int paths_results_count(const struct paths_cell *cell)
{
	char key[KEY_MAX];
	int count = 0;

	key_of(cell, key);
	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < results_count; i++)
		count += !strcmp(results[i].key, key) && is_punctual(&results[i]);
	pthread_mutex_unlock(&lock);
	return count;
}

/* At once: another thread may end the process, and the file is written out as it is then. */
static void write_line(const char *key, const double figures[PATHS_FIGURES_COUNT])
{
	char line[LINE_MAX];
	int length = snprintf(line, sizeof(line), "%s", key);

	for (int i = 0; i < PATHS_FIGURES_COUNT; i++)
		length += snprintf(line + length, sizeof(line) - length, "\t%.6g", figures[i]);
	snprintf(line + length, sizeof(line) - length, "\n");
	fputs(line, file);
	bench_must(fflush(file) ? -errno : 0, NULL, "results");
}

void paths_results_add(const struct paths_cell *cell, const double figures[PATHS_FIGURES_COUNT])
{
	char key[KEY_MAX];

	key_of(cell, key);
	pthread_mutex_lock(&lock);
	append(key, figures);
	if (file)
		write_line(key, figures);
	pthread_mutex_unlock(&lock);
}

double paths_result(const struct paths_cell *cell, enum paths_figure figure)
{
	int punctual = paths_results_count(cell);
	double values[RUNS_MAX];
	char key[KEY_MAX];
	size_t count = 0;

	key_of(cell, key);
	for (size_t i = 0; i < results_count && count < RUNS_MAX; i++)
		if (!strcmp(results[i].key, key) && (!punctual || is_punctual(&results[i])))
			values[count++] = results[i].figures[figure];
	if (count && count % 2 == 0)
		count--;
	return bench_quantile(values, count, 0.5);
}
