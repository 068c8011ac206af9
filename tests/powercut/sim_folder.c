/* sim_folder.c: see sim_folder.h. */
#include "tests/powercut/sim_folder.h"

#include "agent/client/progress_file.h"
#include "agent/client/state_file.h"

#include <errno.h>
#include <string.h>

/*
 * For each of the records that are here:
 *
 *   0      which of its files has the name; 0: none
 *   1      which one has the name with ".new" behind it
 *   2      the file that was made last
 *
 * and from 512 on the files of the one, then those of the other: length (2 bytes), contents.
 */
static const char *const records[] = {KEDGE_PROGRESS_FILE, KEDGE_AGENT_STATE_FILE};
#define RECORDS (sizeof records / sizeof records[0])
#define PLACE_SIZE 3u
#define FILES 4u
#define FILES_AT 512u
#define FILE_SIZE 1536u
#define LENGTH_SIZE 2u

_Static_assert(FILES_AT + RECORDS * FILES * FILE_SIZE <= SIM_FOLDER_SIZE, "the files do not fit");

static uint8_t *bytes_of(struct sim_flash *sim)
{
    return sim_bytes(sim, SIM_FOLDER);
}

static unsigned record_of(const char *name)
{
    return strncmp(name, records[0], strlen(records[0])) == 0 ? 0 : 1;
}

static unsigned name_index(const char *name)
{
    size_t size = strlen(name);
    return size > 4 && strcmp(name + size - 4, ".new") == 0 ? 1 : 0;
}

static uint8_t *place_of(struct sim_flash *sim, const char *name)
{
    return bytes_of(sim) + record_of(name) * PLACE_SIZE;
}

/* Over all records, from 1 on. */
static int file_number(const char *name, unsigned file)
{
    return (int)(record_of(name) * FILES + file);
}

static uint32_t file_at(int file)
{
    return FILES_AT + ((uint32_t)file - 1) * FILE_SIZE;
}

/* Names and lengths are the file system's, which has a journal for them. */
static void put_whole(struct sim_flash *sim, uint32_t offset, const uint8_t *bytes, size_t size)
{
    sim_overwrite(sim, SIM_FOLDER, offset, bytes, size)->whole = true;
}

static void put_place(struct sim_flash *sim, const char *name, const uint8_t place[PLACE_SIZE])
{
    put_whole(sim, record_of(name) * PLACE_SIZE, place, PLACE_SIZE);
}

/* One that no name leads to, and that no name led to lately: a cut may bring that name back. */
static int create(void *context, const char *name)
{
    struct sim_flash *sim = context;
    uint8_t place[PLACE_SIZE], empty[LENGTH_SIZE] = {0};
    memcpy(place, place_of(sim, name), sizeof place);
    if (place[2] > FILES)
        place[2] = 0;
    do
        place[2] = (uint8_t)(place[2] % FILES + 1);
    while (place[2] == place[0] || place[2] == place[1]);
    place[name_index(name)] = place[2];
    put_whole(sim, file_at(file_number(name, place[2])), empty, sizeof empty);
    put_place(sim, name, place);
    return file_number(name, place[2]);
}

static int write_contents(void *context, int file, struct kedge_slice bytes)
{
    struct sim_flash *sim = context;
    if (bytes.size > FILE_SIZE - LENGTH_SIZE) {
        errno = ENOSPC;
        return -1;
    }
    const uint8_t length[LENGTH_SIZE] = {(uint8_t)(bytes.size >> 8), (uint8_t)bytes.size};
    sim_overwrite(sim, SIM_FOLDER, file_at(file) + LENGTH_SIZE, bytes.data, bytes.size);
    put_whole(sim, file_at(file), length, sizeof length);
    return 0;
}

static int sync_contents(void *context, int file)
{
    sim_sync_folder(context, file_at(file), FILE_SIZE);
    return 0;
}

static void close_nothing(void *context, int file)
{
    (void)context, (void)file;
}

static int rename_file(void *context, const char *from, const char *to)
{
    struct sim_flash *sim = context;
    uint8_t place[PLACE_SIZE];
    memcpy(place, place_of(sim, to), sizeof place);
    place[name_index(to)] = place[name_index(from)];
    place[name_index(from)] = 0;
    put_place(sim, to, place);
    return 0;
}

static int sync_names(void *context)
{
    sim_sync_folder(context, 0, FILES_AT);
    return 0;
}

static enum kedge_rc read_file(void *context, const char *name, uint8_t *bytes, size_t capacity,
                               size_t *size)
{
    struct sim_flash *sim = context;
    unsigned file = place_of(sim, name)[name_index(name)];
    if (file == 0 || file > FILES)
        return KEDGE_E_NOT_FOUND;
    const uint8_t *at = bytes_of(sim) + file_at(file_number(name, file));
    *size = (size_t)at[0] << 8 | at[1];
    if (*size > FILE_SIZE - LENGTH_SIZE || *size > capacity)
        return KEDGE_E_LIMIT;
    memcpy(bytes, at + LENGTH_SIZE, *size);
    return KEDGE_OK;
}

static void remove_file(void *context, const char *name)
{
    struct sim_flash *sim = context;
    uint8_t place[PLACE_SIZE];
    memcpy(place, place_of(sim, name), sizeof place);
    place[name_index(name)] = 0;
    put_place(sim, name, place);
}

struct kedge_folder sim_folder(struct sim_flash *sim)
{
    return (struct kedge_folder){.context = sim,
                                 .create = create,
                                 .write = write_contents,
                                 .sync = sync_contents,
                                 .close = close_nothing,
                                 .rename = rename_file,
                                 .sync_names = sync_names,
                                 .read = read_file,
                                 .remove = remove_file};
}

struct kedge_writer sim_folder_file(struct sim_flash *sim, const char *name)
{
    unsigned file = place_of(sim, name)[0];
    if (file == 0 || file > FILES)
        return kedge_writer(NULL, 0);
    uint8_t *at = bytes_of(sim) + file_at(file_number(name, file));
    size_t size = (size_t)at[0] << 8 | at[1];
    const size_t most = FILE_SIZE - LENGTH_SIZE;
    return kedge_writer(at + LENGTH_SIZE, size < most ? size : most);
}
