/* uboot_text.c: see uboot_text.h. */
#include "agent/port/uboot_text.h"

#include <string.h>

static const char *const slot_names[KEDGE_SLOTS] = {"A", "B"};
const char *const kedge_uboot_left_names[KEDGE_SLOTS] = {"BOOT_A_LEFT", "BOOT_B_LEFT"};

const char *kedge_uboot_slot_name(uint8_t slot)
{
    return slot_names[slot];
}

static bool is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

static bool equals(struct kedge_slice word, const char *text)
{
    return word.size == strlen(text) && memcmp(word.data, text, word.size) == 0;
}

static bool begins(struct kedge_slice word, const char *text)
{
    return word.size >= strlen(text) && memcmp(word.data, text, strlen(text)) == 0;
}

/* The next word between blanks; false when there is none any more. */
static bool next_word(struct kedge_cursor *cursor, struct kedge_slice *word)
{
    uint8_t byte = ' ';
    while (is_blank(byte))
        if (kedge_cursor_u8(cursor, &byte) != KEDGE_OK)
            return false;
    size_t first = cursor->offset - 1;
    size_t end = cursor->offset;
    while (kedge_cursor_u8(cursor, &byte) == KEDGE_OK && !is_blank(byte))
        end = cursor->offset;
    *word = kedge_slice(cursor->bytes.data + first, end - first);
    return true;
}

/* KEDGE_SLOT_NONE for a name that is not ours. */
static uint8_t slot_of(struct kedge_slice name)
{
    for (uint8_t slot = 0; slot < KEDGE_SLOTS; slot++)
        if (equals(name, slot_names[slot]))
            return slot;
    return KEDGE_SLOT_NONE;
}

static enum kedge_rc read_hex(struct kedge_slice word, size_t digits_max, uint32_t *value)
{
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    *value = 0;
    if (word.size == 0 || word.size > digits_max)
        return KEDGE_E_MALFORMED;
    for (size_t i = 0; i < word.size; i++) {
        const char *digit = memchr(digits, word.data[i], sizeof digits - 1);
        if (digit == NULL)
            return KEDGE_E_MALFORMED;
        *value = *value * 16 + (uint32_t)(digit - digits) % 16;
    }
    return KEDGE_OK;
}

/* ---- the variables ---- */

static enum kedge_rc read_order(const char *text, struct kedge_selection *selection)
{
    struct kedge_slice word;
    if (text == NULL)
        return KEDGE_E_NOT_FOUND;
    if (strlen(text) > KEDGE_UBOOT_ORDER_MAX)
        return KEDGE_E_MALFORMED;
    struct kedge_cursor cursor = kedge_cursor(kedge_slice_text(text));
    while (next_word(&cursor, &word)) {
        uint8_t slot = slot_of(word);
        if (slot == KEDGE_SLOT_NONE)
            continue;
        if (selection->count > 0 && selection->order[0] == slot)
            return KEDGE_E_MALFORMED;
        if (selection->count == KEDGE_SLOTS)
            return KEDGE_E_MALFORMED;
        selection->order[selection->count++] = slot;
    }
    return selection->count > 0 ? KEDGE_OK : KEDGE_E_NOT_FOUND;
}

/* U-Boot's setexpr writes hexadecimal without a prefix. */
static enum kedge_rc read_left(const char *text, uint8_t *left)
{
    uint32_t value = KEDGE_BOOT_TRIAL_BOOTS;
    if (text != NULL)
        KEDGE_TRY(read_hex(kedge_slice_text(text), 2, &value));
    *left = (uint8_t)value;
    return KEDGE_OK;
}

static enum kedge_rc read_trial(const char *text, uint8_t *trial)
{
    *trial = KEDGE_SLOT_NONE;
    if (text == NULL || text[0] == '\0')
        return KEDGE_OK;
    *trial = slot_of(kedge_slice_text(text));
    return *trial != KEDGE_SLOT_NONE ? KEDGE_OK : KEDGE_E_MALFORMED;
}

enum kedge_rc kedge_uboot_selection_read(const struct kedge_uboot_variables *variables,
                                         struct kedge_selection *selection)
{
    *selection = (struct kedge_selection){.trial = KEDGE_SLOT_NONE};
    KEDGE_TRY(read_order(variables->order, selection));
    for (size_t slot = 0; slot < KEDGE_SLOTS; slot++)
        KEDGE_TRY(read_left(variables->left[slot], &selection->left[slot]));
    return read_trial(variables->trial, &selection->trial);
}

static void add_word(struct kedge_slice word, size_t *size, char text[KEDGE_UBOOT_ORDER_MAX + 1])
{
    size_t blank = *size > 0 ? 1 : 0;
    if (word.size + blank > KEDGE_UBOOT_ORDER_MAX - *size)
        return;
    if (blank > 0)
        text[(*size)++] = ' ';
    memcpy(text + *size, word.data, word.size);
    *size += word.size;
}

void kedge_uboot_order_write(const struct kedge_selection *selection, const char *before,
                             char text[KEDGE_UBOOT_ORDER_MAX + 1])
{
    struct kedge_cursor cursor = kedge_cursor(kedge_slice_text(before != NULL ? before : ""));
    struct kedge_slice word;
    size_t size = 0;
    for (size_t i = 0; i < selection->count; i++)
        add_word(kedge_slice_text(slot_names[selection->order[i]]), &size, text);
    while (next_word(&cursor, &word))
        if (slot_of(word) == KEDGE_SLOT_NONE)
            add_word(word, &size, text);
    text[size] = '\0';
}

/* ---- fw_env.config ---- */

/* One line, without its end; false when that was all. */
static bool next_line(struct kedge_cursor *cursor, struct kedge_slice *line)
{
    size_t first = cursor->offset;
    uint8_t byte;
    if (kedge_cursor_left(cursor) == 0)
        return false;
    size_t end = first;
    while (kedge_cursor_u8(cursor, &byte) == KEDGE_OK && byte != '\n')
        end = cursor->offset;
    *line = kedge_slice(cursor->bytes.data + first, end - first);
    return true;
}

static enum kedge_rc read_size(struct kedge_slice word, uint32_t *size)
{
    if (begins(word, "0x") || begins(word, "0X"))
        word = kedge_slice(word.data + 2, word.size - 2);
    return read_hex(word, 8, size);
}

static enum kedge_rc take_line(struct kedge_slice line, struct kedge_uboot_places *places)
{
    struct kedge_cursor cursor = kedge_cursor(line);
    struct kedge_slice device, offset, size_word;
    uint32_t size;
    if (!next_word(&cursor, &device) || device.data[0] == '#')
        return KEDGE_OK;
    if (!next_word(&cursor, &offset) || !next_word(&cursor, &size_word) ||
        memchr(device.data, '\0', device.size) != NULL)
        return KEDGE_E_MALFORMED;
    if (places->count == KEDGE_UBOOT_COPIES_MAX || device.size > KEDGE_UBOOT_DEVICE_MAX)
        return KEDGE_E_LIMIT;
    KEDGE_TRY(read_size(size_word, &size));
    if (places->count == 0 || size < places->size)
        places->size = size;
    memcpy(places->devices[places->count], device.data, device.size);
    places->devices[places->count++][device.size] = '\0';
    return KEDGE_OK;
}

enum kedge_rc kedge_uboot_places_read(struct kedge_slice text, struct kedge_uboot_places *places)
{
    struct kedge_cursor cursor = kedge_cursor(text);
    struct kedge_slice line;
    places->count = 0;
    if (text.size > KEDGE_UBOOT_CONFIG_MAX)
        return KEDGE_E_LIMIT;
    while (next_line(&cursor, &line))
        KEDGE_TRY(take_line(line, places));
    return places->count > 0 ? KEDGE_OK : KEDGE_E_NOT_FOUND;
}

/* ---- the kernel's command line ---- */

static enum kedge_rc find_slot(struct kedge_slice command_line, const char *name, uint8_t *slot)
{
    struct kedge_cursor cursor = kedge_cursor(command_line);
    struct kedge_slice word;
    enum kedge_rc rc = KEDGE_E_NOT_FOUND;
    while (next_word(&cursor, &word)) {
        if (!begins(word, name))
            continue;
        *slot = slot_of(kedge_slice(word.data + strlen(name), word.size - strlen(name)));
        rc = *slot != KEDGE_SLOT_NONE ? KEDGE_OK : KEDGE_E_MALFORMED;
    }
    return rc;
}

enum kedge_rc kedge_uboot_slot_read(struct kedge_slice command_line, uint8_t *slot)
{
    enum kedge_rc rc = find_slot(command_line, "kedge.slot=", slot);
    return rc != KEDGE_E_NOT_FOUND ? rc : find_slot(command_line, "rauc.slot=", slot);
}
