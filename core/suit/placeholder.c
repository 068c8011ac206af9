/* Replaced by the module's sources. */
#include <kedge/base.h>
