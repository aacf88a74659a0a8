// SPDX-License-Identifier: GPL-2.0-only
/*
 * The one place where the code of the tracepoints is made.
 */
#define CREATE_TRACE_POINTS
#include "trace.h"
