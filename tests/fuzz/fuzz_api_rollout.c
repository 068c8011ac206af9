// links: kedge-api jansson microhttpd
/* fuzz_api_rollout.c: a body that asks for a rollout is refused with an answer, or what reaches the
 * backend is within the limits that are written. */
#include <stdlib.h>

#include "updater/api/internal.h"

#include "tests/fuzz/fuzz.h"

static enum kedge_rc look_at(void *context, const char *who,
                             const struct kedge_backend_rollout *rollout, uint64_t *rollout_id,
                             char *text, const char **at_fault)
{
    (void)at_fault;
    (void)who;
    (void)rollout_id;
    (void)text;
    bool *reached = context;
    *reached = true;
    FUZZ_REQUIRE(strlen(rollout->name) >= 1 && strlen(rollout->name) <= KEDGE_NAME_MAX);
    FUZZ_REQUIRE(strlen(rollout->package_id) == KEDGE_PACKAGE_ID_SIZE);
    FUZZ_REQUIRE(rollout->all_devices + (rollout->endpoint_count > 0) + (rollout->filter != NULL) ==
                 1);
    FUZZ_REQUIRE((rollout->filter != NULL) == (rollout->filter_text != NULL));
    for (size_t i = 0; i < rollout->endpoint_count; i++)
        FUZZ_REQUIRE(rollout->endpoints[i] != NULL);
    for (size_t i = 0; i < KEDGE_POLICY_FIELD_COUNT; i++) {
        const struct kedge_policy_field *field = &kedge_policy_fields[i];
        uint32_t value = kedge_policy_get(&rollout->policy, field);
        FUZZ_REQUIRE(value >= field->least && value <= field->most);
    }
    return KEDGE_E_STATE;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bool reached = false;
    const struct kedge_backend backend = {.context = &reached, .rollout_create = look_at};
    struct kedge_api api = {.config = {.backend = &backend}}; /* its locks are not used here */
    struct request *request = calloc(1, sizeof(*request));
    FUZZ_REQUIRE(request != NULL);
    request->api = &api;
    request->upload.file = -1;
    request->body = malloc(size + 1);
    FUZZ_REQUIRE(request->body != NULL);
    memcpy(request->body, data, size);
    request->body_size = size;
    if (body_parse(request))
        rollout_create(request);
    FUZZ_REQUIRE(request->answer != NULL);
    FUZZ_REQUIRE(request->status == (reached ? 409 : 400));
    request_destroy(request, true);
    return 0;
}
