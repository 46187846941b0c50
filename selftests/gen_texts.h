/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * gen_texts - random texts of the packet language, and a slow look at the frames that they make
 */
#ifndef GEN_TEXTS_H
#define GEN_TEXTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A text of one packet: sound protocols in a sound order. Ends the process if room is too small. */
void gen_text_random(unsigned int *seed, char *text, size_t room);

/*
 * Are all lengths and checksums of a frame right? It has Ethernet and, perhaps nested, what
 * gen_text_random() writes. What is wrong goes to *wrong.
 */
bool gen_frame_sound(const uint8_t *frame, size_t size, const char **wrong);

#endif
