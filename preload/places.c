// SPDX-License-Identifier: GPL-2.0-only
/* places - LANA_PRELOAD=AF_PACKET:DEVICE=NAME[/LOWER],... */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "places.h"

#define PREFIX "AF_PACKET:"

/* Take the text up to one of the ends. */
static bool take(const char **text, const char *ends, char *to, size_t size)
{
	size_t length = strcspn(*text, ends);

	if (!length || length >= size)
		return false;
	memcpy(to, *text, length);
	to[length] = 0;
	*text += length;
	return true;
}

/* Behind it the text ends, or another one follows. */
static bool read_place(const char **text, struct place *place)
{
	*place = (struct place){ .text = *text };
	if (!take(text, "=,/", place->device, sizeof(place->device)) || **text != '=')
		return false;
	++*text;
	if (!take(text, "=,/", place->name, sizeof(place->name)))
		return false;
	if (**text == '/') {
		++*text;
		if (!take(text, "=,/", place->lower, sizeof(place->lower)))
			return false;
	}
	if (**text == ',')
		return *++*text;
	return !**text;
}

/* NULL: nothing is said. */
static const char *said(void)
{
	const char *text = getenv("LANA_PRELOAD");

	return text && *text ? text : NULL;
}

bool places_find(const char *device, struct place *place)
{
	const char *text = said();

	if (!text || strncmp(text, PREFIX, strlen(PREFIX)))
		return false;
	text += strlen(PREFIX);
	while (*text && read_place(&text, place))
		if (!device || !strcmp(device, place->device))
			return true;
	return false;
}

static bool is_first(const struct place *place)
{
	struct place first;

	return places_find(place->device, &first) && first.text == place->text;
}

/* NULL: all of it makes sense; else what does not. */
static const char *find_fault(const char *text)
{
	struct place place;

	if (strncmp(text, PREFIX, strlen(PREFIX)))
		return text;
	text += strlen(PREFIX);
	do
		if (!read_place(&text, &place) || !is_first(&place))
			return place.text;
	while (*text);
	return NULL;
}

/* A program that tries again and again says it once. */
int places_check(void)
{
	const char *text = said(), *fault = text ? find_fault(text) : NULL;
	static bool told;

	if (fault && !__atomic_exchange_n(&told, true, __ATOMIC_RELAXED))
		fprintf(stderr,
			"liblana-preload: no socket: LANA_PRELOAD is AF_PACKET:DEVICE=NAME[/LOWER],"
			"..., each DEVICE once, and not '%.200s'\n",
			fault);
	if (fault)
		errno = EINVAL;
	return fault ? -1 : text != NULL;
}
