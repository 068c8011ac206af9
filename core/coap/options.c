/* options.c: what a message's options say: paths, queries, numbers, and which of them are unknown.
 */
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

bool kedge_coap_option_uint(const struct kedge_coap_message *message, uint16_t number,
                            uint32_t *value)
{
    struct kedge_slice bytes;
    if (!kedge_coap_option_find(message, number, &bytes) || bytes.size > 4)
        return false;
    uint32_t read = 0;
    for (size_t i = 0; i < bytes.size; i++)
        read = read << 8 | bytes.data[i];
    *value = read;
    return true;
}

/* RFC 7252 section 5.4.1: odd numbers are critical. */
uint16_t kedge_coap_unknown_critical(const struct kedge_coap_message *message)
{
    static const uint16_t known[] = {
        KEDGE_COAP_IF_MATCH, KEDGE_COAP_URI_HOST, KEDGE_COAP_IF_NONE_MATCH,
        KEDGE_COAP_URI_PORT, KEDGE_COAP_URI_PATH, KEDGE_COAP_URI_QUERY,
        KEDGE_COAP_ACCEPT,   KEDGE_COAP_BLOCK2,   KEDGE_COAP_BLOCK1};
    struct kedge_coap_options walk = kedge_coap_options(message);
    struct kedge_coap_option option;
    while (kedge_coap_option_next(&walk, &option)) {
        bool is_known = option.number % 2 == 0;
        for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
            is_known = is_known || known[i] == option.number;
        if (!is_known)
            return option.number;
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
    struct kedge_slice segment;
    size_t count = 0;
    while (kedge_coap_path_segment(message, count, &segment))
        count++;
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
