/* download_progress.c: how far downloads by HTTP are, handed to the network thread. */
#include "updater/kedged/backend.h"

#include <stdlib.h>
#include <string.h>

struct progress_news {
    struct kedge_bridge *bridge;
    size_t count;
    struct kedge_backend_progress progress[];
};

static void tell(void *context)
{
    struct progress_news *news = context;
    for (size_t i = 0; i < news->count && !news->bridge->ended; i++) {
        const struct kedge_backend_progress *one = &news->progress[i];
        if (one->wait_ms > 0)
            kedge_fleet_held_back(news->bridge->fleet, one->host, one->digest, one->wait_ms);
        else
            kedge_fleet_downloaded(news->bridge->fleet, one->host, one->digest, one->reach);
    }
    free(news);
}

void kedge_backend_downloaded(void *context, const struct kedge_backend_progress *progress,
                              size_t count)
{
    struct kedge_backend_state *state = context;
    size_t size = count * sizeof(*progress);
    struct progress_news *news = malloc(sizeof(*news) + size);
    if (news == NULL)
        return; /* the next look tells more */
    news->bridge = state->bridge;
    news->count = count;
    memcpy(news->progress, progress, size);
    if (kedge_net_post(state->net, tell, news) != KEDGE_OK)
        free(news);
}
