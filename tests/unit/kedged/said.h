/* said.h: what is logged while a network thread's time passes, which the test turns by hand. */
#ifndef KEDGE_TESTS_SAID_H
#define KEDGE_TESTS_SAID_H

#include <stdio.h>
#include <unistd.h>

#include "updater/net/internal.h"

#define SAID_MAX 4096u

/** Lets so much time pass; what is logged meanwhile is in `said`. */
static inline const char *said_within(struct kedge_net *net, uint64_t pass_ms, char said[SAID_MAX])
{
    FILE *file = tmpfile();
    int before = dup(STDERR_FILENO);
    assert_non_null(file);
    assert_int_equal(dup2(fileno(file), STDERR_FILENO), STDERR_FILENO);
    for (uint64_t until_ms = net->now_ms + pass_ms; net->now_ms < until_ms;) {
        net->now_ms += WHEEL_TICK_MS;
        timer_wheel_advance(&net->wheel, net->now_ms);
    }
    assert_int_equal(dup2(before, STDERR_FILENO), STDERR_FILENO);
    close(before);
    rewind(file);
    said[fread(said, 1, SAID_MAX - 1, file)] = '\0';
    fclose(file);
    return said;
}

#endif
