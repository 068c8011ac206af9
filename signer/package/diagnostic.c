/* diagnostic.c: see diagnostic.h. */
#include "signer/package/diagnostic.h"

#include <inttypes.h>
#include <kedge/crypto.h>

#define EMBEDDED_DEPTH_MAX 8u /* byte strings in byte strings */

/* Where the printing is. Nesting inside one piece of CBOR is bounded by the reader. */
struct printing {
    FILE *out;
    unsigned indent;
    unsigned embedded;
};

static enum kedge_rc print_item(struct printing *printing, struct kedge_cursor *cursor);

static void new_line(const struct printing *printing)
{
    fprintf(printing->out, "\n%*s", (int)(2 * printing->indent), "");
}

static void print_hex(FILE *out, struct kedge_slice bytes)
{
    fputs("h'", out);
    for (size_t i = 0; i < bytes.size; i++)
        fprintf(out, "%02x", bytes.data[i]);
    fputc('\'', out);
}

/* What stands for bytes that are too many to be read by anybody. */
static void print_summary(FILE *out, struct kedge_slice bytes)
{
    uint8_t digest[KEDGE_SHA256_SIZE];
    char digits[2 * KEDGE_SHA256_SIZE + 1];
    kedge_sha256(bytes, digest);
    kedge_hex_encode(kedge_slice(digest, sizeof digest), digits);
    fprintf(out, "h'' / %zu bytes, SHA-256 %s /", bytes.size, digits);
}

static bool is_embedded(const struct printing *printing, struct kedge_slice bytes)
{
    struct kedge_cursor cursor = kedge_cursor(bytes);
    struct kedge_cbor_item item;
    if (printing->embedded == EMBEDDED_DEPTH_MAX || kedge_cbor_peek(&cursor, &item) != KEDGE_OK)
        return false;
    return (item.type == KEDGE_CBOR_ARRAY || item.type == KEDGE_CBOR_MAP ||
            item.type == KEDGE_CBOR_TAG) &&
           kedge_cbor_check(bytes) == KEDGE_OK;
}

static enum kedge_rc print_bytes(struct printing *printing, struct kedge_slice bytes)
{
    if (!is_embedded(printing, bytes)) {
        if (bytes.size > KEDGE_DIAGNOSTIC_BYTES_MAX)
            print_summary(printing->out, bytes);
        else
            print_hex(printing->out, bytes);
        return KEDGE_OK;
    }
    struct kedge_cursor cursor = kedge_cursor(bytes);
    fputs("<<", printing->out);
    printing->embedded++;
    KEDGE_TRY(print_item(printing, &cursor));
    printing->embedded--;
    fputs(">>", printing->out);
    return KEDGE_OK;
}

/* As JSON writes text; C1 controls are escaped too, because terminals may obey them. */
static void print_text(FILE *out, struct kedge_slice text)
{
    fputc('"', out);
    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.data[i];
        bool c1 = byte == 0xC2 && i + 1 < text.size && text.data[i + 1] < 0xA0;
        if (byte < 0x20 || byte == 0x7F)
            fprintf(out, "\\u%04x", byte);
        else if (c1)
            fprintf(out, "\\u%04x", text.data[++i]);
        else if (byte == '"' || byte == '\\')
            fprintf(out, "\\%c", byte);
        else
            fputc(byte, out);
    }
    fputc('"', out);
}

static enum kedge_rc print_array(struct printing *printing, struct kedge_cursor *cursor,
                                 uint64_t count)
{
    fputc('[', printing->out);
    for (uint64_t i = 0; i < count; i++) {
        if (i > 0)
            fputs(", ", printing->out);
        KEDGE_TRY(print_item(printing, cursor));
    }
    fputc(']', printing->out);
    return KEDGE_OK;
}

static enum kedge_rc print_map(struct printing *printing, struct kedge_cursor *cursor,
                               uint64_t pairs)
{
    fputc('{', printing->out);
    printing->indent++;
    for (uint64_t i = 0; i < pairs; i++) {
        if (i > 0)
            fputc(',', printing->out);
        new_line(printing);
        KEDGE_TRY(print_item(printing, cursor));
        fputs(": ", printing->out);
        KEDGE_TRY(print_item(printing, cursor));
    }
    printing->indent--;
    if (pairs > 0)
        new_line(printing);
    fputc('}', printing->out);
    return KEDGE_OK;
}

/* -1 - value, of which the largest is beyond 64 bits. */
static void print_negative(FILE *out, uint64_t value)
{
    if (value == UINT64_MAX)
        fputs("-18446744073709551616", out);
    else
        fprintf(out, "-%" PRIu64, value + 1);
}

static enum kedge_rc print_item(struct printing *printing, struct kedge_cursor *cursor)
{
    FILE *out = printing->out;
    struct kedge_cbor_item item;
    KEDGE_TRY(kedge_cbor_next(cursor, &item));
    switch (item.type) {
    case KEDGE_CBOR_UINT:
        fprintf(out, "%" PRIu64, item.value);
        return KEDGE_OK;
    case KEDGE_CBOR_NINT:
        print_negative(out, item.value);
        return KEDGE_OK;
    case KEDGE_CBOR_BSTR:
        return print_bytes(printing, item.bytes);
    case KEDGE_CBOR_TSTR:
        print_text(out, item.bytes);
        return KEDGE_OK;
    case KEDGE_CBOR_ARRAY:
        return print_array(printing, cursor, item.value);
    case KEDGE_CBOR_MAP:
        return print_map(printing, cursor, item.value);
    case KEDGE_CBOR_TAG:
        fprintf(out, "%" PRIu64 "(", item.value);
        KEDGE_TRY(print_item(printing, cursor));
        fputc(')', out);
        return KEDGE_OK;
    case KEDGE_CBOR_FALSE:
    case KEDGE_CBOR_TRUE:
    case KEDGE_CBOR_NULL:
        fputs(item.type == KEDGE_CBOR_NULL   ? "null"
              : item.type == KEDGE_CBOR_TRUE ? "true"
                                             : "false",
              out);
        return KEDGE_OK;
    case KEDGE_CBOR_FLOAT:
    case KEDGE_CBOR_BREAK:
        break; /* only of the loose reader */
    }
    return KEDGE_E_UNSUPPORTED;
}

enum kedge_rc kedge_diagnostic_print(struct kedge_slice item, FILE *out)
{
    struct printing printing = {.out = out};
    struct kedge_cursor cursor = kedge_cursor(item);
    KEDGE_TRY(kedge_cbor_check(item));
    KEDGE_TRY(print_item(&printing, &cursor));
    fputc('\n', out);
    return KEDGE_OK;
}
