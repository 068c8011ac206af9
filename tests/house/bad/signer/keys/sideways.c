/* sideways.c: what check_includes.py must find. */
#include "../files/output.h"
#include "agent/port/port.h"
