/* details.c: one record for people. */
#include <inttypes.h>
#include <kedge/base.h>
#include <stdio.h>
#include <string.h>

#include "updater/cli/json.h"
#include "updater/cli/table.h"

#define NAME_COLUMN 26
#define DETAIL_MAX 2048u

static bool ends_with(const char *name, const char *end)
{
    size_t name_size = strlen(name), end_size = strlen(end);
    return name_size >= end_size && strcmp(&name[name_size - end_size], end) == 0;
}

static void number_text(const char *name, uint64_t value, char *out, size_t out_size)
{
    char size[32];
    if (ends_with(name, "_ms")) {
        time_text(value, out, out_size);
    } else if (ends_with(name, "_size")) {
        size_text(value, size, sizeof(size));
        (void)snprintf(out, out_size, "%" PRIu64 " %s (%s)", value,
                       kedge_by_count(value, "byte", "bytes"), size);
    } else {
        (void)snprintf(out, out_size, "%" PRIu64 "%s", value, ends_with(name, "_s") ? " s" : "");
    }
}

static void value_text(const char *name, const json_t *value, char *out, size_t out_size)
{
    if (json_string_length(value) > 0)
        (void)snprintf(out, out_size, "%s", json_string_value(value));
    else if (json_is_integer(value))
        number_text(name, (uint64_t)json_integer_value(value), out, out_size);
    else if (json_is_boolean(value))
        (void)snprintf(out, out_size, "%s", json_is_true(value) ? "yes" : "no");
    else
        (void)snprintf(out, out_size, "-");
}

/* "uploaded_at_ms" is "uploaded at" for people, "lifetime_s" is "lifetime". */
static void label_of(const char *name, char *out, size_t out_size)
{
    kedge_printable(kedge_slice_text(name), out, out_size);
    if (ends_with(out, "_ms") || ends_with(out, "_s"))
        *strrchr(out, '_') = '\0';
    for (char *at = out; *at != '\0'; at++)
        if (*at == '_')
            *at = ' ';
}

static void print_line(int indent, const char *name, const json_t *value)
{
    char text[DETAIL_MAX], printable[DETAIL_MAX], label[128];
    value_text(name, value, text, sizeof(text));
    kedge_printable(kedge_slice_text(text), printable, sizeof(printable));
    label_of(name, label, sizeof(label));
    (void)printf("%*s%-*s%s\n", indent, "", NAME_COLUMN - indent, label, printable);
}

static void print_nested(const char *name, const json_t *value)
{
    const char *inner_name;
    json_t *inner;
    size_t index;
    char label[128];
    label_of(name, label, sizeof(label));
    (void)printf("%s\n", label);
    json_object_foreach((json_t *)(uintptr_t)value, inner_name, inner)
        print_line(2, inner_name, inner);
    json_array_foreach(value, index, inner) print_line(2, "-", inner);
}

void print_details(const json_t *record)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)record, name, value)
    {
        if (json_object_size(value) > 0 || json_array_size(value) > 0)
            print_nested(name, value);
        else
            print_line(0, name, value);
    }
}

void optional_text(const json_t *object, const char *name, char *out, size_t out_size)
{
    out[0] = '\0';
    if (json_is_integer(json_object_get(object, name)))
        (void)snprintf(out, out_size, "%" PRIu64, number_of(object, name));
}

void counts_text(const json_t *counts, char *out, size_t out_size)
{
    const char *name;
    json_t *value;
    size_t used = 0;
    out[0] = '\0';
    json_object_foreach((json_t *)(uintptr_t)counts, name, value)
    {
        if (json_integer_value(value) <= 0 || used + 1 >= out_size)
            continue;
        int size = snprintf(&out[used], out_size - used, "%s%" JSON_INTEGER_FORMAT " %s",
                            used > 0 ? ", " : "", json_integer_value(value), name);
        used += size > 0 ? (size_t)size : 0;
    }
    if (out[0] == '\0')
        (void)snprintf(out, out_size, "none");
}
