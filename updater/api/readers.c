/* readers.c: store readers, kept open between requests. */
#include "updater/api/internal.h"

void readers_init(struct readers *readers, const char *folder)
{
    *readers = (struct readers){.folder = folder};
    pthread_mutex_init(&readers->lock, NULL);
}

void readers_close(struct readers *readers)
{
    while (readers->idle_count > 0)
        kedge_reader_close(readers->idle[--readers->idle_count]);
    pthread_mutex_destroy(&readers->lock);
}

enum kedge_rc readers_take(struct readers *readers, struct kedge_reader **out,
                           char error[KEDGE_STORE_ERROR_MAX])
{
    struct kedge_reader *reader = NULL;
    pthread_mutex_lock(&readers->lock);
    if (readers->idle_count > 0)
        reader = readers->idle[--readers->idle_count];
    pthread_mutex_unlock(&readers->lock);
    if (reader == NULL)
        return kedge_reader_open(readers->folder, out, error);
    *out = reader;
    return KEDGE_OK;
}

void readers_give_back(struct readers *readers, struct kedge_reader *reader, bool sound)
{
    pthread_mutex_lock(&readers->lock);
    if (sound && readers->idle_count < READERS_IDLE_MAX) {
        readers->idle[readers->idle_count++] = reader;
        reader = NULL;
    }
    pthread_mutex_unlock(&readers->lock);
    kedge_reader_close(reader);
}
