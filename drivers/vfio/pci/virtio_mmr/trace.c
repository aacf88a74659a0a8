// SPDX-License-Identifier: GPL-2.0-only
/*
 * The code of the tracepoints is generated here, and only here.
 */
#define CREATE_TRACE_POINTS
#include "trace.h"
