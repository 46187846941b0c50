// SPDX-License-Identifier: GPL-2.0-only
/*
 * note - leave word that a packet came this way (for the tests of filters)
 *
 * in          anything
 * out next    the packet, unchanged
 * config      bit=0..63: of the word in map notes that is set
 * counters    none
 * state       notes, shared by the stack
 * see also    sieve
 */
#include <lana/block.h>

#include "notes.h"

struct note_config {
	__u8 bit;
};

struct note_counters {
};

enum note_port { NOTE_NEXT };

static __always_inline int note_process(struct lana_pkt *pkt, const struct note_config *config,
					struct note_counters *counters)
{
	take_note(config->bit);
	return NOTE_NEXT;
}

LANA_BLOCK(note);
