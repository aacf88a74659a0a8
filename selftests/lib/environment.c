// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>

#include "environment.h"
#include "report.h"

unsigned long environment_number(const char *variable, unsigned long otherwise)
{
	const char *text = getenv(variable);
	unsigned long number;
	char *end;

	if (!text || !*text)
		return otherwise;
	number = strtoul(text, &end, 0);
	if (*end)
		fail("%s=%s is not a number", variable, text);
	return number;
}
