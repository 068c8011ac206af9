/* options.c: what a message's options say: paths, queries, numbers, and which are unknown. */
#include <kedge/coap.h>
#include <string.h>

bool kedge_coap_option_find(const struct kedge_coap_message *message, uint16_t number,
                            struct kedge_slice *value)
{
    struct kedge_coap_options walk = kedge_coap_options(message);
    struct kedge_coap_option option;
    while (kedge_coap_option_next(&walk, &option) && option.number <= number) {
        if (option.number == number) {
            *value = option.value;
            return true;
        }
    }
    return false;
}

bool kedge_coap_uint(struct kedge_slice bytes, uint32_t *value)
{
    if (bytes.size > 4)
        return false;
    uint32_t read = 0;
    for (size_t i = 0; i < bytes.size; i++)
        read = read << 8 | bytes.data[i];
    *value = read;
    return true;
}

bool kedge_coap_option_uint(const struct kedge_coap_message *message, uint16_t number,
                            uint32_t *value)
{
    struct kedge_slice bytes;
    return kedge_coap_option_find(message, number, &bytes) && kedge_coap_uint(bytes, value);
}

/* The critical options that this codec knows (RFC 7252 section 5.10, RFC 7959 section 2.1). */
static const struct known {
    uint16_t number;
    uint16_t size_min, size_max;
    bool repeatable;
} known_critical[] = {
    {KEDGE_COAP_IF_MATCH, 0, 8, true},       {KEDGE_COAP_URI_HOST, 1, 255, false},
    {KEDGE_COAP_IF_NONE_MATCH, 0, 0, false}, {KEDGE_COAP_URI_PORT, 0, 2, false},
    {KEDGE_COAP_URI_PATH, 0, 255, true},     {KEDGE_COAP_URI_QUERY, 0, 255, true},
    {KEDGE_COAP_ACCEPT, 0, 2, false},        {KEDGE_COAP_BLOCK2, 0, 3, false},
    {KEDGE_COAP_BLOCK1, 0, 3, false},
};

static bool is_known(const struct kedge_coap_option *option, uint16_t last_number)
{
    for (size_t i = 0; i < sizeof known_critical / sizeof known_critical[0]; i++) {
        const struct known *known = &known_critical[i];
        if (known->number == option->number)
            return option->value.size >= known->size_min && option->value.size <= known->size_max &&
                   (known->repeatable || last_number != option->number);
    }
    return false;
}

/* RFC 7252 section 5.4.1: odd numbers are critical. */
uint16_t kedge_coap_unknown_critical(const struct kedge_coap_message *message)
{
    struct kedge_coap_options walk = kedge_coap_options(message);
    struct kedge_coap_option option;
    uint16_t last_number = 0;
    while (kedge_coap_option_next(&walk, &option)) {
        if (option.number % 2 != 0 && !is_known(&option, last_number))
            return option.number;
        last_number = option.number;
    }
    return 0;
}

bool kedge_coap_path_segment(const struct kedge_coap_message *message, size_t index,
                             struct kedge_slice *segment)
{
    struct kedge_coap_options walk = kedge_coap_options(message);
    struct kedge_coap_option option;
    while (kedge_coap_option_next(&walk, &option)) {
        if (option.number != KEDGE_COAP_URI_PATH)
            continue;
        if (index-- == 0) {
            *segment = option.value;
            return true;
        }
    }
    return false;
}

size_t kedge_coap_path_count(const struct kedge_coap_message *message)
{
    struct kedge_coap_options walk = kedge_coap_options(message);
    struct kedge_coap_option option;
    size_t count = 0;
    while (kedge_coap_option_next(&walk, &option) && option.number <= KEDGE_COAP_URI_PATH)
        count += option.number == KEDGE_COAP_URI_PATH;
    return count;
}

bool kedge_coap_path_is(const struct kedge_coap_message *message, const char *path)
{
    size_t index = 0;
    while (*path != '\0') {
        const char *end = strchr(path, '/');
        size_t size = end != NULL ? (size_t)(end - path) : strlen(path);
        struct kedge_slice segment;
        if (!kedge_coap_path_segment(message, index++, &segment) ||
            !kedge_slice_equal(segment, kedge_slice(path, size)))
            return false;
        path += end != NULL ? size + 1 : size;
    }
    return kedge_coap_path_count(message) == index;
}

bool kedge_coap_query(const struct kedge_coap_message *message, const char *name,
                      struct kedge_slice *value)
{
    size_t name_size = strlen(name);
    struct kedge_coap_options walk = kedge_coap_options(message);
    struct kedge_coap_option option;
    while (kedge_coap_option_next(&walk, &option)) {
        struct kedge_slice query = option.value;
        if (option.number != KEDGE_COAP_URI_QUERY || query.size < name_size ||
            memcmp(query.data, name, name_size) != 0)
            continue;
        if (query.size == name_size) {
            *value = kedge_slice(query.data + name_size, 0);
            return true;
        }
        if (query.data[name_size] == '=') {
            *value = kedge_slice(query.data + name_size + 1, query.size - name_size - 1);
            return true;
        }
    }
    return false;
}
