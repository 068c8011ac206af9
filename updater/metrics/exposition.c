/* exposition.c: see exposition.h. */
#define _GNU_SOURCE
#include "updater/metrics/exposition.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct kedge_exposition {
    FILE *out; /* into `text` */
    char *text;
    size_t size;
    const char *name; /* of the family */
};

struct kedge_exposition *kedge_exposition_create(void)
{
    struct kedge_exposition *exposition = calloc(1, sizeof(*exposition));
    if (exposition == NULL)
        return NULL;
    exposition->out = open_memstream(&exposition->text, &exposition->size);
    if (exposition->out != NULL)
        return exposition;
    free(exposition);
    return NULL;
}

char *kedge_exposition_end(struct kedge_exposition *exposition, size_t *size)
{
    bool whole = ferror(exposition->out) == 0;
    whole = fclose(exposition->out) == 0 && whole;
    char *text = exposition->text;
    *size = exposition->size;
    free(exposition);
    if (whole)
        return text;
    free(text);
    return NULL;
}

/* ---- families ---- */

void kedge_exposition_family(struct kedge_exposition *exposition, const char *name,
                             enum kedge_metric_type type, const char *help)
{
    static const char *const types[] = {[KEDGE_METRIC_COUNTER] = "counter",
                                        [KEDGE_METRIC_GAUGE] = "gauge",
                                        [KEDGE_METRIC_HISTOGRAM] = "histogram"};
    exposition->name = name;
    (void)fprintf(exposition->out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, types[type]);
}

/* ---- samples ---- */

static void put_value(FILE *out, const char *value)
{
    size_t size = strlen(value);
    bool is_utf8 = kedge_utf8_valid(kedge_slice(value, size));
    for (size_t i = 0; i < size; i++) {
        const char at = value[i];
        if (at == '\n')
            (void)fputs("\\n", out);
        else if (at == '"' || at == '\\')
            (void)fprintf(out, "\\%c", at);
        else
            (void)fputc(is_utf8 || (unsigned char)at < 0x80 ? at : '?', out);
    }
}

/* The name, a suffix of it, and the labels with one more (NULL: none) in braces. */
static void put_series(const struct kedge_exposition *exposition, const char *suffix,
                       const struct kedge_label *labels, const struct kedge_label *more)
{
    struct kedge_label all[KEDGE_LABELS_MAX];
    size_t count = 0;
    while (labels != NULL && count < KEDGE_LABELS_MAX && labels[count].name != NULL) {
        all[count] = labels[count];
        count++;
    }
    if (more != NULL && count < KEDGE_LABELS_MAX)
        all[count++] = *more;
    (void)fprintf(exposition->out, "%s%s", exposition->name, suffix);
    for (size_t i = 0; i < count; i++) {
        (void)fprintf(exposition->out, "%s%s=\"", i == 0 ? "{" : ",", all[i].name);
        put_value(exposition->out, all[i].value);
        (void)fputc('"', exposition->out);
    }
    (void)fputs(count > 0 ? "} " : " ", exposition->out);
}

void kedge_exposition_count(struct kedge_exposition *exposition, const struct kedge_label *labels,
                            uint64_t value)
{
    put_series(exposition, "", labels, NULL);
    (void)fprintf(exposition->out, "%" PRIu64 "\n", value);
}

void kedge_exposition_number(struct kedge_exposition *exposition, const struct kedge_label *labels,
                             double value)
{
    put_series(exposition, "", labels, NULL);
    (void)fprintf(exposition->out, "%.17g\n", value);
}

void kedge_exposition_histogram(struct kedge_exposition *exposition,
                                const struct kedge_label *labels,
                                const struct kedge_histogram *histogram)
{
    uint64_t so_far = 0;
    for (unsigned i = 0; i <= KEDGE_HISTOGRAM_BOUNDS; i++) {
        char bound[24] = "+Inf";
        if (i < KEDGE_HISTOGRAM_BOUNDS)
            (void)snprintf(bound, sizeof(bound), "%g", kedge_histogram_bounds_us[i] / 1e6);
        so_far += histogram->counts[i];
        put_series(exposition, "_bucket", labels, &(struct kedge_label){"le", bound});
        (void)fprintf(exposition->out, "%" PRIu64 "\n", so_far);
    }
    put_series(exposition, "_sum", labels, NULL);
    (void)fprintf(exposition->out, "%.6f\n", (double)histogram->sum_us / 1e6);
    put_series(exposition, "_count", labels, NULL);
    (void)fprintf(exposition->out, "%" PRIu64 "\n", so_far);
}

/* ---- families of one sample ---- */

void kedge_exposition_counter(struct kedge_exposition *exposition, const char *name,
                              const char *help, uint64_t value)
{
    kedge_exposition_family(exposition, name, KEDGE_METRIC_COUNTER, help);
    kedge_exposition_count(exposition, NULL, value);
}

void kedge_exposition_gauge(struct kedge_exposition *exposition, const char *name, const char *help,
                            uint64_t value)
{
    kedge_exposition_family(exposition, name, KEDGE_METRIC_GAUGE, help);
    kedge_exposition_count(exposition, NULL, value);
}
