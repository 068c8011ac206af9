/*
 * execute.h: the arguments of an Execute (OMA LwM2M Core 1.1, section 6.3.5): digits with or
 * without a value, "0='a',2". None of this device's resources defines any, so they are only
 * checked.
 */
#ifndef KEDGE_AGENT_EXECUTE_H
#define KEDGE_AGENT_EXECUTE_H

#include <kedge/base.h>

/** KEDGE_E_MALFORMED or KEDGE_E_TRUNCATED unless `text` is empty or a list of arguments. */
enum kedge_rc kedge_execute_check(struct kedge_slice text) KEDGE_MUST_USE;

#endif
