// SPDX-License-Identifier: GPL-2.0-only
/* conversions - what becomes of the state of blocks that are replaced */
#include "cli.h"

void cli_show_conversions(const struct lana_commit_result *result)
{
	static const enum out_tone tones[] = {
		[LANA_FATE_DROPPED] = OUT_DOUBTFUL,
		[LANA_FATE_LOST] = OUT_BAD,
	};

	out_open_list("state", OUT_TABLE);
	for (size_t i = 0; i < result->conversions_count; i++) {
		const struct lana_conversion *conversion = &result->conversions[i];

		out_open(NULL, OUT_ASSIGN);
		out_string("block", conversion->block);
		out_string("of", conversion->place);
		out_string("field", conversion->field);
		out_string("from", conversion->from);
		out_string("to", conversion->to);
		out_string("fate", lana_fate_name(conversion->fate));
		out_tone(conversion->fate < sizeof(tones) / sizeof(tones[0])
				 ? tones[conversion->fate]
				 : OUT_NEUTRAL);
		out_close();
	}
	out_close();
}
