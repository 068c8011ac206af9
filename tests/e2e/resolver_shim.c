/*
 * resolver_shim.c: names below .invalid whose answer does not come. Put before the C library's
 * (LD_PRELOAD); KEDGE_TEST_RESOLVER names a page in which the first word says how many were asked
 * for.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SILENCE_S 300
#define SUFFIX ".invalid"

static void count_one(void)
{
    const char *path = getenv("KEDGE_TEST_RESOLVER");
    int file = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);
    void *page = file < 0
                     ? MAP_FAILED
                     : mmap(NULL, sizeof(unsigned), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (page != MAP_FAILED)
        atomic_fetch_add((_Atomic unsigned *)page, 1);
    if (file >= 0)
        (void)close(file);
}

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **result)
{
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **) = NULL;
    size_t size = node == NULL ? 0 : strlen(node);
    if (size > strlen(SUFFIX) && strcmp(&node[size - strlen(SUFFIX)], SUFFIX) == 0) {
        count_one();
        (void)sleep(SILENCE_S);
        return EAI_AGAIN;
    }
    *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
    return real(node, service, hints, result);
}
