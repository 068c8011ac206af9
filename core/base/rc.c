/* rc.c: the one result type, made from its one table. */
#include <kedge/base.h>

static const struct {
    const char *name;
    const char *text;
    int update_result;
} results[] = {
#define RESULT(name, update_result, words) {#name, words, update_result},
    KEDGE_RC_LIST(RESULT)
#undef RESULT
};

_Static_assert(sizeof results / sizeof results[0] == KEDGE_RC_COUNT, "one row for each result");

static size_t row(enum kedge_rc rc)
{
    return (size_t)rc < KEDGE_RC_COUNT ? (size_t)rc : (size_t)KEDGE_E_ARGUMENT;
}

const char *kedge_rc_name(enum kedge_rc rc)
{
    return results[row(rc)].name;
}

const char *kedge_rc_text(enum kedge_rc rc)
{
    return results[row(rc)].text;
}

int kedge_rc_update_result(enum kedge_rc rc)
{
    return results[row(rc)].update_result;
}
