/*
 * vectors.h: reading the independent test vectors; a test that needs them skips where they are not.
 */
#ifndef KEDGE_TESTS_VECTORS_H
#define KEDGE_TESTS_VECTORS_H

#include <kedge/base.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* Reads KEDGE_VECTORS/name whole; skips the running test by name when it is not there. */
static inline struct kedge_slice vector_read(const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", KEDGE_VECTORS, name);
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        print_message("skipped: %s is not there\n", name);
        skip();
    }
    size_t capacity = 1u << 21;
    uint8_t *bytes = malloc(capacity);
    assert_non_null(bytes);
    size_t size = fread(bytes, 1, capacity, file);
    fclose(file);
    assert_true(size > 0 && size < capacity);
    return kedge_slice(bytes, size);
}

static inline void vector_free(struct kedge_slice bytes)
{
    free((void *)(uintptr_t)bytes.data);
}

/* Decodes hexadecimal text into fresh memory of exactly its size. */
static inline struct kedge_slice vector_hex(const char *text)
{
    size_t size = kedge_slice_text(text).size / 2;
    uint8_t *bytes = malloc(size > 0 ? size : 1);
    assert_non_null(bytes);
    assert_int_equal(kedge_hex_decode(kedge_slice_text(text), bytes, size), KEDGE_OK);
    return kedge_slice(bytes, size);
}

#endif
