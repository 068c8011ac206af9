/* sim_environment.c: see sim_environment.h. */
#define _GNU_SOURCE
#include "tests/powercut/sim_environment.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COPIES 2
#define FILE_BASE 100000 /* file descriptors that no process of ours has */
#define LOCK_FILE "/var/lock/fw_printenv.lock"
#define LOCK_DESCRIPTOR (FILE_BASE + COPIES)
#define HEAD_SIZE_REDUNDANT 5u
#define HEAD_SIZE_SINGLE 4u

static struct sim_flash *attached;
static size_t positions[COPIES];
static char folder[64];
static char copies[COPIES][96], configs[COPIES][96], defaults[96];

/* ---- the folder: files that libubootenv finds there, and never sees the content of ---- */

static void put_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "we");
    if (file == NULL || fputs(text, file) == EOF || fclose(file) != 0) {
        perror(path);
        abort();
    }
}

static void remove_folder(void)
{
    for (unsigned i = 0; i < COPIES; i++) {
        unlink(copies[i]);
        unlink(configs[i]);
    }
    unlink(defaults);
    rmdir(folder);
}

static void make_folder(void)
{
    char text[COPIES * 128] = "";
    snprintf(folder, sizeof folder, "/tmp/kedge-powercut-XXXXXX");
    if (mkdtemp(folder) == NULL)
        abort();
    for (unsigned i = 0; i < COPIES; i++) {
        size_t size = strlen(text);
        snprintf(copies[i], sizeof copies[i], "%s/copy%u", folder, i);
        snprintf(configs[i], sizeof configs[i], "%s/config%u", folder, i + 1);
        snprintf(text + size, sizeof text - size, "%s 0x0 0x%x\n", copies[i], SIM_ENVIRONMENT_SIZE);
        put_file(copies[i], "");
        put_file(configs[i], text);
    }
    snprintf(defaults, sizeof defaults, "%s/defaults", folder);
    /* Sorted in front of BOOT_ORDER, so that this and the rest of it lie in different sectors. */
    char filler[600];
    memset(filler, 'x', sizeof filler - 1);
    filler[sizeof filler - 1] = '\0';
    char variables[700];
    snprintf(variables, sizeof variables, "AAAA=%s\nbootcmd=run it\n", filler);
    put_file(defaults, variables);
    atexit(remove_folder);
}

static void need_folder(void)
{
    if (folder[0] == '\0')
        make_folder();
}

const char *sim_environment_config(unsigned count)
{
    need_folder();
    return configs[count - 1];
}

const char *sim_environment_defaults(void)
{
    need_folder();
    return defaults;
}

void sim_environment_attach(struct sim_flash *sim)
{
    attached = sim;
}

/* ---- what U-Boot would make of it ---- */

static bool is_whole(const uint8_t *bytes, size_t head)
{
    uint32_t crc = kedge_crc32(0, kedge_slice(bytes + head, SIM_ENVIRONMENT_SIZE - head));
    for (unsigned i = 0; i < 4; i++)
        if (bytes[i] != (uint8_t)(crc >> (8 * i)))
            return false;
    return true;
}

bool sim_environment_boots(const struct sim_flash *sim)
{
    static const char needed[] = "\0bootcmd=run it";
    unsigned count = sim->geometry.environment_copies;
    size_t head = count > 1 ? HEAD_SIZE_REDUNDANT : HEAD_SIZE_SINGLE;
    for (unsigned i = 0; i < count; i++) {
        const uint8_t *bytes = sim_bytes(sim, SIM_ENVIRONMENT(i));
        if (is_whole(bytes, head) &&
            memmem(bytes, SIM_ENVIRONMENT_SIZE, needed, sizeof needed) == NULL)
            return false;
    }
    return true;
}

/* ---- the calls, as the linker has them ---- */

int __real_open(const char *path, int flags, ...);
int __real_open64(const char *path, int flags, ...);
ssize_t __real_read(int file, void *out, size_t size);
ssize_t __real_write(int file, const void *data, size_t size);
int __real_fsync(int file);
int __real_close(int file);
int __real_flock(int file, int operation);

int __wrap_open(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...);
ssize_t __wrap_read(int file, void *out, size_t size);
ssize_t __wrap_write(int file, const void *data, size_t size);
int __wrap_fsync(int file);
int __wrap_close(int file);
int __wrap_flock(int file, int operation);

static bool is_ours(int file)
{
    return file >= FILE_BASE && file < FILE_BASE + COPIES;
}

static unsigned region_of(int file)
{
    return SIM_ENVIRONMENT((unsigned)(file - FILE_BASE));
}

/* -1: a file of the machine's own. */
static int open_ours(const char *path)
{
    if (strcmp(path, LOCK_FILE) == 0)
        return LOCK_DESCRIPTOR;
    for (int i = 0; i < COPIES; i++)
        if (folder[0] != '\0' && strcmp(path, copies[i]) == 0) {
            positions[i] = 0;
            return FILE_BASE + i;
        }
    return -1;
}

static mode_t mode_of(int flags, va_list arguments)
{
    return (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : 0;
}

int __wrap_open(const char *path, int flags, ...)
{
    int file = open_ours(path);
    va_list arguments;
    va_start(arguments, flags);
    if (file < 0)
        file = __real_open(path, flags, mode_of(flags, arguments));
    va_end(arguments);
    return file;
}

int __wrap_open64(const char *path, int flags, ...)
{
    int file = open_ours(path);
    va_list arguments;
    va_start(arguments, flags);
    if (file < 0)
        file = __real_open64(path, flags, mode_of(flags, arguments));
    va_end(arguments);
    return file;
}

static size_t take_place(int file, size_t size)
{
    size_t *at = &positions[file - FILE_BASE];
    size_t left = SIM_ENVIRONMENT_SIZE - *at;
    size_t taken = size < left ? size : left;
    *at += taken;
    return taken;
}

ssize_t __wrap_read(int file, void *out, size_t size)
{
    if (!is_ours(file))
        return __real_read(file, out, size);
    size_t at = positions[file - FILE_BASE];
    size = take_place(file, size);
    memcpy(out, sim_bytes(attached, region_of(file)) + at, size);
    return (ssize_t)size;
}

ssize_t __wrap_write(int file, const void *data, size_t size)
{
    if (!is_ours(file))
        return __real_write(file, data, size);
    size_t at = positions[file - FILE_BASE];
    size = take_place(file, size);
    sim_overwrite(attached, region_of(file), (uint32_t)at, data, size);
    return (ssize_t)size;
}

int __wrap_fsync(int file)
{
    if (!is_ours(file))
        return __real_fsync(file);
    const struct kedge_flash *flash = &attached->flash[region_of(file)];
    return flash->sync(flash->context) == KEDGE_OK ? 0 : -1;
}

int __wrap_close(int file)
{
    return is_ours(file) || file == LOCK_DESCRIPTOR ? 0 : __real_close(file);
}

int __wrap_flock(int file, int operation)
{
    return file == LOCK_DESCRIPTOR ? 0 : __real_flock(file, operation);
}
