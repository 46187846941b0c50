// SPDX-License-Identifier: GPL-2.0-only
/* lanactl doctor - say what this machine offers lana, and what it lacks */
#include "cli.h"

static const struct {
	const char *name, *text;
	enum out_tone tone;
} severities[] = {
	[LANA_FINE] = { "fine", "fine", OUT_GOOD },
	[LANA_WARN] = { "warn", "WARN", OUT_DOUBTFUL },
	[LANA_FAIL] = { "fail", "FAIL", OUT_BAD },
};

static enum cli_status run_doctor(const struct cli_args *args)
{
	_cleanup_free_ struct lana_finding *findings = NULL;
	bool failed = false;
	size_t count;
	int err;

	err = lana_doctor(&args->options.stack, &findings, &count);
	if (err)
		return cli_refused(err, &(struct lana_error){});

	out_open_list("findings", OUT_TABLE);
	for (size_t i = 0; i < count; i++) {
		const int severity = findings[i].severity;

		out_open(NULL, OUT_ASSIGN);
		out_string("severity", severities[severity].name);
		out_as("%s", severities[severity].text);
		out_tone(severities[severity].tone);
		out_string("subject", findings[i].subject);
		out_string("finding", findings[i].text);
		out_close();
		failed |= severity == LANA_FAIL;
	}
	out_close();
	return failed ? CLI_REFUSED : CLI_DONE;
}

const struct cli_command doctor_command = {
	.name = "doctor",
	.args = "",
	.summary = "say what this machine offers and lacks",
	.details = "Look at kernel, privileges, bpffs and types, and say for whatever is wrong "
		   "what to do about it. Needs no stack. Exit status 1 if lana cannot work here.",
	.run = run_doctor,
};
