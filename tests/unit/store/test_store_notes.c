/* Notes: what parts of the server keep for themselves. */
#define _GNU_SOURCE
#include "tests/unit/store/open_store.h"

#include <stdlib.h>

static struct kedge_note a_note(const char *kind, const char *id, uint64_t at_ms,
                                const char *content)
{
    struct kedge_note note = {.at_ms = at_ms, .size = strlen(content)};
    (void)snprintf(note.kind, sizeof(note.kind), "%s", kind);
    (void)snprintf(note.id, sizeof(note.id), "%s", id);
    memcpy(note.content, content, note.size);
    return note;
}

static void put(struct fixture *f, const char *kind, const char *id, uint64_t at_ms,
                const char *content)
{
    struct kedge_note note = a_note(kind, id, at_ms, content);
    struct kedge_batch *batch = new_batch();
    assert_int_equal(kedge_batch_put_note(batch, &note), KEDGE_OK);
    assert_int_equal(commit(f->store, batch), KEDGE_OK);
}

static bool join_ids(void *context, const struct kedge_note *note)
{
    char *ids = context;
    size_t used = strlen(ids);
    (void)snprintf(&ids[used], 64 - used, "%s=%s ", note->id, note->content);
    return true;
}

static void expect(struct fixture *f, const char *kind, const char *wanted)
{
    char ids[64] = "";
    assert_int_equal(kedge_reader_notes(f->reader, kind, NULL, join_ids, ids), KEDGE_OK);
    assert_string_equal(ids, wanted);
}

static void a_note_is_replaced_by_kind_and_id_and_read_back(void **state)
{
    struct fixture *f = *state;
    struct kedge_note read;
    put(f, "a", "1", 5, "first");
    put(f, "a", "1", 6, "second");
    put(f, "b", "1", 7, "");
    assert_int_equal(kedge_reader_note(f->reader, "a", "1", &read), KEDGE_OK);
    assert_int_equal(read.at_ms, 6);
    assert_int_equal(read.size, 6);
    assert_string_equal(read.content, "second");
    expect(f, "a", "1=second ");
    expect(f, "b", "1= ");
    assert_int_equal(kedge_reader_note(f->reader, "a", "2", &read), KEDGE_E_NOT_FOUND);
}

static void one_is_deleted_and_old_ones_are_trimmed_of_their_kind_alone(void **state)
{
    struct fixture *f = *state;
    for (unsigned i = 1; i <= 5; i++) {
        char id[2] = {(char)('0' + i), '\0'};
        put(f, "a", id, 10u * i, "x");
        put(f, "b", id, 10u * i, "x");
    }
    struct kedge_batch *batch = new_batch();
    assert_int_equal(kedge_batch_delete_note(batch, "a", "4"), KEDGE_OK);
    assert_int_equal(kedge_batch_trim_notes(batch, "a", "", 20, 2), KEDGE_OK);
    assert_int_equal(kedge_batch_trim_notes(batch, "b", "", 30, 100), KEDGE_OK);
    assert_int_equal(commit(f->store, batch), KEDGE_OK);
    expect(f, "a", "3=x 5=x ");
    expect(f, "b", "3=x 4=x 5=x ");
}

static void of_one_owner_the_newest_are_kept_and_nobody_elses_go(void **state)
{
    struct fixture *f = *state;
    for (unsigned i = 1; i <= 3; i++) {
        char id[3] = {'p', (char)('0' + i), '\0'};
        put(f, "a", id, 10u * i, "x"); /* the oldest, and newer ones of both sides of its owner */
        id[0] = 'q';
        put(f, "a", id, 100u * i, "x");
        id[0] = 'r';
        put(f, "a", id, 10u * i, "x");
    }
    put(f, "b", "q1", 1, "x");
    struct kedge_batch *batch = new_batch();
    assert_int_equal(kedge_batch_trim_notes(batch, "a", "q", 20, 1), KEDGE_OK);
    assert_int_equal(commit(f->store, batch), KEDGE_OK);
    expect(f, "a", "p2=x p3=x q3=x r2=x r3=x ");
    expect(f, "b", "q1=x ");
}

static void one_that_is_too_long_is_refused(void **state)
{
    (void)state;
    struct kedge_note *note = calloc(1, sizeof(*note));
    struct kedge_batch *batch = new_batch();
    assert_non_null(note);
    note->size = KEDGE_NOTE_MAX + 1;
    assert_int_equal(kedge_batch_put_note(batch, note), KEDGE_E_LIMIT);
    note->size = KEDGE_NOTE_MAX;
    assert_int_equal(kedge_batch_put_note(batch, note), KEDGE_OK);
    kedge_batch_destroy(batch);
    free(note);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_note_is_replaced_by_kind_and_id_and_read_back),
        TEST(one_is_deleted_and_old_ones_are_trimmed_of_their_kind_alone),
        TEST(of_one_owner_the_newest_are_kept_and_nobody_elses_go),
        TEST(one_that_is_too_long_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
