// links: kedge-client-core
/*
 * fuzz_account.c: the file of the account that a bootstrap server gave: what is taken is an account
 * to register with, and begins with what would be written. The input is tried as it is and with the
 * CRC that it should have, which no fuzzer would find.
 */
#include "agent/client/account_file.h"
#include "tests/fuzz/fuzz.h"

#define WORDS_AT 5u /* after the magic and the head of the map */
#define CRC_SIZE 4u

static void decode(struct kedge_slice bytes)
{
    static struct kedge_account account;
    static uint8_t written[KEDGE_ACCOUNT_FILE_SIZE_MAX];
    if (kedge_account_decode(bytes, false, &account) != KEDGE_OK) {
        FUZZ_REQUIRE(!account.security.present && !account.server.present);
        return;
    }
    FUZZ_REQUIRE(kedge_account_flaw(&account, false) == NULL);
    struct kedge_writer out = kedge_writer(written, sizeof written);
    FUZZ_REQUIRE(kedge_account_encode(&account, &out) == KEDGE_OK);
    FUZZ_REQUIRE(out.size <= bytes.size);
    size_t words_size = out.size - WORDS_AT - CRC_SIZE;
    FUZZ_REQUIRE(kedge_slice_equal(kedge_slice(written + WORDS_AT, words_size),
                                   kedge_slice(bytes.data + WORDS_AT, words_size)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t bytes[KEDGE_ACCOUNT_FILE_SIZE_MAX];
    fuzz_with_crc(kedge_slice(data, size), bytes, sizeof bytes, decode);
    return 0;
}
