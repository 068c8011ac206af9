/* file_shim.h: what the libraries share that stand before the system's functions on files. */
#ifndef KEDGE_TESTS_FILE_SHIM_H
#define KEDGE_TESTS_FILE_SHIM_H

#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Declares `real`: the system's own function of that name. */
#define REAL(result, name, ...)         \
    static result (*real)(__VA_ARGS__); \
    if (real == NULL)                   \
    *(void **)&real = dlsym(RTLD_NEXT, #name)

/* The page by which a test steers the shim: the file that the environment's `variable` names. */
static inline void *shim_page(const char *variable, size_t size)
{
    int file = open(getenv(variable), O_RDWR | O_CLOEXEC);
    void *page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (page == MAP_FAILED)
        abort();
    close(file);
    return page;
}

/* Whether the path of an open file begins as the environment's `variable` says. */
static inline int shim_is_meant(int file, const char *variable)
{
    char link[64], path[4096];
    const char *prefix = getenv(variable);
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t size = readlink(link, path, sizeof path - 1);
    if (size < 0)
        return 0;
    path[size] = '\0';
    return strncmp(path, prefix, strlen(prefix)) == 0;
}

#endif
