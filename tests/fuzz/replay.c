/*
 * replay.c: runs a fuzz target over the files of a seed corpus, for builds without libFuzzer.
 * Besides each seed it feeds every truncation of it and one flipped byte per position, so that
 * the target meets damaged input in an ordinary test run too.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SEED_SIZE_MAX (1u << 20)
#define MUTATED_SIZE_MAX 4096u

/* A copy of exact size, so that AddressSanitizer sees a read past the end. */
static void feed(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size > 0 ? size : 1);
    if (copy == NULL)
        abort();
    memcpy(copy, data, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

static void replay(uint8_t *data, size_t size)
{
    feed(data, size);
    if (size > MUTATED_SIZE_MAX)
        return;
    for (size_t i = 0; i < size; i++) {
        feed(data, i);
        data[i] ^= 0xFF;
        feed(data, size);
        data[i] ^= 0xFF;
    }
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: %s CORPUS-FOLDER\n", argv[0]);
        return 2;
    }
    DIR *folder = opendir(argv[1]);
    if (folder == NULL) {
        perror(argv[1]);
        return 1;
    }
    uint8_t *data = malloc(SEED_SIZE_MAX);
    if (data == NULL)
        abort();
    size_t seeds = 0;
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        if (entry->d_name[0] == '.')
            continue;
        char path[4096];
        snprintf(path, sizeof path, "%s/%s", argv[1], entry->d_name);
        FILE *file = fopen(path, "rb");
        if (file == NULL)
            continue;
        size_t size = fread(data, 1, SEED_SIZE_MAX, file);
        fclose(file);
        replay(data, size);
        seeds++;
    }
    closedir(folder);
    free(data);
    printf("%zu seeds replayed\n", seeds);
    return seeds > 0 ? 0 : 1;
}
