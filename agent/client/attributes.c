/* attributes.c: see attributes.h. */
#include "agent/client/attributes.h"

#include <kedge/coap.h>
#include <kedge/lwm2m_records.h>

#define NUMBERS (1u << KEDGE_ATTRIBUTE_GT | 1u << KEDGE_ATTRIBUTE_LT | 1u << KEDGE_ATTRIBUTE_ST)

static const char *const names[KEDGE_ATTRIBUTE_COUNT] = {"pmin", "pmax", "epmin", "epmax",
                                                         "gt",   "lt",   "st"};

static bool is_set(const struct kedge_attribute_values *values, enum kedge_attribute attribute)
{
    return (values->set >> attribute & 1u) != 0;
}

/* ---- Write-Attributes ---- */

static enum kedge_rc read_value(struct kedge_slice text, enum kedge_attribute attribute,
                                double *value)
{
    bool is_number = (NUMBERS >> attribute & 1u) != 0;
    struct kedge_lwm2m_value read;
    KEDGE_TRY(kedge_lwm2m_text_read(text, is_number ? KEDGE_LWM2M_FLOAT : KEDGE_LWM2M_UNSIGNED,
                                    NULL, &read));
    if (!is_number && read.unsigned_integer > KEDGE_ATTRIBUTE_S_MAX)
        return KEDGE_E_LIMIT;
    *value = is_number ? read.number : (double)read.unsigned_integer;
    /* A step of nothing, or backwards, is none. */
    return attribute == KEDGE_ATTRIBUTE_ST && *value <= 0 ? KEDGE_E_MALFORMED : KEDGE_OK;
}

static enum kedge_rc find_name(struct kedge_slice name, enum kedge_attribute *attribute)
{
    for (unsigned i = 0; i < KEDGE_ATTRIBUTE_COUNT; i++)
        if (kedge_slice_equal(name, kedge_slice_text(names[i]))) {
            *attribute = (enum kedge_attribute)i;
            return KEDGE_OK;
        }
    return KEDGE_E_UNSUPPORTED;
}

enum kedge_rc kedge_attributes_parse(struct kedge_attribute_change *change,
                                     struct kedge_slice query)
{
    size_t name_size = 0;
    while (name_size < query.size && query.data[name_size] != '=')
        name_size++;
    enum kedge_attribute attribute;
    KEDGE_TRY(find_name(kedge_slice(query.data, name_size), &attribute));
    uint8_t bit = (uint8_t)(1u << attribute);
    if (((change->to.set | change->unset) & bit) != 0)
        return KEDGE_E_MALFORMED;
    if (name_size == query.size) {
        change->unset |= bit;
        return KEDGE_OK;
    }
    struct kedge_slice text = kedge_slice(query.data + name_size + 1, query.size - name_size - 1);
    KEDGE_TRY(read_value(text, attribute, &change->to.values[attribute]));
    change->to.set |= bit;
    return KEDGE_OK;
}

/* OMA LwM2M Core 1.1, section 7.3.2: lt < gt, with room for a step on either side. */
static bool agree(const struct kedge_attribute_values *values)
{
    if (!is_set(values, KEDGE_ATTRIBUTE_LT) || !is_set(values, KEDGE_ATTRIBUTE_GT))
        return true;
    double step = is_set(values, KEDGE_ATTRIBUTE_ST) ? values->values[KEDGE_ATTRIBUTE_ST] : 0;
    return values->values[KEDGE_ATTRIBUTE_LT] + 2 * step < values->values[KEDGE_ATTRIBUTE_GT];
}

/* The place of `path`, or a free one. */
static size_t find_place(const struct kedge_attributes *attributes,
                         const struct kedge_lwm2m_path *path)
{
    size_t unused = KEDGE_ATTRIBUTES_PATHS_MAX;
    for (size_t i = 0; i < KEDGE_ATTRIBUTES_PATHS_MAX; i++) {
        if (attributes->entries[i].values.set == 0)
            unused = unused == KEDGE_ATTRIBUTES_PATHS_MAX ? i : unused;
        else if (kedge_lwm2m_path_compare(&attributes->entries[i].path, path) == 0)
            return i;
    }
    return unused;
}

uint8_t kedge_attributes_write(struct kedge_attributes *attributes,
                               const struct kedge_lwm2m_path *path, bool is_number,
                               const struct kedge_attribute_change *change)
{
    struct kedge_attribute_values values = change->to;
    struct kedge_attribute_values before = kedge_attributes_own(attributes, path);
    before.set &= (uint8_t)~change->unset;
    kedge_attributes_inherit(&values, &before);
    if (((values.set & NUMBERS) != 0 && !is_number) || !agree(&values))
        return KEDGE_COAP_BAD_REQUEST;
    size_t place = find_place(attributes, path);
    if (place == KEDGE_ATTRIBUTES_PATHS_MAX)
        return values.set == 0 ? KEDGE_COAP_CHANGED : KEDGE_COAP_INTERNAL_ERROR;
    attributes->entries[place].path = *path;
    attributes->entries[place].values = values;
    return KEDGE_COAP_CHANGED;
}

/* ---- what holds where ---- */

struct kedge_attribute_values kedge_attributes_own(const struct kedge_attributes *attributes,
                                                   const struct kedge_lwm2m_path *path)
{
    size_t place = find_place(attributes, path);
    if (place == KEDGE_ATTRIBUTES_PATHS_MAX || attributes->entries[place].values.set == 0)
        return (struct kedge_attribute_values){.set = 0};
    return attributes->entries[place].values;
}

void kedge_attributes_inherit(struct kedge_attribute_values *values,
                              const struct kedge_attribute_values *more)
{
    for (unsigned i = 0; i < KEDGE_ATTRIBUTE_COUNT; i++)
        if (!is_set(values, (enum kedge_attribute)i))
            values->values[i] = more->values[i];
    values->set |= more->set;
}

void kedge_attributes_combine(struct kedge_attribute_values *values,
                              const struct kedge_attribute_values *more)
{
    struct kedge_attribute_values both = *values;
    kedge_attributes_inherit(&both, more);
    both.set &= (uint8_t)~NUMBERS;
    for (unsigned i = 0; i <= KEDGE_ATTRIBUTE_EPMAX; i++) {
        enum kedge_attribute attribute = (enum kedge_attribute)i;
        bool shorter = attribute == KEDGE_ATTRIBUTE_PMAX || attribute == KEDGE_ATTRIBUTE_EPMAX;
        if (is_set(more, attribute) && (more->values[i] < both.values[i]) == shorter)
            both.values[i] = more->values[i];
    }
    *values = both;
}

struct kedge_attribute_values kedge_attributes_for(const struct kedge_attributes *attributes,
                                                   const struct kedge_lwm2m_path *path)
{
    struct kedge_attribute_values values = {.set = 0};
    for (struct kedge_lwm2m_path at = *path; at.depth > 0; at.depth--) {
        struct kedge_attribute_values own = kedge_attributes_own(attributes, &at);
        kedge_attributes_inherit(&values, &own);
    }
    return values;
}

enum kedge_rc kedge_attributes_text(const struct kedge_attribute_values *values,
                                    struct kedge_writer *out)
{
    for (unsigned i = 0; i < KEDGE_ATTRIBUTE_COUNT; i++) {
        if (!is_set(values, (enum kedge_attribute)i))
            continue;
        const struct kedge_lwm2m_value value = {.type = KEDGE_LWM2M_FLOAT,
                                                .number = values->values[i]};
        KEDGE_TRY(kedge_writer_u8(out, ';'));
        KEDGE_TRY(kedge_writer_put(out, kedge_slice_text(names[i])));
        KEDGE_TRY(kedge_writer_u8(out, '='));
        KEDGE_TRY((NUMBERS >> i & 1u) != 0
                      ? kedge_lwm2m_text_write(&value, out)
                      : kedge_writer_decimal(out, (uint64_t)values->values[i]));
    }
    return KEDGE_OK;
}

/* ---- when to notify ---- */

static uint64_t period_ms(const struct kedge_attribute_values *values,
                          enum kedge_attribute attribute)
{
    return is_set(values, attribute) ? (uint64_t)values->values[attribute] * 1000 : 0;
}

/* Where conditions are set, a change counts that meets one of them. */
static bool matters(const struct kedge_attribute_values *values,
                    const struct kedge_attribute_look *look)
{
    if (!look->changed)
        return false;
    if ((values->set & NUMBERS) == 0 || !look->has_number)
        return true;
    double gt = values->values[KEDGE_ATTRIBUTE_GT], lt = values->values[KEDGE_ATTRIBUTE_LT];
    double moved =
        look->number > look->told ? look->number - look->told : look->told - look->number;
    return (is_set(values, KEDGE_ATTRIBUTE_GT) && (look->told > gt) != (look->number > gt)) ||
           (is_set(values, KEDGE_ATTRIBUTE_LT) && (look->told < lt) != (look->number < lt)) ||
           (is_set(values, KEDGE_ATTRIBUTE_ST) && moved >= values->values[KEDGE_ATTRIBUTE_ST]);
}

/* In how long the value is looked at again; 0: whenever something happens that may change it. */
static uint64_t look_again_ms(const struct kedge_attribute_values *values)
{
    uint64_t epmin_ms = period_ms(values, KEDGE_ATTRIBUTE_EPMIN);
    return epmin_ms > 0 ? epmin_ms : period_ms(values, KEDGE_ATTRIBUTE_EPMAX);
}

/* In how long the value may be looked at; 0: now. */
static uint64_t blind_ms(const struct kedge_attribute_values *values,
                         const struct kedge_attribute_look *look, uint64_t now_ms)
{
    uint64_t epmin_ms = period_ms(values, KEDGE_ATTRIBUTE_EPMIN);
    uint64_t passed_ms = now_ms - look->looked_at_ms;
    return passed_ms < epmin_ms ? epmin_ms - passed_ms : 0;
}

bool kedge_attributes_due(const struct kedge_attribute_values *values,
                          struct kedge_attribute_look *look, uint64_t now_ms, uint64_t *wait_ms)
{
    uint64_t passed_ms = now_ms - look->told_at_ms;
    uint64_t pmin_ms = period_ms(values, KEDGE_ATTRIBUTE_PMIN);
    uint64_t pmax_ms = period_ms(values, KEDGE_ATTRIBUTE_PMAX);
    bool has_latest = pmax_ms > 0 && pmax_ms >= pmin_ms;
    *wait_ms = has_latest && passed_ms < pmax_ms ? pmax_ms - passed_ms : UINT64_MAX;
    uint64_t own_ms = blind_ms(values, look, now_ms);
    bool wanted = false;
    if (own_ms == 0) {
        look->looked_at_ms = now_ms;
        own_ms = look_again_ms(values);
        wanted = matters(values, look);
    }
    if ((has_latest && passed_ms >= pmax_ms) || (wanted && passed_ms >= pmin_ms))
        return true;
    if (wanted)
        own_ms = pmin_ms - passed_ms;
    if (own_ms > 0 && own_ms < *wait_ms)
        *wait_ms = own_ms;
    return false;
}
