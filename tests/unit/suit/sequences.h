/* sequences.h: manifests for the processor's tests, put together command by command. */
#ifndef KEDGE_TESTS_SUIT_SEQUENCES_H
#define KEDGE_TESTS_SUIT_SEQUENCES_H

#include "tests/unit/suit/simulated.h"
#include "tests/unit/vectors.h"

struct seq {
    uint8_t bytes[1536];
    struct kedge_writer out;
    size_t commands;
};

static inline struct seq seq(void)
{
    return (struct seq){.commands = 0};
}

static inline struct kedge_writer seq_writer(struct seq *to)
{
    struct kedge_writer out = kedge_writer(to->bytes, sizeof to->bytes);
    out.size = to->out.size;
    return out;
}

/* A command whose argument is given in hexadecimal. */
static inline void seq_hex(struct seq *to, int64_t command, const char *hex)
{
    struct kedge_writer out = seq_writer(to);
    struct kedge_slice argument = vector_hex(hex);
    assert_int_equal(kedge_cbor_write_int(&out, command), KEDGE_OK);
    assert_int_equal(kedge_writer_put(&out, argument), KEDGE_OK);
    vector_free(argument);
    to->out.size = out.size;
    to->commands++;
}

/* A condition or directive with its reporting policy. */
static inline void seq_do(struct seq *to, int64_t command)
{
    seq_hex(to, command, "0f");
}

static inline void seq_set(struct seq *to, const char *map)
{
    seq_hex(to, KEDGE_SUIT_DIRECTIVE_OVERRIDE_PARAMETERS, map);
}

static inline void seq_index(struct seq *to, const char *index)
{
    seq_hex(to, KEDGE_SUIT_DIRECTIVE_SET_COMPONENT_INDEX, index);
}

/* Writes the finished sequence as a byte string. */
static inline void seq_put(struct kedge_writer *out, const struct seq *from)
{
    uint8_t bytes[2048];
    struct kedge_writer inner = kedge_writer(bytes, sizeof bytes);
    assert_int_equal(kedge_cbor_write_array(&inner, 2 * from->commands), KEDGE_OK);
    assert_int_equal(kedge_writer_put(&inner, kedge_slice(from->bytes, from->out.size)), KEDGE_OK);
    assert_int_equal(kedge_cbor_write_bstr(out, kedge_writer_slice(&inner)), KEDGE_OK);
}

static inline void seq_run(struct seq *to, const struct seq *inner)
{
    struct kedge_writer out = seq_writer(to);
    assert_int_equal(kedge_cbor_write_int(&out, KEDGE_SUIT_DIRECTIVE_RUN_SEQUENCE), KEDGE_OK);
    seq_put(&out, inner);
    to->out.size = out.size;
    to->commands++;
}

/* Tries `count` sequences; a NULL is written as null. */
static inline void seq_try(struct seq *to, const struct seq *const *inner, size_t count)
{
    struct kedge_writer out = seq_writer(to);
    assert_int_equal(kedge_cbor_write_int(&out, KEDGE_SUIT_DIRECTIVE_TRY_EACH), KEDGE_OK);
    assert_int_equal(kedge_cbor_write_array(&out, count), KEDGE_OK);
    for (size_t i = 0; i < count; i++)
        if (inner[i] != NULL)
            seq_put(&out, inner[i]);
        else
            assert_int_equal(kedge_cbor_write_null(&out), KEDGE_OK);
    to->out.size = out.size;
    to->commands++;
}

/* A manifest in the making: sections that are NULL are left out. */
struct draft {
    size_t components;
    uint64_t sequence, version;
    const struct seq *section[KEDGE_SUIT_SECTION_COUNT];
    bool severed; /* install and its digest; the member is `member` unless it is left out */
    struct kedge_slice member;
    uint8_t digest[KEDGE_SHA256_SIZE];
};

static inline void draft_common(const struct draft *draft, struct kedge_writer *out)
{
    uint8_t bytes[2048];
    struct kedge_writer common = kedge_writer(bytes, sizeof bytes);
    assert_int_equal(kedge_cbor_write_map(&common, 2), KEDGE_OK);
    assert_int_equal(kedge_cbor_write_uint(&common, 2), KEDGE_OK);
    assert_int_equal(kedge_cbor_write_array(&common, draft->components), KEDGE_OK);
    for (size_t i = 0; i < draft->components; i++) {
        uint8_t id = (uint8_t)i;
        assert_int_equal(kedge_cbor_write_array(&common, 1), KEDGE_OK);
        assert_int_equal(kedge_cbor_write_bstr(&common, kedge_slice(&id, 1)), KEDGE_OK);
    }
    assert_int_equal(kedge_cbor_write_uint(&common, 4), KEDGE_OK);
    seq_put(&common, draft->section[KEDGE_SUIT_SECTION_SHARED]);
    assert_int_equal(kedge_cbor_write_uint(out, 3), KEDGE_OK);
    assert_int_equal(kedge_cbor_write_bstr(out, kedge_writer_slice(&common)), KEDGE_OK);
}

/* The envelope around the manifest, which lies in `bytes`. */
static inline struct kedge_suit_envelope draft_envelope(const struct draft *draft, uint8_t *bytes,
                                                        size_t size)
{
    static const struct {
        uint64_t key;
        enum kedge_suit_section section;
    } keys[] = {{7, KEDGE_SUIT_SECTION_VALIDATE},
                {8, KEDGE_SUIT_SECTION_LOAD},
                {9, KEDGE_SUIT_SECTION_INVOKE},
                {16, KEDGE_SUIT_SECTION_FETCH},
                {20, KEDGE_SUIT_SECTION_INSTALL}};
    struct kedge_writer out = kedge_writer(bytes, size);
    uint64_t pairs = draft->severed ? 4 : 3;
    for (size_t i = 0; i < 5; i++)
        pairs += draft->section[keys[i].section] != NULL ? 1 : 0;
    assert_int_equal(kedge_cbor_write_map(&out, pairs), KEDGE_OK);
    assert_int_equal(kedge_cbor_write_uint(&out, 1), KEDGE_OK);
    assert_int_equal(kedge_cbor_write_uint(&out, draft->version), KEDGE_OK);
    assert_int_equal(kedge_cbor_write_uint(&out, 2), KEDGE_OK);
    assert_int_equal(kedge_cbor_write_uint(&out, draft->sequence), KEDGE_OK);
    draft_common(draft, &out);
    for (size_t i = 0; i < 5; i++) {
        if (draft->section[keys[i].section] == NULL)
            continue;
        assert_int_equal(kedge_cbor_write_uint(&out, keys[i].key), KEDGE_OK);
        seq_put(&out, draft->section[keys[i].section]);
    }
    struct kedge_suit_envelope envelope = {0};
    if (draft->severed) {
        assert_int_equal(kedge_cbor_write_uint(&out, 20), KEDGE_OK);
        assert_int_equal(kedge_cbor_write_array(&out, 2), KEDGE_OK);
        assert_int_equal(kedge_cbor_write_int(&out, -16), KEDGE_OK);
        assert_int_equal(kedge_cbor_write_bstr(&out, kedge_slice(draft->digest, 32)), KEDGE_OK);
        envelope.severable[20] = draft->member;
    }
    envelope.manifest = kedge_writer_slice(&out);
    return envelope;
}

#endif
