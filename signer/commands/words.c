/* words.c: see words.h. */
#include "signer/commands/words.h"

#include <stdio.h>

#define HEX_BYTES_MAX 32u

void kedge_short_id(const uint8_t key_id[KEDGE_KEY_ID_SIZE], char text[KEDGE_SHORT_ID_SIZE])
{
    kedge_hex_encode(kedge_slice(key_id, (KEDGE_SHORT_ID_SIZE - 1) / 2), text);
}

json_t *kedge_json_hex(const uint8_t *bytes, size_t size)
{
    char digits[2 * HEX_BYTES_MAX + 1];
    kedge_hex_encode(kedge_slice(bytes, size < HEX_BYTES_MAX ? size : HEX_BYTES_MAX), digits);
    return json_string(digits);
}

json_t *kedge_json_slice(struct kedge_slice text)
{
    return text.size > 0 ? json_stringn((const char *)text.data, text.size) : json_null();
}

void kedge_json_print(json_t *root)
{
    json_dumpf(root, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(root);
}

void kedge_print_key(const char *what, const struct kedge_public_key *key, const char *path)
{
    char key_id[2 * KEDGE_KEY_ID_SIZE + 1];
    kedge_hex_encode(kedge_slice(key->key_id, KEDGE_KEY_ID_SIZE), key_id);
    printf("  %-12s %s %s (%s)\n", what, kedge_algorithm_name(key->algorithm), key_id, path);
}
