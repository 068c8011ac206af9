/*
 * bench_sign_floor.c: the floor of making and checking packages: each byte of a file read once,
 * hashed once with the SHA-256 that packages are hashed with, and written once to another file,
 * which is made durable. Prints the seconds that it took.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <kedge/crypto.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PIECE_SIZE (256u * 1024u)

static uint8_t piece[PIECE_SIZE];

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int copy_and_hash(int from, int to, uint8_t digest[KEDGE_SHA256_SIZE])
{
    struct kedge_sha256 hash;
    ssize_t size;
    kedge_sha256_init(&hash);
    while ((size = read(from, piece, sizeof piece)) > 0) {
        kedge_sha256_update(&hash, kedge_slice(piece, (size_t)size));
        if (write(to, piece, (size_t)size) != size)
            return -1;
    }
    kedge_sha256_final(&hash, digest);
    return size == 0 ? fsync(to) : -1;
}

int main(int count, char **words)
{
    uint8_t digest[KEDGE_SHA256_SIZE];
    if (count != 3) {
        fputs("usage: bench_sign_floor FILE COPY\n", stderr);
        return 2;
    }
    double begun = now_s();
    int from = open(words[1], O_RDONLY | O_CLOEXEC);
    int to = open(words[2], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (from < 0 || to < 0 || copy_and_hash(from, to, digest) != 0) {
        fprintf(stderr, "bench_sign_floor: %s\n", strerror(errno));
        return 1;
    }
    printf("%.6f\n", now_s() - begun);
    return 0;
}
