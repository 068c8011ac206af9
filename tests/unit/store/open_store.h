/* open_store.h: an open store in a folder of its own, with a reader, for each test. */
#ifndef KEDGE_TESTS_OPEN_STORE_H
#define KEDGE_TESTS_OPEN_STORE_H

#include "tests/unit/store_fixture.h"

struct fixture {
    struct folder folder;
    struct kedge_store *store;
    struct kedge_reader *reader;
};

static int set_up(void **state)
{
    static struct fixture fixture;
    folder_make(&fixture.folder);
    fixture.store = store_in(&fixture.folder);
    fixture.reader = reader_in(&fixture.folder);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    kedge_reader_close(f->reader);
    kedge_store_close(f->store);
    folder_remove(&f->folder);
    return 0;
}

#endif
