/* factory.c: what is said of a device, held to its limits. */
#include "updater/api/factory.h"

#include "updater/api/names.h"
#include "updater/api/twice.h"

#include <kedge/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool refuse_member(struct factory_fault *fault, const char *member, const char *words)
{
    *fault = (struct factory_fault){member, words};
    return false;
}

bool factory_is_said(const char *text)
{
    return text != NULL && text[0] != '\0';
}

static bool take_text(struct factory_fault *fault, const char *member, const char *text, char *out,
                      size_t max)
{
    if (strlen(text) > max)
        return refuse_member(fault, member, "is too long");
    const char *words = names_text_fault(text);
    if (words != NULL)
        return refuse_member(fault, member, words);
    memcpy(out, text, strlen(text) + 1);
    return true;
}

static bool take_psk(const struct factory_texts *texts, struct kedge_credential_record *record,
                     struct factory_fault *fault)
{
    if (!factory_is_said(texts->identity) || !factory_is_said(texts->key))
        return refuse_member(fault, factory_is_said(texts->identity) ? "key" : "identity",
                             "is missing; or give a public_key");
    size_t digits = strlen(texts->key);
    if (digits < 2u * FACTORY_KEY_LEAST || digits > 2u * KEDGE_CREDENTIAL_SECRET_MAX)
        return refuse_member(fault, "key", "must have 8 to 64 bytes");
    record->kind = KEDGE_CREDENTIAL_PSK;
    record->secret_size = digits / 2;
    if (kedge_hex_decode(kedge_slice_text(texts->key), record->secret, record->secret_size) !=
        KEDGE_OK)
        return refuse_member(fault, "key", "must be hex digits, two for each byte");
    return take_text(fault, "identity", texts->identity, record->identity,
                     KEDGE_CREDENTIAL_IDENTITY_MAX);
}

static enum kedge_rc read_public_key(const char *text, struct kedge_public_key *key)
{
    uint8_t der[KEDGE_PUBLIC_KEY_MAX + 64u];
    struct kedge_writer out = kedge_writer(der, sizeof(der));
    if (strncmp(text, "-----BEGIN", 10) == 0 || strchr(text, '\n') != NULL)
        return kedge_public_key_from_pem(kedge_slice_text(text), key);
    KEDGE_TRY(kedge_base64_decode(kedge_slice_text(text), &out));
    return kedge_public_key_from_spki(kedge_writer_slice(&out), key);
}

static bool take_public_key(const struct factory_texts *texts,
                            struct kedge_credential_record *record, struct factory_fault *fault)
{
    struct kedge_public_key key;
    if (factory_is_said(texts->identity) || factory_is_said(texts->key))
        return refuse_member(fault, "public_key", "does not go with identity and key");
    if (strlen(texts->public_key) > FACTORY_PEM_MAX ||
        read_public_key(texts->public_key, &key) != KEDGE_OK)
        return refuse_member(fault, "public_key", "is not a public key in PEM");
    record->kind = KEDGE_CREDENTIAL_RAW_KEY;
    kedge_hex_encode(kedge_slice(key.key_id, sizeof(key.key_id)), record->identity);
    return true;
}

/* A certificate of the fleet's CA, or nothing at all; each alone. */
static bool take_other(const struct factory_texts *texts, struct kedge_credential_record *record,
                       struct factory_fault *fault)
{
    const char *member = factory_is_said(texts->security) ? "security" : "certificate_name";
    if (factory_is_said(texts->identity) || factory_is_said(texts->key) ||
        factory_is_said(texts->public_key) ||
        (factory_is_said(texts->security) && factory_is_said(texts->certificate_name)))
        return refuse_member(fault, member, "goes with no other proof");
    if (!factory_is_said(texts->security)) {
        record->kind = KEDGE_CREDENTIAL_CERTIFICATE;
        return take_text(fault, member, texts->certificate_name, record->identity,
                         KEDGE_CREDENTIAL_IDENTITY_MAX);
    }
    if (strcmp(texts->security, "none") != 0)
        return refuse_member(fault, member, "can only be none");
    record->kind = KEDGE_CREDENTIAL_NONE;
    memcpy(record->identity, record->endpoint, sizeof(record->endpoint));
    return true;
}

static bool take_proof(const struct factory_texts *texts, struct kedge_credential_record *record,
                       struct factory_fault *fault)
{
    if (factory_is_said(texts->certificate_name) || factory_is_said(texts->security))
        return take_other(texts, record, fault);
    return factory_is_said(texts->public_key) ? take_public_key(texts, record, fault)
                                              : take_psk(texts, record, fault);
}

static bool take_optional(struct factory_fault *fault, const char *member, const char *text,
                          char *out, size_t max)
{
    return !factory_is_said(text) || take_text(fault, member, text, out, max);
}

bool factory_read(const struct factory_texts *texts, struct kedge_bootstrap_record *record,
                  struct factory_fault *fault)
{
    memset(record, 0, sizeof(*record));
    if (!factory_is_said(texts->endpoint))
        return refuse_member(fault, "endpoint", "is missing");
    const char *words = names_fault(texts->endpoint);
    if (words != NULL)
        return refuse_member(fault, "endpoint", words);
    return take_text(fault, "endpoint", texts->endpoint, record->credential.endpoint,
                     KEDGE_ENDPOINT_MAX) &&
           take_proof(texts, &record->credential, fault) &&
           take_optional(fault, "serial", texts->serial, record->serial, KEDGE_FACTORY_TEXT_MAX) &&
           take_optional(fault, "hardware", texts->hardware, record->hardware,
                         KEDGE_HARDWARE_MAX) &&
           take_optional(fault, "batch", texts->batch, record->batch, KEDGE_FACTORY_TEXT_MAX);
}

bool factory_refuse(struct request *request, const char *within, const struct factory_fault *fault)
{
    char field[64];
    (void)snprintf(field, sizeof(field), "%s%s", within, fault->member);
    refuse(request, MHD_HTTP_BAD_REQUEST, "argument", field, "%s %s", field, fault->words);
    return false;
}

/* ---- each once ---- */

/* The first that is there for the second time. */
struct repeated {
    size_t place, first;
    const char *member; /* NULL: none is */
};

static void keep_first(void *context, size_t place, const char *member, size_t first)
{
    struct repeated *repeated = context;
    if (repeated->member == NULL || place < repeated->place)
        *repeated = (struct repeated){place, first, member};
}

bool factory_each_once(struct request *request, const char *list,
                       const struct kedge_credential_record *first, size_t stride, size_t count)
{
    struct repeated repeated = {.member = NULL};
    struct twice_place *places = calloc(count, sizeof(*places));
    char field[64];
    if (places == NULL) {
        answer_json(request, MHD_HTTP_INTERNAL_SERVER_ERROR, NULL);
        return false;
    }
    for (size_t i = 0; i < count; i++)
        places[i] = (struct twice_place){(const void *)((const char *)first + i * stride), i};
    twice_find(places, count, keep_first, &repeated);
    free(places);
    if (repeated.member == NULL)
        return true;
    (void)snprintf(field, sizeof(field), "%s[%zu].%s", list, repeated.place, repeated.member);
    refuse(request, MHD_HTTP_BAD_REQUEST, "argument", field, "%s is that of %s[%zu] too", field,
           list, repeated.first);
    return false;
}
