/*
 * asked.h: a rollout as a body asks for it, to be created or planned.
 */
#ifndef KEDGE_UPDATER_API_ASKED_H
#define KEDGE_UPDATER_API_ASKED_H

#include "updater/api/internal.h"

/* What somebody may write: a window, and what ends its line, so many times. */
#define KEDGE_WINDOWS_LINES_MAX (KEDGE_WINDOWS_MAX * (KEDGE_WINDOW_TEXT_MAX + 1u))

/** Zero it first. Strings are borrowed from the body. */
struct rollout_asked {
    struct kedge_backend_rollout rollout;
    struct kedge_group_plan plans[KEDGE_ROLLOUT_GROUPS_MAX];
    struct kedge_group_gate gates[KEDGE_ROLLOUT_GROUPS_MAX]; /* to which the plans point */
    struct kedge_filter *filter;
    const char **endpoints;
    const char *intermediates[KEDGE_INTERMEDIATES_MAX];
    char windows[KEDGE_WINDOWS_LINES_MAX], gate_windows[KEDGE_WINDOWS_LINES_MAX];
    bool start;
    uint32_t show; /* devices of a plan that are named, of each group */
};

/** Reads the body; false, when it was refused. Clear `asked` in both cases. */
bool rollout_asked_read(struct request *request, bool plan, struct rollout_asked *asked);
void rollout_asked_clear(struct rollout_asked *asked);
/** A refusal to create: what is not there was named by the body, not by the path. */
void refuse_create(struct request *request, enum kedge_rc rc, const char *field, const char *text);

#endif
