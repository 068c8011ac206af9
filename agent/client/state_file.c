/* state_file.c: see state_file.h. */
#define _POSIX_C_SOURCE 200809L
#include "agent/client/state_file.h"

#include <errno.h>
#include <fcntl.h>
#include <kedge/cbor.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MAGIC "KAS1"
#define MAGIC_SIZE 4u
#define CRC_SIZE 4u
#define TEMPORARY_FILE KEDGE_AGENT_STATE_FILE ".new"

/*
 * The map's keys, all of them present. A key that a later agent adds has a higher number: after a
 * rollback this agent skips it, and that agent must do without it in a file that this one wrote.
 */
enum {
    KEY_STATE = 1,
    KEY_RESULT,
    KEY_CHANGED,
    KEY_BOOT,
    KEY_BEGUN,
    KEY_URI,
    KEY_REASON,
    KEY_MESSAGE,
    KEY_ENDPOINT
};
#define KEY_COUNT 9u
#define KEY_COUNT_MAX 23u

void kedge_agent_state_init(struct kedge_agent_state *state)
{
    *state = (struct kedge_agent_state){.state = KEDGE_FIRMWARE_IDLE};
}

static enum kedge_rc write_number(struct kedge_writer *out, uint64_t key, uint64_t value)
{
    KEDGE_TRY(kedge_cbor_write_uint(out, key));
    return kedge_cbor_write_uint(out, value);
}

static enum kedge_rc write_text(struct kedge_writer *out, uint64_t key, const char *text)
{
    KEDGE_TRY(kedge_cbor_write_uint(out, key));
    return kedge_cbor_write_tstr(out, kedge_slice_text(text));
}

enum kedge_rc kedge_agent_state_encode(const struct kedge_agent_state *state,
                                       struct kedge_writer *out)
{
    size_t start = out->size;
    KEDGE_TRY(kedge_writer_put(out, kedge_slice(MAGIC, MAGIC_SIZE)));
    KEDGE_TRY(kedge_cbor_write_map(out, KEY_COUNT));
    KEDGE_TRY(write_number(out, KEY_STATE, (uint64_t)state->state));
    KEDGE_TRY(write_number(out, KEY_RESULT, (uint64_t)state->result));
    KEDGE_TRY(write_number(out, KEY_CHANGED, state->changed_at_s));
    KEDGE_TRY(write_number(out, KEY_BOOT, state->boot_number));
    KEDGE_TRY(write_number(out, KEY_BEGUN, state->begun));
    KEDGE_TRY(write_text(out, KEY_URI, state->uri));
    KEDGE_TRY(write_text(out, KEY_REASON, state->reason));
    KEDGE_TRY(write_text(out, KEY_MESSAGE, state->message));
    KEDGE_TRY(write_text(out, KEY_ENDPOINT, state->endpoint));
    return kedge_writer_u32(out, kedge_crc32(0, kedge_slice(out->data + start, out->size - start)));
}

static enum kedge_rc read_key(struct kedge_cursor *cursor, struct kedge_cbor_map *map,
                              uint64_t wanted)
{
    struct kedge_cbor_item key;
    KEDGE_TRY(kedge_cbor_map_key(cursor, map, &key));
    return key.type == KEDGE_CBOR_UINT && key.value == wanted ? KEDGE_OK : KEDGE_E_MALFORMED;
}

static enum kedge_rc read_number(struct kedge_cursor *cursor, struct kedge_cbor_map *map,
                                 uint64_t key, uint64_t limit, uint64_t *value)
{
    KEDGE_TRY(read_key(cursor, map, key));
    KEDGE_TRY(kedge_cbor_uint(cursor, value));
    return *value <= limit ? KEDGE_OK : KEDGE_E_LIMIT;
}

static enum kedge_rc read_text(struct kedge_cursor *cursor, struct kedge_cbor_map *map,
                               uint64_t key, char *text, size_t capacity)
{
    struct kedge_slice bytes;
    KEDGE_TRY(read_key(cursor, map, key));
    KEDGE_TRY(kedge_cbor_tstr(cursor, &bytes));
    if (bytes.size >= capacity || (bytes.size > 0 && memchr(bytes.data, '\0', bytes.size) != NULL))
        return KEDGE_E_LIMIT;
    if (bytes.size > 0)
        memcpy(text, bytes.data, bytes.size);
    text[bytes.size] = '\0';
    return KEDGE_OK;
}

static enum kedge_rc skip_later_keys(struct kedge_cursor *cursor, struct kedge_cbor_map *map)
{
    while (map->left > 0) {
        struct kedge_cbor_item key;
        struct kedge_slice value;
        KEDGE_TRY(kedge_cbor_map_key(cursor, map, &key));
        if (key.type != KEDGE_CBOR_UINT)
            return KEDGE_E_MALFORMED;
        KEDGE_TRY(kedge_cbor_skip(cursor, &value));
    }
    return KEDGE_OK;
}

static enum kedge_rc read_map(struct kedge_cursor *cursor, struct kedge_agent_state *state)
{
    struct kedge_cbor_map map;
    uint64_t number;
    KEDGE_TRY(kedge_cbor_map(cursor, &map));
    if (map.left < KEY_COUNT)
        return KEDGE_E_MALFORMED;
    if (map.left > KEY_COUNT_MAX)
        return KEDGE_E_LIMIT;
    KEDGE_TRY(read_number(cursor, &map, KEY_STATE, KEDGE_FIRMWARE_STATE_COUNT - 1, &number));
    state->state = (enum kedge_firmware_state)number;
    KEDGE_TRY(read_number(cursor, &map, KEY_RESULT, KEDGE_RESULT_DEFERRED, &number));
    state->result = (int)number;
    KEDGE_TRY(read_number(cursor, &map, KEY_CHANGED, INT64_MAX, &state->changed_at_s));
    KEDGE_TRY(read_number(cursor, &map, KEY_BOOT, UINT64_MAX, &state->boot_number));
    KEDGE_TRY(read_number(cursor, &map, KEY_BEGUN, UINT64_MAX, &state->begun));
    KEDGE_TRY(read_text(cursor, &map, KEY_URI, state->uri, sizeof state->uri));
    KEDGE_TRY(read_text(cursor, &map, KEY_REASON, state->reason, sizeof state->reason));
    KEDGE_TRY(read_text(cursor, &map, KEY_MESSAGE, state->message, sizeof state->message));
    KEDGE_TRY(read_text(cursor, &map, KEY_ENDPOINT, state->endpoint, sizeof state->endpoint));
    KEDGE_TRY(skip_later_keys(cursor, &map));
    return kedge_cbor_end(cursor);
}

static enum kedge_rc decode(struct kedge_slice bytes, struct kedge_agent_state *state)
{
    if (bytes.size < MAGIC_SIZE + CRC_SIZE)
        return KEDGE_E_TRUNCATED;
    struct kedge_slice body = kedge_slice(bytes.data, bytes.size - CRC_SIZE);
    struct kedge_cursor tail = kedge_cursor(kedge_slice(bytes.data + body.size, CRC_SIZE));
    uint32_t crc;
    KEDGE_TRY(kedge_cursor_u32(&tail, &crc));
    if (crc != kedge_crc32(0, body))
        return KEDGE_E_DIGEST;
    struct kedge_cursor cursor = kedge_cursor(body);
    struct kedge_slice magic;
    KEDGE_TRY(kedge_cursor_take(&cursor, MAGIC_SIZE, &magic));
    if (!kedge_slice_equal(magic, kedge_slice(MAGIC, MAGIC_SIZE)))
        return KEDGE_E_UNSUPPORTED;
    return read_map(&cursor, state);
}

enum kedge_rc kedge_agent_state_decode(struct kedge_slice bytes, struct kedge_agent_state *state)
{
    kedge_agent_state_init(state);
    enum kedge_rc rc = decode(bytes, state);
    if (rc != KEDGE_OK)
        kedge_agent_state_init(state);
    return rc;
}

enum kedge_rc kedge_agent_state_load(int folder, struct kedge_agent_state *state)
{
    kedge_agent_state_init(state);
    int file = openat(folder, KEDGE_AGENT_STATE_FILE, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return errno == ENOENT ? KEDGE_E_NOT_FOUND : KEDGE_E_SYSTEM;
    uint8_t bytes[KEDGE_AGENT_STATE_SIZE_MAX + 1];
    size_t size = 0;
    ssize_t got;
    while ((got = read(file, bytes + size, sizeof bytes - size)) > 0)
        size += (size_t)got;
    close(file);
    if (got < 0)
        return KEDGE_E_SYSTEM;
    if (size > KEDGE_AGENT_STATE_SIZE_MAX)
        return KEDGE_E_LIMIT;
    return kedge_agent_state_decode(kedge_slice(bytes, size), state);
}

static bool write_all(int file, struct kedge_slice bytes)
{
    while (bytes.size > 0) {
        ssize_t put = write(file, bytes.data, bytes.size);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return false;
        bytes = kedge_slice(bytes.data + put, bytes.size - (size_t)put);
    }
    return true;
}

enum kedge_rc kedge_agent_state_save(int folder, const struct kedge_agent_state *state)
{
    uint8_t bytes[KEDGE_AGENT_STATE_SIZE_MAX];
    struct kedge_writer out = kedge_writer(bytes, sizeof bytes);
    KEDGE_TRY(kedge_agent_state_encode(state, &out));
    int file = openat(folder, TEMPORARY_FILE, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0)
        return KEDGE_E_SYSTEM;
    bool good = write_all(file, kedge_writer_slice(&out)) && fsync(file) == 0;
    int saved_errno = errno;
    close(file);
    errno = saved_errno;
    if (!good || renameat(folder, TEMPORARY_FILE, folder, KEDGE_AGENT_STATE_FILE) != 0 ||
        fsync(folder) != 0)
        return KEDGE_E_SYSTEM;
    return KEDGE_OK;
}
