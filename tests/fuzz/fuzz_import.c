// links: kedge-api jansson microhttpd
/* fuzz_import.c: of a factory's file there are devices within their limits, or faults that name
 * where. */
#include "tests/fuzz/fuzz.h"
#include "updater/api/import.h"
#include "updater/api/names.h"

static bool is_text(const char *text, size_t max)
{
    return text[0] == '\0' || kedge_name_valid(kedge_slice_text(text), max);
}

static void check_record(const struct kedge_bootstrap_record *record, const char *tags)
{
    const struct kedge_credential_record *credential = &record->credential;
    FUZZ_REQUIRE(kedge_name_valid(kedge_slice_text(credential->endpoint), KEDGE_ENDPOINT_MAX));
    FUZZ_REQUIRE(names_fault(credential->endpoint) == NULL);
    FUZZ_REQUIRE(
        kedge_name_valid(kedge_slice_text(credential->identity), KEDGE_CREDENTIAL_IDENTITY_MAX));
    FUZZ_REQUIRE(credential->kind != KEDGE_CREDENTIAL_NONE);
    if (credential->kind == KEDGE_CREDENTIAL_PSK)
        FUZZ_REQUIRE(credential->secret_size >= FACTORY_KEY_LEAST &&
                     credential->secret_size <= KEDGE_CREDENTIAL_SECRET_MAX);
    else
        FUZZ_REQUIRE(credential->secret_size == 0);
    FUZZ_REQUIRE(is_text(record->serial, KEDGE_FACTORY_TEXT_MAX));
    FUZZ_REQUIRE(is_text(record->hardware, KEDGE_HARDWARE_MAX));
    FUZZ_REQUIRE(is_text(record->batch, KEDGE_FACTORY_TEXT_MAX));
    FUZZ_REQUIRE(tags == NULL || (strlen(tags) <= KEDGE_TAGS_MAX && tags[0] == '{'));
}

static void check_handout(const struct kedge_handout_record *handout, const char *endpoint)
{
    if (handout == NULL)
        return;
    FUZZ_REQUIRE(strcmp(handout->endpoint, endpoint) == 0);
    FUZZ_REQUIRE(handout->certificate_size > 0 &&
                 handout->certificate_size <= KEDGE_CERTIFICATE_MAX);
    FUZZ_REQUIRE(handout->private_key_size <= KEDGE_PRIVATE_KEY_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct import import;
    import_read(&import, kedge_slice(data, size));
    FUZZ_REQUIRE(!import.no_memory && import.count <= KEDGE_BACKEND_IMPORT_MAX);
    FUZZ_REQUIRE(import.fault_count > 0 || import.count > 0);
    FUZZ_REQUIRE(json_array_size(import.faults) <= IMPORT_FAULTS_TOLD);
    for (size_t i = 0; import.fault_count == 0 && i < import.count; i++) {
        FUZZ_REQUIRE(import.places[i] >= 1 && import.places[i] <= size + 1);
        check_record(&import.records[i], import.tags[i]);
        check_handout(import.handouts[i], import.records[i].credential.endpoint);
    }
    import_clear(&import);
    return 0;
}
