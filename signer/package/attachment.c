/* attachment.c: see attachment.h. */
#include "signer/package/attachment.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "signer/package/steps.h"

#define IN_TOTO_TYPE "https://in-toto.io/Statement/"
#define IN_TOTO_PAYLOAD_TYPE "application/vnd.in-toto+json"
#define SPDX_3_CONTEXT "https://spdx.org/rdf/3."

static const char *const words[] = {
#define ATTACHMENT_WORD(name, word, key) word,
    KEDGE_ATTACHMENT_KIND_LIST(ATTACHMENT_WORD)
#undef ATTACHMENT_WORD
};

static const char *const keys[] = {
#define ATTACHMENT_KEY(name, word, key) key,
    KEDGE_ATTACHMENT_KIND_LIST(ATTACHMENT_KEY)
#undef ATTACHMENT_KEY
};

const char *kedge_attachment_word(enum kedge_attachment_kind kind)
{
    return words[kind];
}

const char *kedge_attachment_key(enum kedge_attachment_kind kind)
{
    return keys[kind];
}

/* The member as text; "" when it is absent or something else. */
static const char *text_of(const json_t *object, const char *member)
{
    const char *text = json_string_value(json_object_get(object, member));
    return text != NULL ? text : "";
}

static bool begins_with(const char *text, const char *beginning)
{
    return strncmp(text, beginning, strlen(beginning)) == 0;
}

/* What the file says of itself goes to terminals: no control characters, not too much of it. */
static enum kedge_rc name_format(char *format, const char *prefix, const char *detail)
{
    char printable[KEDGE_ATTACHMENT_FORMAT_MAX - 16];
    kedge_printable(kedge_slice_text(detail), printable, sizeof printable);
    snprintf(format, KEDGE_ATTACHMENT_FORMAT_MAX, "%s%s", prefix, printable);
    return KEDGE_OK;
}

static enum kedge_rc not_one(char *format, const char *expected)
{
    snprintf(format, KEDGE_ATTACHMENT_FORMAT_MAX, "%s", expected);
    return KEDGE_E_UNSUPPORTED;
}

static json_t *parse(struct kedge_slice bytes)
{
    return json_loadb((const char *)bytes.data, bytes.size, JSON_REJECT_DUPLICATES, NULL);
}

static enum kedge_rc recognise_sbom(const json_t *root, char *format)
{
    const char *spdx = text_of(root, "spdxVersion");
    const char *context = text_of(root, "@context");
    if (strcmp(text_of(root, "bomFormat"), "CycloneDX") == 0 &&
        text_of(root, "specVersion")[0] != '\0')
        return name_format(format, "CycloneDX ", text_of(root, "specVersion"));
    if (begins_with(spdx, "SPDX-2.") && strcmp(text_of(root, "SPDXID"), "SPDXRef-DOCUMENT") == 0)
        return name_format(format, "", spdx);
    if (begins_with(context, SPDX_3_CONTEXT) && json_is_array(json_object_get(root, "@graph")))
        return name_format(format, "SPDX ", context + strlen(SPDX_3_CONTEXT) - 2);
    return not_one(format, "an SBOM is CycloneDX or SPDX, in JSON");
}

static enum kedge_rc recognise_statement(const json_t *root, char *format)
{
    const char *predicate = text_of(root, "predicateType");
    if (begins_with(text_of(root, "_type"), IN_TOTO_TYPE) && predicate[0] != '\0' &&
        json_array_size(json_object_get(root, "subject")) > 0)
        return name_format(format, "in-toto ", predicate);
    return not_one(format, "a provenance statement is an in-toto Statement, in JSON");
}

/* DSSE: the statement is the base64 payload. */
static enum kedge_rc recognise_envelope(const json_t *root, char *format)
{
    struct kedge_slice encoded = kedge_slice_text(text_of(root, "payload"));
    enum kedge_rc rc = not_one(format, "the payload of the DSSE envelope is no in-toto Statement");
    uint8_t *bytes = malloc(encoded.size + 1);
    if (bytes == NULL)
        return KEDGE_E_MEMORY;
    struct kedge_writer out = kedge_writer(bytes, encoded.size + 1);
    if (kedge_base64_decode(encoded, &out) == KEDGE_OK) {
        json_t *statement = parse(kedge_writer_slice(&out));
        rc = recognise_statement(statement, format);
        json_decref(statement);
    }
    free(bytes);
    return rc;
}

static enum kedge_rc recognise_provenance(const json_t *root, char *format)
{
    if (strcmp(text_of(root, "payloadType"), IN_TOTO_PAYLOAD_TYPE) == 0)
        return recognise_envelope(root, format);
    return recognise_statement(root, format);
}

static enum kedge_rc recognise_notes(struct kedge_slice bytes, char *format)
{
    if (bytes.size == 0 || !kedge_utf8_valid(bytes))
        return not_one(format, "release notes are text in UTF-8, and not empty");
    return name_format(format, "text", "");
}

enum kedge_rc kedge_attachment_recognise(enum kedge_attachment_kind kind, struct kedge_slice bytes,
                                         char format[KEDGE_ATTACHMENT_FORMAT_MAX])
{
    if (kind == KEDGE_ATTACHMENT_NOTES)
        return recognise_notes(bytes, format);
    json_t *root = parse(bytes);
    enum kedge_rc rc = kind == KEDGE_ATTACHMENT_SBOM ? recognise_sbom(root, format)
                                                     : recognise_provenance(root, format);
    json_decref(root);
    return rc;
}
