/*
 * test_firmware_document.c: docs/lwm2m.md prints the state table as kedge_firmware_transition()
 * has it. "test_firmware_document --print" prints the table for the document.
 */
#include <kedge/lwm2m.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TABLE_MAX 8192u

static const char marker[] = "<!-- the table of kedge_firmware_transition() -->\n";
static const char heading[] =
    "| event | Idle (0) | Downloading (1) | Downloaded (2) | Updating (3) |\n"
    "|---|---|---|---|---|\n";

static const char *const events[KEDGE_FIRMWARE_EVENT_COUNT] = {
    [KEDGE_FIRMWARE_URI_WRITTEN] = "Write /5/0/1, a valid URI",
    [KEDGE_FIRMWARE_URI_EMPTY] = "Write /5/0/1, empty",
    [KEDGE_FIRMWARE_PACKAGE_WRITTEN] = "Write /5/0/0, a package",
    [KEDGE_FIRMWARE_PACKAGE_NUL] = "Write /5/0/0, one NUL byte",
    [KEDGE_FIRMWARE_DOWNLOAD_DONE] = "*download complete*",
    [KEDGE_FIRMWARE_DOWNLOAD_FAILED] = "*download failed*",
    [KEDGE_FIRMWARE_UPDATE_EXECUTED] = "Execute /5/0/2 (Update)",
    [KEDGE_FIRMWARE_UPDATE_DEFERRED] = "Execute /5/0/2 where consent is asked",
    [KEDGE_FIRMWARE_CANCEL_EXECUTED] = "Execute /5/0/10 (Cancel)",
    [KEDGE_FIRMWARE_INSTALL_FAILED] = "*install failed before the reboot*",
    [KEDGE_FIRMWARE_TRIAL_CONFIRMED] = "*trial confirmed*",
    [KEDGE_FIRMWARE_TRIAL_ROLLED_BACK] = "*trial rolled back*",
};

static void render_cell(const struct kedge_firmware_transition *cell, char *text, size_t capacity)
{
    static const char *const names[] = {"Idle", "Downloading", "Downloaded", "Updating"};
    if (cell->action == KEDGE_FIRMWARE_METHOD_NOT_ALLOWED)
        snprintf(text, capacity, "4.05");
    else if (cell->action == KEDGE_FIRMWARE_BAD_REQUEST)
        snprintf(text, capacity, "4.00");
    else if (cell->action == KEDGE_FIRMWARE_IGNORE)
        snprintf(text, capacity, "-");
    else if (cell->result == -2)
        snprintf(text, capacity, "%s, its Result", names[cell->next]);
    else if (cell->result == -1)
        snprintf(text, capacity, "%s", names[cell->next]);
    else
        snprintf(text, capacity, "%s, Result %d", names[cell->next], cell->result);
}

static void render(char table[TABLE_MAX])
{
    size_t size = (size_t)snprintf(table, TABLE_MAX, "%s", heading);
    for (int event = 0; event < KEDGE_FIRMWARE_EVENT_COUNT; event++) {
        size += (size_t)snprintf(table + size, TABLE_MAX - size, "| %s |", events[event]);
        for (int from = 0; from < KEDGE_FIRMWARE_STATE_COUNT; from++) {
            char cell[64];
            render_cell(kedge_firmware_transition((enum kedge_firmware_state)from,
                                                  (enum kedge_firmware_event)event),
                        cell, sizeof cell);
            size += (size_t)snprintf(table + size, TABLE_MAX - size, " %s |", cell);
        }
        size += (size_t)snprintf(table + size, TABLE_MAX - size, "\n");
    }
    assert_true(size < TABLE_MAX);
}

#include "tests/unit/document_table.h"
