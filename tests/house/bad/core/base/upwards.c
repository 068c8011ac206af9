/* upwards.c: what check_includes.py must find. */
#include <kedge/suit.h>

#include "updater/net/net.h"
