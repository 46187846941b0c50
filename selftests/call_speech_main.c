// SPDX-License-Identifier: GPL-2.0-only
/* call_speech FILE.wav SECONDS SEED - write sound that is like speech */
#include <stdio.h>
#include <stdlib.h>

#include "apps/call/wav.h"
#include "call_speech.h"

int main(int argc, char **argv)
{
	uint8_t head[WAV_HEAD];
	int16_t *samples;
	size_t count;
	FILE *file;

	if (argc != 4) {
		fputs("usage: call_speech FILE.wav SECONDS SEED\n", stderr);
		return 2;
	}
	count = strtod(argv[2], NULL) * SPEECH_RATE;
	samples = calloc(count ?: 1, sizeof(*samples));
	file = fopen(argv[1], "w");
	if (!samples || !file) {
		perror(argv[1]);
		return 1;
	}
	speech_make(samples, count, strtoul(argv[3], NULL, 10));
	wav_head(head, SPEECH_RATE, count * sizeof(*samples));
	fwrite(head, sizeof(head), 1, file);
	fwrite(samples, sizeof(*samples), count, file);
	free(samples);
	if (!fclose(file))
		return 0;
	perror(argv[1]);
	return 1;
}
