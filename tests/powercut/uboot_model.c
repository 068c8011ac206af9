#define _DEFAULT_SOURCE
/*
 * uboot_model.c: boots each environment of standard input once. A line is
 * "ORDER|A_LEFT|B_LEFT|TRIAL| A_LOADS|B_LOADS|CAN_SAVE", the answer
 * "SLOT|ORDER:A_LEFT:B_LEFT:TRIAL", behind the bar what was to be saved last.
 */
#include "tests/powercut/uboot_model.h"

#include <stdio.h>
#include <string.h>

struct saving {
    bool can_save;
    char saved[64];
};

static char name_of(uint8_t slot)
{
    return slot == 0 ? 'A' : 'B';
}

static bool save(void *context, const struct kedge_selection *selection)
{
    struct saving *saving = context;
    char order[8] = "", trial[2] = "";
    for (size_t i = 0; i < selection->count; i++) {
        order[2 * i] = name_of(selection->order[i]);
        order[2 * i + 1] = i + 1 < selection->count ? ' ' : '\0';
    }
    if (selection->trial < KEDGE_SLOTS)
        trial[0] = name_of(selection->trial);
    snprintf(saving->saved, sizeof saving->saved, "%s:%u:%u:%s", order,
             (unsigned)selection->left[0], (unsigned)selection->left[1], trial);
    return saving->can_save;
}

static void answer(char *line)
{
    char *fields[7];
    struct saving saving = {0};
    struct kedge_selection selection = {.trial = KEDGE_SLOT_NONE};
    for (size_t i = 0; i < 7; i++)
        fields[i] = strsep(&line, "|");
    for (const char *c = fields[0]; *c != '\0'; c++)
        if (*c != ' ')
            selection.order[selection.count++] = (uint8_t)(*c - 'A');
    selection.left[0] = (uint8_t)(fields[1][0] - '0');
    selection.left[1] = (uint8_t)(fields[2][0] - '0');
    if (fields[3][0] != '\0')
        selection.trial = (uint8_t)(fields[3][0] - 'A');
    const bool loads[KEDGE_SLOTS] = {fields[4][0] == '1', fields[5][0] == '1'};
    saving.can_save = fields[6][0] == '1';
    uint8_t slot = uboot_model_boot(&selection, loads, save, &saving);
    if (slot == KEDGE_SLOT_NONE)
        puts("|");
    else
        printf("%c|%s\n", name_of(slot), saving.saved);
}

int main(void)
{
    char line[128];
    while (fgets(line, sizeof line, stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        answer(line);
    }
    return 0;
}
