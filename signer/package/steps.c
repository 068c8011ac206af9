/* steps.c: see steps.h. */
#include "signer/package/steps.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* What has been set so far; a condition is explained by the parameter that it looks at. */
struct telling {
    const struct kedge_suit_text *names;
    const struct kedge_step_sink *sink;
    struct kedge_described_step step;
    char vendor[KEDGE_STEP_VALUE_SIZE];
    char class_id[KEDGE_STEP_VALUE_SIZE];
    char digest[KEDGE_STEP_VALUE_SIZE];
    char size[KEDGE_STEP_VALUE_SIZE];
    char uri[KEDGE_STEP_VALUE_SIZE];
    char frames[KEDGE_STEP_VALUE_SIZE];
    char version[KEDGE_STEP_VALUE_SIZE];
    char hardware[KEDGE_STEP_VALUE_SIZE];
};

void kedge_uuid_text(const uint8_t uuid[16], char text[37])
{
    char digits[33];
    kedge_hex_encode(kedge_slice(uuid, 16), digits);
    snprintf(text, 37, "%.8s-%.4s-%.4s-%.4s-%.12s", digits, digits + 8, digits + 12, digits + 16,
             digits + 20);
}

/* Before anything is set, and after a command that may have set anything or changed the component.
 */
static void forget(struct telling *telling)
{
    char *values[] = {telling->vendor, telling->class_id, telling->digest,  telling->size,
                      telling->uri,    telling->frames,   telling->version, telling->hardware};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        snprintf(values[i], KEDGE_STEP_VALUE_SIZE, "(not known)");
}

/* ---- values of parameters. Each writes what it can read; the rest is shown as bytes. ---- */

static enum kedge_rc tell_uuid(struct kedge_slice encoded, struct kedge_slice name, char *out)
{
    struct kedge_cursor cursor = kedge_cursor(encoded);
    struct kedge_slice bytes;
    char uuid[37];
    KEDGE_TRY(kedge_cbor_bstr(&cursor, &bytes));
    if (bytes.size != 16)
        return KEDGE_E_MALFORMED;
    kedge_uuid_text(bytes.data, uuid);
    if (name.size == 0) {
        snprintf(out, KEDGE_STEP_VALUE_SIZE, "%s", uuid);
        return KEDGE_OK;
    }
    char printable[KEDGE_STEP_VALUE_SIZE - 48];
    kedge_printable(name, printable, sizeof printable);
    snprintf(out, KEDGE_STEP_VALUE_SIZE, "%s (%s)", uuid, printable);
    return KEDGE_OK;
}

static enum kedge_rc tell_vendor(struct telling *telling, struct kedge_slice encoded, char *out)
{
    KEDGE_TRY(tell_uuid(encoded, telling->names->vendor_domain, out));
    memcpy(telling->vendor, out, KEDGE_STEP_VALUE_SIZE);
    return KEDGE_OK;
}

static enum kedge_rc tell_class(struct telling *telling, struct kedge_slice encoded, char *out)
{
    KEDGE_TRY(tell_uuid(encoded, telling->names->class_name, out));
    memcpy(telling->class_id, out, KEDGE_STEP_VALUE_SIZE);
    return KEDGE_OK;
}

static enum kedge_rc take_digest(struct kedge_cursor *cursor, char *out)
{
    struct kedge_slice bytes;
    KEDGE_TRY(kedge_cbor_bstr(cursor, &bytes));
    if (bytes.size != KEDGE_SHA256_SIZE)
        return KEDGE_E_MALFORMED;
    kedge_hex_encode(bytes, out);
    return KEDGE_OK;
}

static enum kedge_rc tell_digest(struct telling *telling, struct kedge_slice encoded, char *out)
{
    struct kedge_cursor outer = kedge_cursor(encoded);
    struct kedge_slice bytes;
    int64_t algorithm;
    size_t count;
    KEDGE_TRY(kedge_cbor_bstr(&outer, &bytes));
    struct kedge_cursor cursor = kedge_cursor(bytes);
    KEDGE_TRY(kedge_cbor_array(&cursor, &count));
    KEDGE_TRY(kedge_cbor_int(&cursor, &algorithm));
    if (count != 2 || algorithm != -16)
        return KEDGE_E_UNSUPPORTED;
    int head = snprintf(out, KEDGE_STEP_VALUE_SIZE, "SHA-256 ");
    KEDGE_TRY(take_digest(&cursor, out + head));
    memcpy(telling->digest, out, KEDGE_STEP_VALUE_SIZE);
    return KEDGE_OK;
}

static enum kedge_rc tell_size(struct telling *telling, struct kedge_slice encoded, char *out)
{
    struct kedge_cursor cursor = kedge_cursor(encoded);
    uint64_t size;
    KEDGE_TRY(kedge_cbor_uint(&cursor, &size));
    snprintf(out, KEDGE_STEP_VALUE_SIZE, "%" PRIu64 " %s", size,
             kedge_by_count(size, "byte", "bytes"));
    memcpy(telling->size, out, KEDGE_STEP_VALUE_SIZE);
    return KEDGE_OK;
}

static enum kedge_rc tell_uri(struct telling *telling, struct kedge_slice encoded, char *out)
{
    struct kedge_cursor cursor = kedge_cursor(encoded);
    struct kedge_slice uri;
    KEDGE_TRY(kedge_cbor_tstr(&cursor, &uri));
    kedge_printable(uri, out, KEDGE_STEP_VALUE_SIZE);
    memcpy(telling->uri, out, KEDGE_STEP_VALUE_SIZE);
    return KEDGE_OK;
}

static enum kedge_rc tell_frames(struct telling *telling, struct kedge_slice encoded, char *out)
{
    struct kedge_cursor outer = kedge_cursor(encoded);
    struct kedge_slice bytes;
    uint64_t encoding, size;
    size_t count;
    char digest[2 * KEDGE_SHA256_SIZE + 1];
    KEDGE_TRY(kedge_cbor_bstr(&outer, &bytes));
    struct kedge_cursor cursor = kedge_cursor(bytes);
    KEDGE_TRY(kedge_cbor_array(&cursor, &count));
    if (count != 3)
        return KEDGE_E_MALFORMED;
    KEDGE_TRY(kedge_cbor_uint(&cursor, &encoding));
    KEDGE_TRY(kedge_cbor_uint(&cursor, &size));
    KEDGE_TRY(take_digest(&cursor, digest));
    snprintf(telling->frames, sizeof telling->frames, "%" PRIu64 " bytes, %s", size,
             encoding == KEDGE_FRAME_ZLIB ? "zlib" : "stored");
    snprintf(out, KEDGE_STEP_VALUE_SIZE, "%.100s; the first frame has SHA-256 %s", telling->frames,
             digest);
    return KEDGE_OK;
}

static enum kedge_rc tell_delivery(struct telling *telling, struct kedge_slice encoded, char *out)
{
    struct kedge_cursor cursor = kedge_cursor(encoded);
    uint64_t delivery;
    (void)telling;
    KEDGE_TRY(kedge_cbor_uint(&cursor, &delivery));
    if (delivery > KEDGE_DELIVER_PAYLOAD)
        return KEDGE_E_UNSUPPORTED;
    snprintf(out, KEDGE_STEP_VALUE_SIZE, "%s",
             delivery == KEDGE_DELIVER_ENVELOPE ? "envelope" : "payload (the bare image)");
    return KEDGE_OK;
}

static enum kedge_rc tell_attachments(struct telling *telling, struct kedge_slice encoded,
                                      char *out)
{
    struct kedge_cursor outer = kedge_cursor(encoded);
    struct kedge_slice bytes;
    struct kedge_cbor_map map;
    size_t used = 0;
    (void)telling;
    KEDGE_TRY(kedge_cbor_bstr(&outer, &bytes));
    struct kedge_cursor cursor = kedge_cursor(bytes);
    KEDGE_TRY(kedge_cbor_map(&cursor, &map));
    out[0] = '\0';
    while (map.left > 0 && used < KEDGE_STEP_VALUE_SIZE - 48u) {
        struct kedge_cbor_item key;
        char name[32];
        KEDGE_TRY(kedge_cbor_map_key(&cursor, &map, &key));
        KEDGE_TRY(kedge_cbor_skip(&cursor, NULL));
        kedge_printable(key.bytes, name, sizeof name);
        used += (size_t)snprintf(out + used, KEDGE_STEP_VALUE_SIZE - used, "%s%s",
                                 used > 0 ? ", " : "", name);
    }
    return KEDGE_OK;
}

/* "1.2.0 or later": what the firmware being replaced has to be. */
static enum kedge_rc tell_version(struct telling *telling, struct kedge_slice encoded, char *out)
{
    static const char *const comparisons[] = {NULL,         "later than %s", "%s or later",
                                              "exactly %s", "%s or earlier", "earlier than %s"};
    struct kedge_cursor outer = kedge_cursor(encoded);
    struct kedge_slice bytes;
    struct kedge_suit_version version = {0};
    char text[KEDGE_SUIT_VERSION_TEXT_MAX];
    uint64_t comparison;
    size_t count;
    KEDGE_TRY(kedge_cbor_bstr(&outer, &bytes));
    struct kedge_cursor cursor = kedge_cursor(bytes);
    KEDGE_TRY(kedge_cbor_array(&cursor, &count));
    KEDGE_TRY(kedge_cbor_uint(&cursor, &comparison));
    KEDGE_TRY(kedge_cbor_array(&cursor, &count));
    if (comparison == 0 || comparison >= sizeof comparisons / sizeof comparisons[0] ||
        count > KEDGE_SUIT_VERSION_PARTS_MAX)
        return KEDGE_E_UNSUPPORTED;
    for (; version.count < count; version.count++)
        KEDGE_TRY(kedge_cbor_int(&cursor, &version.parts[version.count]));
    KEDGE_TRY(kedge_suit_version_text(&version, text));
    const char *words = comparisons[comparison];
    const char *place = strstr(words, "%s");
    snprintf(out, KEDGE_STEP_VALUE_SIZE, "%.*s%s%s", (int)(place - words), words, text, place + 2);
    memcpy(telling->version, out, KEDGE_STEP_VALUE_SIZE);
    return KEDGE_OK;
}

static enum kedge_rc tell_hardware(struct telling *telling, struct kedge_slice encoded, char *out)
{
    struct kedge_cursor outer = kedge_cursor(encoded);
    struct kedge_slice bytes;
    size_t count, used = 0;
    KEDGE_TRY(kedge_cbor_bstr(&outer, &bytes));
    struct kedge_cursor cursor = kedge_cursor(bytes);
    KEDGE_TRY(kedge_cbor_array(&cursor, &count));
    out[0] = '\0';
    for (size_t i = 0; i < count && used < KEDGE_STEP_VALUE_SIZE - 72u; i++) {
        struct kedge_slice revision;
        char printable[KEDGE_SUIT_HARDWARE_TEXT_MAX + 1];
        KEDGE_TRY(kedge_cbor_tstr(&cursor, &revision));
        kedge_printable(revision, printable, sizeof printable);
        used += (size_t)snprintf(out + used, KEDGE_STEP_VALUE_SIZE - used, "%s%s",
                                 i > 0 ? " or " : "", printable);
    }
    if (kedge_cursor_left(&cursor) > 0)
        snprintf(out + used, KEDGE_STEP_VALUE_SIZE - used, " or ...");
    memcpy(telling->hardware, out, KEDGE_STEP_VALUE_SIZE);
    return KEDGE_OK;
}

static const struct {
    int64_t parameter;
    enum kedge_rc (*tell)(struct telling *telling, struct kedge_slice encoded, char *out);
} parameter_values[] = {
    {KEDGE_SUIT_PARAMETER_VENDOR, tell_vendor},
    {KEDGE_SUIT_PARAMETER_CLASS, tell_class},
    {KEDGE_SUIT_PARAMETER_IMAGE_DIGEST, tell_digest},
    {KEDGE_SUIT_PARAMETER_IMAGE_SIZE, tell_size},
    {KEDGE_SUIT_PARAMETER_URI, tell_uri},
    {KEDGE_SUIT_PARAMETER_FRAMES, tell_frames},
    {KEDGE_SUIT_PARAMETER_DELIVERY, tell_delivery},
    {KEDGE_SUIT_PARAMETER_ATTACHMENTS, tell_attachments},
    {KEDGE_SUIT_PARAMETER_VERSION, tell_version},
    {KEDGE_SUIT_PARAMETER_HARDWARE, tell_hardware},
};

static void tell_value(struct telling *telling, int64_t parameter, struct kedge_slice encoded,
                       char *out)
{
    for (size_t i = 0; i < sizeof parameter_values / sizeof parameter_values[0]; i++)
        if (parameter_values[i].parameter == parameter &&
            parameter_values[i].tell(telling, encoded, out) == KEDGE_OK)
            return;
    char digits[2 * 32 + 1];
    size_t shown = encoded.size < 32 ? encoded.size : 32;
    kedge_hex_encode(kedge_slice(encoded.data, shown), digits);
    snprintf(out, KEDGE_STEP_VALUE_SIZE, "h'%s%s'", digits, shown < encoded.size ? "..." : "");
}

/* ---- commands ---- */

static enum kedge_rc tell_parameters(struct telling *telling, struct kedge_slice argument)
{
    struct kedge_described_step *step = &telling->step;
    struct kedge_cursor cursor = kedge_cursor(argument);
    struct kedge_cbor_map map;
    KEDGE_TRY(kedge_cbor_map(&cursor, &map));
    while (map.left > 0) {
        struct kedge_cbor_item key;
        struct kedge_slice encoded;
        KEDGE_TRY(kedge_cbor_map_key(&cursor, &map, &key));
        KEDGE_TRY(kedge_cbor_skip(&cursor, &encoded));
        if (key.value > INT32_MAX || step->parameter_count == KEDGE_STEP_PARAMETERS_MAX)
            return KEDGE_E_LIMIT;
        int64_t id = key.type == KEDGE_CBOR_NINT ? -1 - (int64_t)key.value : (int64_t)key.value;
        const char *name = kedge_suit_parameter_name(id);
        size_t index = step->parameter_count++;
        if (name != NULL)
            snprintf(step->parameters[index].name, sizeof step->parameters[index].name, "%s", name);
        else
            snprintf(step->parameters[index].name, sizeof step->parameters[index].name,
                     "parameter %" PRId64, id);
        tell_value(telling, id, encoded, step->parameters[index].value);
    }
    snprintf(step->text, sizeof step->text, "sets what the steps below work with");
    return KEDGE_OK;
}

static enum kedge_rc tell_command(struct telling *telling, struct kedge_slice argument)
{
    char *text = telling->step.text;
    size_t size = sizeof telling->step.text;
    switch (telling->step.command) {
    case KEDGE_SUIT_DIRECTIVE_OVERRIDE_PARAMETERS:
        return tell_parameters(telling, argument);
    case KEDGE_SUIT_CONDITION_VENDOR:
        snprintf(text, size, "refuses it (Update Result %d) unless its vendor is %s",
                 kedge_rc_update_result(KEDGE_E_VENDOR), telling->vendor);
        return KEDGE_OK;
    case KEDGE_SUIT_CONDITION_CLASS:
        snprintf(text, size, "refuses it (Update Result %d) unless its class is %s",
                 kedge_rc_update_result(KEDGE_E_CLASS), telling->class_id);
        return KEDGE_OK;
    case KEDGE_SUIT_CONDITION_IMAGE_MATCH:
        snprintf(text, size, "refuses it (Update Result %d) unless the slot holds %s with %.100s",
                 kedge_rc_update_result(KEDGE_E_DIGEST), telling->size, telling->digest);
        return KEDGE_OK;
    case KEDGE_SUIT_CONDITION_VERSION:
        snprintf(text, size, "refuses it (Update Result %d) unless it runs version %s",
                 kedge_rc_update_result(KEDGE_E_VERSION), telling->version);
        return KEDGE_OK;
    case KEDGE_SUIT_CONDITION_HARDWARE:
        snprintf(text, size, "refuses it (Update Result %d) unless its hardware revision is %s",
                 kedge_rc_update_result(KEDGE_E_HARDWARE), telling->hardware);
        return KEDGE_OK;
    case KEDGE_SUIT_DIRECTIVE_INSTALL_FRAMES:
        snprintf(text, size,
                 "receives %.60s (%.100s): checks each frame, then expands it into the spare slot; "
                 "a damaged frame ends it (Update Result %d)",
                 telling->uri, telling->frames, kedge_rc_update_result(KEDGE_E_FRAME));
        return KEDGE_OK;
    case KEDGE_SUIT_CONDITION_COMPONENT_SLOT:
        snprintf(text, size, "goes on only in the slot that component-slot names");
        return KEDGE_OK;
    case KEDGE_SUIT_CONDITION_ABORT:
        snprintf(text, size, "fails");
        return KEDGE_OK;
    case KEDGE_SUIT_DIRECTIVE_TRY_EACH:
        forget(telling);
        snprintf(text, size, "runs the first of its sequences whose conditions hold");
        return KEDGE_OK;
    case KEDGE_SUIT_DIRECTIVE_RUN_SEQUENCE:
        forget(telling);
        snprintf(text, size, "runs its sequence");
        return KEDGE_OK;
    case KEDGE_SUIT_DIRECTIVE_SET_COMPONENT_INDEX:
        forget(telling);
        snprintf(text, size, "chooses what the steps below are about");
        return KEDGE_OK;
    default:
        forget(telling);
        snprintf(text, size, "a Kedge device refuses this command (Update Result %d)",
                 kedge_rc_update_result(KEDGE_E_COMMAND));
        return KEDGE_OK;
    }
}

static enum kedge_rc tell_sequence(struct telling *telling, const char *name,
                                   struct kedge_slice sequence)
{
    struct kedge_suit_steps steps;
    struct kedge_suit_step step;
    enum kedge_rc rc;
    if (sequence.size == 0)
        return KEDGE_OK;
    KEDGE_TRY(kedge_suit_steps_begin(sequence, &steps));
    while ((rc = kedge_suit_steps_next(&steps, &step)) == KEDGE_OK) {
        const char *command_name = kedge_suit_command_name(step.command);
        memset(&telling->step, 0, sizeof telling->step);
        telling->step.sequence = name;
        telling->step.command = step.command;
        if (command_name != NULL)
            snprintf(telling->step.name, sizeof telling->step.name, "%s", command_name);
        else
            snprintf(telling->step.name, sizeof telling->step.name, "command %" PRId64,
                     step.command);
        KEDGE_TRY(tell_command(telling, step.argument));
        telling->sink->take(telling->sink->context, &telling->step);
    }
    return rc == KEDGE_E_NOT_FOUND ? KEDGE_OK : rc;
}

enum kedge_rc kedge_steps_describe(const struct kedge_suit_envelope *envelope,
                                   const struct kedge_suit_text *names,
                                   const struct kedge_step_sink *sink)
{
    struct telling telling = {.names = names, .sink = sink};
    struct kedge_suit_parts parts;
    forget(&telling);
    KEDGE_TRY(kedge_suit_parts_read(envelope, &parts));
    /* The order of draft-ietf-suit-manifest-37, section 6.3: first for the update, then to boot. */
    KEDGE_TRY(tell_sequence(&telling, "shared", parts.shared_sequence));
    KEDGE_TRY(tell_sequence(&telling, "payload-fetch", parts.payload_fetch));
    KEDGE_TRY(tell_sequence(&telling, "install", parts.install));
    KEDGE_TRY(tell_sequence(&telling, "validate", parts.validate));
    KEDGE_TRY(tell_sequence(&telling, "load", parts.load));
    return tell_sequence(&telling, "invoke", parts.invoke);
}
