/*
 * pem.c: one public key in PEM (RFC 7468), read strictly: one armour, nothing but Base64 inside.
 * Text outside the armour is for people, but for one line: the mark of a development key.
 */
#include "core/crypto/algorithms.h"
#include <string.h>

#define PEM_SIZE_MAX 4096u
#define BASE64_MAX 256u

static const char begin_line[] = "-----BEGIN PUBLIC KEY-----";
static const char end_line[] = "-----END PUBLIC KEY-----";

/* Takes one line, without its end ("\n" or "\r\n"); false when none is left. */
static bool next_line(struct kedge_cursor *cursor, struct kedge_slice *line)
{
    size_t left = kedge_cursor_left(cursor);
    if (left == 0)
        return false;
    const uint8_t *start = cursor->bytes.data + cursor->offset;
    const uint8_t *newline = memchr(start, '\n', left);
    size_t size = newline != NULL ? (size_t)(newline - start) : left;
    cursor->offset += newline != NULL ? size + 1 : size;
    if (size > 0 && start[size - 1] == '\r')
        size--;
    *line = kedge_slice(start, size);
    return true;
}

static bool line_is(struct kedge_slice line, const char *text)
{
    return kedge_slice_equal(line, kedge_slice_text(text));
}

enum kedge_rc kedge_public_key_from_pem(struct kedge_slice pem, struct kedge_public_key *key)
{
    enum { BEFORE, INSIDE, AFTER } place = BEFORE;
    uint8_t base64_bytes[BASE64_MAX];
    struct kedge_writer base64 = kedge_writer(base64_bytes, sizeof base64_bytes);
    struct kedge_cursor cursor = kedge_cursor(pem);
    struct kedge_slice line;
    bool development = false;
    if (pem.size > PEM_SIZE_MAX)
        return KEDGE_E_LIMIT;
    while (next_line(&cursor, &line)) {
        if (place == INSIDE && line_is(line, end_line)) {
            place = AFTER;
        } else if (place == INSIDE) {
            /* Longer than any key that is used here: of another kind, as an RSA key. */
            if (line.size == 0 || kedge_writer_put(&base64, line) != KEDGE_OK)
                return KEDGE_E_KEY;
        } else if (line_is(line, begin_line)) {
            if (place == AFTER)
                return KEDGE_E_KEY; /* which of the two would be meant? */
            place = INSIDE;
        } else {
            development = development || line_is(line, KEDGE_DEVELOPMENT_MARK);
        }
    }
    if (place != AFTER)
        return KEDGE_E_KEY;
    uint8_t der_bytes[BASE64_MAX];
    struct kedge_writer der = kedge_writer(der_bytes, sizeof der_bytes);
    if (kedge_base64_decode(kedge_writer_slice(&base64), &der) != KEDGE_OK)
        return KEDGE_E_KEY;
    KEDGE_TRY(kedge_public_key_from_spki(kedge_writer_slice(&der), key));
    key->development = development;
    return KEDGE_OK;
}
