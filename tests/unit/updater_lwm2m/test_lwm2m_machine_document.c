/*
 * test_lwm2m_machine_document.c: docs/lwm2m.md prints the table of the update machine as
 * kedge_machine_verdict() has it. "test_lwm2m_machine_document --print" prints it for the document.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "updater/lwm2m/machine.h"

#define TABLE_MAX 8192u

static const char marker[] = "<!-- the table of kedge_machine_verdict() -->\n";

static const char *const steps[KEDGE_STEP_COUNT] = {[KEDGE_STEP_LOOK] = "first look",
                                                    [KEDGE_STEP_DOWNLOAD] = "offer taken",
                                                    [KEDGE_STEP_EXECUTE] = "Execute unanswered",
                                                    [KEDGE_STEP_AWAIT] = "Execute answered",
                                                    [KEDGE_STEP_RETURNED] = "registered again",
                                                    [KEDGE_STEP_SOAK] = "soak"};

static const char *const pictures[KEDGE_PICTURE_COUNT] = {
    [KEDGE_PICTURE_IDLE] = "Idle, Result 0 or 11, another version",
    [KEDGE_PICTURE_IDLE_FAILED] = "Idle, Result of a failure, another version",
    [KEDGE_PICTURE_IDLE_CLAIMS] = "Idle, Result 1, another version",
    [KEDGE_PICTURE_UPDATED] = "Idle, Result 1, the wanted version",
    [KEDGE_PICTURE_UNCONFIRMED] = "Idle, another Result, the wanted version",
    [KEDGE_PICTURE_DOWNLOADING] = "Downloading",
    [KEDGE_PICTURE_DOWNLOADED] = "Downloaded",
    [KEDGE_PICTURE_DEFERRED] = "Downloaded, Result 11",
    [KEDGE_PICTURE_NOT_INSTALLED] = "Downloaded, Result of a failure",
    [KEDGE_PICTURE_UPDATING] = "Updating",
    [KEDGE_PICTURE_FOREIGN] = "a package that is not this one"};

static const char *const verdicts[] = {[KEDGE_VERDICT_OFFER] = "offer",
                                       [KEDGE_VERDICT_RESET] = "reset",
                                       [KEDGE_VERDICT_FOLLOW] = "follow",
                                       [KEDGE_VERDICT_RUN] = "Execute",
                                       [KEDGE_VERDICT_AWAIT] = "wait for it",
                                       [KEDGE_VERDICT_STAY] = "go on waiting",
                                       [KEDGE_VERDICT_SETTLE] = "believe, after the soak",
                                       [KEDGE_VERDICT_FAIL] = "failed"};

static void render(char table[TABLE_MAX])
{
    size_t size = (size_t)snprintf(table, TABLE_MAX, "| the device reads |");
    for (int step = 0; step < KEDGE_STEP_COUNT; step++)
        size += (size_t)snprintf(table + size, TABLE_MAX - size, " %s |", steps[step]);
    size += (size_t)snprintf(table + size, TABLE_MAX - size, "\n|---|---|---|---|---|---|---|\n");
    for (int picture = 0; picture < KEDGE_PICTURE_COUNT; picture++) {
        size += (size_t)snprintf(table + size, TABLE_MAX - size, "| %s |", pictures[picture]);
        for (int step = 0; step < KEDGE_STEP_COUNT; step++)
            size += (size_t)snprintf(
                table + size, TABLE_MAX - size, " %s |",
                verdicts[kedge_machine_verdict((enum kedge_machine_step)step,
                                               (enum kedge_machine_picture)picture)]);
        size += (size_t)snprintf(table + size, TABLE_MAX - size, "\n");
    }
    assert_true(size < TABLE_MAX);
}

#include "tests/unit/document_table.h"
