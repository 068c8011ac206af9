/* uboot.c: see uboot.h. */
#define _GNU_SOURCE
#include "agent/port/uboot.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h> /* libuboot.h needs it, and does not say so */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libuboot.h>

/* libubootenv answers with an errno below zero. */
static enum kedge_rc said(int answer)
{
    errno = answer < 0 ? -answer : EIO;
    return answer == 0 ? KEDGE_OK : KEDGE_E_SYSTEM;
}

/* ---- one look at the environment, under libubootenv's lock ---- */

struct environment {
    struct uboot_ctx *context;
    bool lost; /* no copy is whole: there are no variables */
};

static void close_environment(struct environment *environment)
{
    if (environment->context == NULL)
        return;
    libuboot_close(environment->context);
    libuboot_exit(environment->context);
    environment->context = NULL;
}

static enum kedge_rc open_environment(const struct kedge_uboot *uboot,
                                      struct environment *environment)
{
    environment->context = NULL;
    KEDGE_TRY(said(libuboot_initialize(&environment->context, NULL)));
    int answer = libuboot_read_config(environment->context, uboot->config);
    if (answer == 0)
        answer = libuboot_open(environment->context);
    environment->lost = answer == -ENODATA;
    if (answer == 0 || environment->lost)
        return KEDGE_OK;
    close_environment(environment);
    return said(answer);
}

/* ---- the variables ---- */

struct values {
    char *order, *left[KEDGE_SLOTS], *trial;
};

static void get_values(const struct environment *environment, struct values *values)
{
    values->order = libuboot_get_env(environment->context, KEDGE_UBOOT_ORDER);
    for (size_t slot = 0; slot < KEDGE_SLOTS; slot++)
        values->left[slot] = libuboot_get_env(environment->context, kedge_uboot_left_names[slot]);
    values->trial = libuboot_get_env(environment->context, KEDGE_UBOOT_TRIAL);
}

static void free_values(struct values *values)
{
    free(values->order);
    for (size_t slot = 0; slot < KEDGE_SLOTS; slot++)
        free(values->left[slot]);
    free(values->trial);
}

static enum kedge_rc read_values(const struct environment *environment,
                                 struct kedge_selection *selection)
{
    struct values values;
    get_values(environment, &values);
    const struct kedge_uboot_variables variables = {
        .order = values.order, .left = {values.left[0], values.left[1]}, .trial = values.trial};
    enum kedge_rc rc = kedge_uboot_selection_read(&variables, selection);
    free_values(&values);
    return rc;
}

static enum kedge_rc set_values(const struct environment *environment,
                                const struct kedge_selection *selection)
{
    char order[KEDGE_UBOOT_ORDER_MAX + 1], left[4];
    char *before = libuboot_get_env(environment->context, KEDGE_UBOOT_ORDER);
    kedge_uboot_order_write(selection, before, order);
    free(before);
    KEDGE_TRY(said(libuboot_set_env(environment->context, KEDGE_UBOOT_ORDER, order)));
    for (size_t slot = 0; slot < KEDGE_SLOTS; slot++) {
        snprintf(left, sizeof left, "%x", (unsigned)selection->left[slot]);
        KEDGE_TRY(said(libuboot_set_env(environment->context, kedge_uboot_left_names[slot], left)));
    }
    return said(libuboot_set_env(
        environment->context, KEDGE_UBOOT_TRIAL,
        selection->trial < KEDGE_SLOTS ? kedge_uboot_slot_name(selection->trial) : NULL));
}

/* ---- what libubootenv does not look at ---- */

/* It finds this out itself, and loses its memory of a whole copy each time. */
static enum kedge_rc check_room(const struct kedge_uboot *uboot,
                                const struct environment *environment)
{
    uint64_t head = uboot->places.count > 1 ? 5 : 4; /* CRC, and the flag of a redundant one */
    uint64_t needed = head + 1;
    for (void *entry = NULL; (entry = libuboot_iterator(environment->context, entry)) != NULL;)
        needed += strlen(libuboot_getname(entry)) + strlen(libuboot_getvalue(entry)) + 2;
    return needed <= uboot->places.size ? KEDGE_OK : KEDGE_E_SPACE;
}

/* Opened before the write: an error of it is told to those who had the file open by then. */
static void open_copies(const struct kedge_uboot *uboot, int files[KEDGE_UBOOT_COPIES_MAX])
{
    for (size_t i = 0; i < KEDGE_UBOOT_COPIES_MAX; i++)
        files[i] =
            i < uboot->places.count ? open(uboot->places.devices[i], O_RDONLY | O_CLOEXEC) : -1;
}

/* Raw flash and UBI volumes are written through: there fsync(2) is no operation, and says so. */
static enum kedge_rc sync_copies(const int files[KEDGE_UBOOT_COPIES_MAX])
{
    for (size_t i = 0; i < KEDGE_UBOOT_COPIES_MAX; i++)
        if (files[i] >= 0 && fsync(files[i]) != 0 && errno != EINVAL && errno != EROFS)
            return KEDGE_E_SYSTEM;
    return KEDGE_OK;
}

static void close_copies(const int files[KEDGE_UBOOT_COPIES_MAX])
{
    for (size_t i = 0; i < KEDGE_UBOOT_COPIES_MAX; i++)
        if (files[i] >= 0)
            close(files[i]);
}

static enum kedge_rc store(const struct kedge_uboot *uboot, const struct environment *environment)
{
    int files[KEDGE_UBOOT_COPIES_MAX];
    KEDGE_TRY(check_room(uboot, environment));
    open_copies(uboot, files);
    enum kedge_rc rc = said(libuboot_env_store(environment->context));
    if (rc == KEDGE_OK)
        rc = sync_copies(files);
    int saved = errno;
    close_copies(files);
    errno = saved;
    return rc;
}

/* ---- the seam ---- */

static enum kedge_rc read_selection(void *context, struct kedge_selection *selection)
{
    const struct kedge_uboot *uboot = context;
    struct environment environment;
    KEDGE_TRY(open_environment(uboot, &environment));
    enum kedge_rc rc = environment.lost ? KEDGE_E_NOT_FOUND : read_values(&environment, selection);
    close_environment(&environment);
    return rc;
}

static enum kedge_rc begin_anew(const struct kedge_uboot *uboot,
                                const struct environment *environment)
{
    if (access(uboot->defaults, R_OK) != 0)
        return KEDGE_E_NOT_FOUND;
    return said(libuboot_load_file(environment->context, uboot->defaults));
}

static enum kedge_rc read_back(const struct kedge_uboot *uboot,
                               const struct kedge_selection *selection)
{
    struct kedge_selection there = {0};
    enum kedge_rc rc = uboot->selector.read(uboot->selector.context, &there);
    if (rc == KEDGE_E_SYSTEM)
        return rc;
    bool same = rc == KEDGE_OK && there.count == selection->count &&
                there.trial == selection->trial &&
                memcmp(there.order, selection->order, there.count) == 0 &&
                memcmp(there.left, selection->left, sizeof there.left) == 0;
    return same ? KEDGE_OK : KEDGE_E_FLASH;
}

static enum kedge_rc write_selection(void *context, const struct kedge_selection *selection)
{
    const struct kedge_uboot *uboot = context;
    struct environment environment;
    KEDGE_TRY(open_environment(uboot, &environment));
    enum kedge_rc rc = environment.lost ? begin_anew(uboot, &environment) : KEDGE_OK;
    if (rc == KEDGE_OK)
        rc = set_values(&environment, selection);
    if (rc == KEDGE_OK)
        rc = store(uboot, &environment);
    int saved = errno;
    close_environment(&environment);
    errno = saved;
    return rc == KEDGE_OK ? read_back(uboot, selection) : rc;
}

/* ---- beginning ---- */

/* A file of at most `capacity` bytes, whole. */
static enum kedge_rc read_file(const char *path, uint8_t *bytes, size_t capacity,
                               struct kedge_slice *text)
{
    FILE *file = fopen(path, "rbe");
    if (file == NULL)
        return KEDGE_E_SYSTEM;
    size_t size = fread(bytes, 1, capacity, file);
    enum kedge_rc rc = ferror(file) ? KEDGE_E_SYSTEM : feof(file) ? KEDGE_OK : KEDGE_E_LIMIT;
    int saved = errno;
    fclose(file);
    errno = saved;
    *text = kedge_slice(bytes, size);
    return rc;
}

enum kedge_rc kedge_uboot_open(struct kedge_uboot *uboot, const char *config, const char *defaults)
{
    uint8_t bytes[KEDGE_UBOOT_CONFIG_MAX + 1];
    struct kedge_slice text;
    struct environment environment;
    *uboot = (struct kedge_uboot){
        .selector = {.context = uboot, .read = read_selection, .write = write_selection},
        .config = config,
        .defaults = defaults};
    KEDGE_TRY(read_file(config, bytes, sizeof bytes, &text));
    KEDGE_TRY(kedge_uboot_places_read(text, &uboot->places));
    KEDGE_TRY(open_environment(uboot, &environment));
    close_environment(&environment);
    return KEDGE_OK;
}

enum kedge_rc kedge_uboot_running(const char *command_line, uint8_t *slot)
{
    uint8_t bytes[KEDGE_UBOOT_CMDLINE_MAX + 1];
    struct kedge_slice text;
    KEDGE_TRY(read_file(command_line, bytes, sizeof bytes, &text));
    return kedge_uboot_slot_read(text, slot);
}
