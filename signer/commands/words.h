/*
 * words.h: what several commands print alike, for people and as JSON.
 */
#ifndef KEDGE_SIGNER_WORDS_H
#define KEDGE_SIGNER_WORDS_H

#include <jansson.h>
#include <kedge/crypto.h>

#define KEDGE_SHORT_ID_SIZE 17 /* 16 hex digits and a NUL */

/** kedge_short_id() is a key id shortened for people: its first 16 hex digits. */
void kedge_short_id(const uint8_t key_id[KEDGE_KEY_ID_SIZE], char text[KEDGE_SHORT_ID_SIZE]);

/** kedge_json_hex() is a string of hex digits. */
json_t *kedge_json_hex(const uint8_t *bytes, size_t size);

/** kedge_json_slice() is the text as a string; null when it is empty. */
json_t *kedge_json_slice(struct kedge_slice text);

/** kedge_json_print() prints `root` to standard output and gives it back. */
void kedge_json_print(json_t *root);

/** kedge_print_key() prints a line: what the key did, its algorithm, its id, its file. */
void kedge_print_key(const char *what, const struct kedge_public_key *key, const char *path);

#endif
