/*
 * record.c: the bytes of one copy of the boot record, docs/format.md "Boot record". Magic, format,
 * size, number and the CRC at the end keep their places in every later format, so that an older
 * bootloader can tell "newer than I am" from "damaged".
 */
#include "core/boot/internal.h"

#include <string.h>

#define CRC_OFFSET (KEDGE_BOOT_RECORD_SIZE - 4u)
#define TEXT_SIZE (KEDGE_BOOT_TEXT_MAX + 1u)

#define REASON_COUNTS(name, number, rc, words) \
    _Static_assert(number < KEDGE_BOOT_REASON_COUNT, "reasons are numbered without gaps");
KEDGE_BOOT_REASON_LIST(REASON_COUNTS)
#undef REASON_COUNTS

static const struct {
    enum kedge_rc rc;
    const char *words;
} reasons[] = {
#define REASON_ROW(name, number, rc, words) [number] = {rc, words},
    KEDGE_BOOT_REASON_LIST(REASON_ROW)
#undef REASON_ROW
};

const char *kedge_boot_reason_text(enum kedge_boot_reason reason)
{
    return (unsigned)reason < KEDGE_BOOT_REASON_COUNT ? reasons[reason].words : "unknown reason";
}

enum kedge_rc kedge_boot_reason_rc(enum kedge_boot_reason reason)
{
    return (unsigned)reason < KEDGE_BOOT_REASON_COUNT ? reasons[reason].rc : KEDGE_E_TRIAL;
}

static bool printable(char c)
{
    return c >= 0x20 && c < 0x7F;
}

static size_t text_length(const char *text, size_t limit)
{
    const char *end = memchr(text, '\0', limit);
    return end == NULL ? limit : (size_t)(end - text);
}

void boot_record_steady(struct kedge_boot_record *record)
{
    record->phase = KEDGE_BOOT_STEADY;
    record->trial_slot = KEDGE_SLOT_NONE;
    record->trial_sequence = 0;
    record->boots_used = 0;
}

void boot_record_roll_back(struct kedge_boot_record *record, enum kedge_boot_reason reason,
                           const char *text)
{
    boot_record_steady(record);
    record->outcome = KEDGE_BOOT_ROLLED_BACK;
    record->reason = reason;
    if (record->rolled_back_count < UINT32_MAX)
        record->rolled_back_count++;
    memset(record->text, 0, sizeof record->text);
    for (size_t i = 0; text != NULL && i < KEDGE_BOOT_TEXT_MAX && text[i] != '\0'; i++)
        record->text[i] = printable(text[i]) ? text[i] : '?';
}

/* ---- encoding: fields in the order of the diagram; the sizes add up at compile time ---- */

static void put(uint8_t *bytes, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(value >> (8 * (size - 1 - i)));
}

void kedge_boot_record_encode(const struct kedge_boot_record *record,
                              uint8_t bytes[KEDGE_BOOT_RECORD_SIZE])
{
    memset(bytes, 0, KEDGE_BOOT_RECORD_SIZE);
    memcpy(bytes, RECORD_MAGIC, RECORD_MAGIC_SIZE);
    put(bytes + 8, RECORD_FORMAT, 2);
    put(bytes + 10, KEDGE_BOOT_RECORD_SIZE, 2);
    put(bytes + 12, record->number, 8);
    bytes[20] = (uint8_t)record->phase;
    bytes[21] = record->confirmed_slot;
    bytes[22] = record->trial_slot;
    bytes[23] = record->boots_used;
    bytes[24] = (uint8_t)record->outcome;
    bytes[25] = (uint8_t)record->reason;
    put(bytes + 28, record->floor, 8);
    put(bytes + 36, record->trial_sequence, 8);
    put(bytes + 44, record->confirmed_count, 4);
    put(bytes + 48, record->rolled_back_count, 4);
    size_t text_size = text_length(record->text, KEDGE_BOOT_TEXT_MAX);
    memcpy(bytes + 52, record->text, text_size);
    put(bytes + CRC_OFFSET, kedge_crc32(0, kedge_slice(bytes, CRC_OFFSET)), 4);
}

/* ---- decoding ---- */

static enum kedge_rc take_u8(struct kedge_cursor *cursor, unsigned limit, uint8_t *out)
{
    KEDGE_TRY(kedge_cursor_u8(cursor, out));
    return *out < limit ? KEDGE_OK : KEDGE_E_MALFORMED;
}

static enum kedge_rc take_zeros(struct kedge_cursor *cursor, size_t size)
{
    struct kedge_slice bytes;
    KEDGE_TRY(kedge_cursor_take(cursor, size, &bytes));
    for (size_t i = 0; i < size; i++)
        if (bytes.data[i] != 0)
            return KEDGE_E_MALFORMED;
    return KEDGE_OK;
}

static enum kedge_rc take_text(struct kedge_cursor *cursor, struct kedge_boot_record *out)
{
    struct kedge_slice bytes;
    KEDGE_TRY(kedge_cursor_take(cursor, TEXT_SIZE, &bytes));
    memcpy(out->text, bytes.data, TEXT_SIZE);
    size_t size = text_length(out->text, TEXT_SIZE);
    for (size_t i = 0; i < TEXT_SIZE; i++)
        if (i < size ? !printable(out->text[i]) : out->text[i] != '\0')
            return KEDGE_E_MALFORMED;
    return size < TEXT_SIZE ? KEDGE_OK : KEDGE_E_MALFORMED;
}

/* Magic, CRC, format and number: what all formats share. */
static enum kedge_rc take_frame(struct kedge_slice bytes, struct kedge_cursor *cursor,
                                struct kedge_boot_record *out)
{
    struct kedge_slice magic;
    struct kedge_cursor tail = kedge_cursor(bytes);
    uint16_t format, size;
    uint32_t crc;
    if (bytes.size != KEDGE_BOOT_RECORD_SIZE)
        return KEDGE_E_MALFORMED;
    KEDGE_TRY(kedge_cursor_take(cursor, RECORD_MAGIC_SIZE, &magic));
    KEDGE_TRY(kedge_cursor_skip(&tail, CRC_OFFSET));
    KEDGE_TRY(kedge_cursor_u32(&tail, &crc));
    if (memcmp(magic.data, RECORD_MAGIC, RECORD_MAGIC_SIZE) != 0)
        return KEDGE_E_MALFORMED;
    if (kedge_crc32(0, kedge_slice(bytes.data, CRC_OFFSET)) != crc)
        return KEDGE_E_MALFORMED;
    KEDGE_TRY(kedge_cursor_u16(cursor, &format));
    KEDGE_TRY(kedge_cursor_u16(cursor, &size));
    KEDGE_TRY(kedge_cursor_u64(cursor, &out->number));
    if (format == 0 || size != KEDGE_BOOT_RECORD_SIZE || out->number == 0)
        return KEDGE_E_MALFORMED;
    return format == RECORD_FORMAT ? KEDGE_OK : KEDGE_E_UNSUPPORTED;
}

static enum kedge_rc take_fields(struct kedge_cursor *cursor, struct kedge_boot_record *out)
{
    uint8_t phase, outcome, reason;
    KEDGE_TRY(take_u8(cursor, KEDGE_BOOT_ON_TRIAL + 1, &phase));
    KEDGE_TRY(take_u8(cursor, KEDGE_SLOTS, &out->confirmed_slot));
    KEDGE_TRY(kedge_cursor_u8(cursor, &out->trial_slot));
    KEDGE_TRY(take_u8(cursor, KEDGE_BOOT_TRIAL_BOOTS + 1, &out->boots_used));
    KEDGE_TRY(take_u8(cursor, KEDGE_BOOT_ROLLED_BACK + 1, &outcome));
    KEDGE_TRY(take_u8(cursor, KEDGE_BOOT_REASON_COUNT, &reason));
    KEDGE_TRY(take_zeros(cursor, 2));
    KEDGE_TRY(kedge_cursor_u64(cursor, &out->floor));
    KEDGE_TRY(kedge_cursor_u64(cursor, &out->trial_sequence));
    KEDGE_TRY(kedge_cursor_u32(cursor, &out->confirmed_count));
    KEDGE_TRY(kedge_cursor_u32(cursor, &out->rolled_back_count));
    KEDGE_TRY(take_text(cursor, out));
    out->phase = (enum kedge_boot_phase)phase;
    out->outcome = (enum kedge_boot_outcome)outcome;
    out->reason = (enum kedge_boot_reason)reason;
    return take_zeros(cursor, CRC_OFFSET - cursor->offset);
}

/* Fields that are each in range may still contradict one another. */
static enum kedge_rc check_phase(const struct kedge_boot_record *record)
{
    uint8_t other = (uint8_t)(1 - record->confirmed_slot);
    bool good = false;
    switch (record->phase) {
    case KEDGE_BOOT_STEADY:
        good = record->trial_slot == KEDGE_SLOT_NONE && record->boots_used == 0 &&
               record->trial_sequence == 0;
        break;
    case KEDGE_BOOT_TRIAL_REQUESTED:
        good = record->trial_slot == other && record->boots_used == 0;
        break;
    case KEDGE_BOOT_ON_TRIAL:
        good = record->trial_slot == other && record->boots_used > 0;
        break;
    }
    return good ? KEDGE_OK : KEDGE_E_MALFORMED;
}

enum kedge_rc kedge_boot_record_decode(struct kedge_slice bytes, struct kedge_boot_record *out)
{
    struct kedge_cursor cursor = kedge_cursor(bytes);
    *out = (struct kedge_boot_record){0};
    KEDGE_TRY(take_frame(bytes, &cursor, out));
    KEDGE_TRY(take_fields(&cursor, out));
    return check_phase(out);
}
