// links: kedge-net
/*
 * What is read of DTLS before there is a key: a ClientHello, and the heads of records. What is
 * found lies within the datagram.
 */
#include "updater/net/records.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_within(struct kedge_slice part, const uint8_t *data, size_t size)
{
    if (part.data < data || part.size > size || part.data + part.size > data + size)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kedge_cursor cursor = kedge_cursor(kedge_slice(data, size));
    struct dtls_record record;
    struct dtls_hello hello;
    while (dtls_record_next(&cursor, &record) == KEDGE_OK)
        check_within(record.fragment, data, size);
    if (dtls_hello_parse(kedge_slice(data, size), &hello) != KEDGE_OK)
        return 0;
    check_within(hello.random, data, size);
    if (hello.random.size != DTLS_RANDOM_SIZE)
        abort();
    return 0;
}
