/*
 * pem.c: one PEM armour (RFC 7468), read strictly: nothing but Base64 inside, nothing of another
 * armour beside it. Text outside is for people, but for one line: the mark of a development key.
 */
#include "core/crypto/algorithms.h"
#include <string.h>

#define BASE64_MAX (KEDGE_PEM_DER_MAX / 3u * 4u)
#define LINE_BYTES 48u /* 64 characters of Base64 (RFC 7468 section 2) */
#define LABEL_PUBLIC_KEY "PUBLIC KEY"

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

/* Views LABEL when the line is `lead` LABEL "-----". */
static bool boundary(struct kedge_slice line, const char *lead, struct kedge_slice *label)
{
    static const char dashes[] = "-----";
    size_t lead_size = strlen(lead);
    size_t tail_size = sizeof dashes - 1;
    if (line.size <= lead_size + tail_size || memcmp(line.data, lead, lead_size) != 0 ||
        memcmp(line.data + line.size - tail_size, dashes, tail_size) != 0)
        return false;
    *label = kedge_slice(line.data + lead_size, line.size - lead_size - tail_size);
    return true;
}

static enum kedge_rc read_lines(struct kedge_slice text, struct kedge_writer *base64,
                                struct kedge_pem *out)
{
    enum { BEFORE, INSIDE, AFTER } place = BEFORE;
    struct kedge_cursor cursor = kedge_cursor(text);
    struct kedge_slice line, label;
    while (next_line(&cursor, &line)) {
        if (place == INSIDE && boundary(line, "-----END ", &label)) {
            if (!kedge_slice_equal(label, out->label))
                return KEDGE_E_KEY;
            place = AFTER;
        } else if (place == INSIDE) {
            /* Longer than any key that is used here: of another kind, as an RSA key. */
            if (line.size == 0 || kedge_writer_put(base64, line) != KEDGE_OK)
                return KEDGE_E_KEY;
        } else if (boundary(line, "-----BEGIN ", &label)) {
            if (place == AFTER)
                return KEDGE_E_KEY; /* which of the two would be meant? */
            out->label = label;
            place = INSIDE;
        } else {
            out->development = out->development || line_is(line, KEDGE_DEVELOPMENT_MARK);
        }
    }
    return place == AFTER ? KEDGE_OK : KEDGE_E_KEY;
}

enum kedge_rc kedge_pem_read(struct kedge_slice text, struct kedge_pem *out)
{
    uint8_t base64_bytes[BASE64_MAX];
    struct kedge_writer base64 = kedge_writer(base64_bytes, sizeof base64_bytes);
    memset(out, 0, sizeof *out);
    if (text.size > KEDGE_PEM_TEXT_MAX)
        return KEDGE_E_LIMIT;
    enum kedge_rc rc = read_lines(text, &base64, out);
    struct kedge_writer der = kedge_writer(out->der, sizeof out->der);
    if (rc == KEDGE_OK && kedge_base64_decode(kedge_writer_slice(&base64), &der) != KEDGE_OK)
        rc = KEDGE_E_KEY;
    out->der_size = der.size;
    kedge_wipe(base64_bytes, sizeof base64_bytes);
    return rc;
}

static enum kedge_rc put_text(struct kedge_writer *out, const char *text)
{
    return kedge_writer_put(out, kedge_slice_text(text));
}

static enum kedge_rc put_boundary(struct kedge_writer *out, const char *lead, const char *label)
{
    KEDGE_TRY(put_text(out, lead));
    KEDGE_TRY(put_text(out, label));
    return put_text(out, "-----\n");
}

enum kedge_rc kedge_pem_write(const char *label, struct kedge_slice der, bool development,
                              struct kedge_writer *out)
{
    if (der.size > KEDGE_PEM_DER_MAX)
        return KEDGE_E_LIMIT;
    if (development)
        KEDGE_TRY(put_text(out, KEDGE_DEVELOPMENT_MARK "\n"));
    KEDGE_TRY(put_boundary(out, "-----BEGIN ", label));
    for (size_t i = 0; i < der.size; i += LINE_BYTES) {
        size_t size = der.size - i < LINE_BYTES ? der.size - i : LINE_BYTES;
        KEDGE_TRY(kedge_base64_encode(kedge_slice(der.data + i, size), out));
        KEDGE_TRY(put_text(out, "\n"));
    }
    return put_boundary(out, "-----END ", label);
}

enum kedge_rc kedge_public_key_from_pem(struct kedge_slice text, struct kedge_public_key *key)
{
    struct kedge_pem pem;
    KEDGE_TRY(kedge_pem_read(text, &pem));
    if (!line_is(pem.label, LABEL_PUBLIC_KEY))
        return KEDGE_E_KEY;
    KEDGE_TRY(kedge_public_key_from_spki(kedge_slice(pem.der, pem.der_size), key));
    key->development = pem.development;
    return KEDGE_OK;
}

enum kedge_rc kedge_public_key_to_pem(const struct kedge_public_key *key, struct kedge_writer *out)
{
    uint8_t der_bytes[KEDGE_SPKI_MAX];
    struct kedge_writer der = kedge_writer(der_bytes, sizeof der_bytes);
    KEDGE_TRY(kedge_public_key_to_spki(key, &der));
    return kedge_pem_write(LABEL_PUBLIC_KEY, kedge_writer_slice(&der), key->development, out);
}
