// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "cleanup.h"
#include "findings.h"

void findings_add(struct findings *findings, int severity, const char *subject, const char *format,
		  ...)
{
	struct lana_finding *grown, *finding;
	va_list args;

	grown = reallocarray(findings->list, findings->count + 1, sizeof(*grown));
	if (!grown) {
		findings->failed = true;
		return;
	}
	findings->list = grown;
	finding = &grown[findings->count++];
	finding->severity = severity;
	snprintf(finding->subject, sizeof(finding->subject), "%s", subject);
	va_start(args, format);
	vsnprintf(finding->text, sizeof(finding->text), format, args);
	va_end(args);
}

int findings_take(struct findings *findings, struct lana_finding **list, size_t *count)
{
	if (findings->failed)
		return -ENOMEM;
	*count = findings->count;
	*list = TAKE_PTR(findings->list);
	return 0;
}

void findings_free(struct findings *findings)
{
	free(findings->list);
}
