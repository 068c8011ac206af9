/*
 * touches.c: a map of touches by endpoint, and a list to write them from.
 */
#include "updater/store/sqlite/touches.h"

#include <stdlib.h>
#include <string.h>

enum kedge_rc kedge_touches_init(struct kedge_touches *touches)
{
    touches->first = NULL;
    /* Where the set lies is not known outside, so nobody chooses endpoint names that collide. */
    return kedge_map_init(&touches->map, (uint64_t)(uintptr_t)touches);
}

void kedge_touches_free(struct kedge_touches *touches)
{
    while (touches->first != NULL) {
        struct kedge_touch_node *node = touches->first;
        touches->first = node->next;
        free(node);
    }
    kedge_map_free(&touches->map);
}

static struct kedge_touch_node *find(const struct kedge_touches *touches, const char *endpoint,
                                     uint64_t hash)
{
    struct kedge_map_link *link = kedge_map_first(&touches->map, hash);
    while (link != NULL && strcmp(((struct kedge_touch_node *)link)->touch.endpoint, endpoint) != 0)
        link = kedge_map_next(link);
    return (struct kedge_touch_node *)link;
}

static struct kedge_touch_node *create(const struct kedge_device_touch *touch)
{
    size_t endpoint_size = strlen(touch->endpoint) + 1, address_size = strlen(touch->address) + 1;
    struct kedge_touch_node *node = malloc(sizeof(*node) + endpoint_size + address_size);
    if (node == NULL)
        return NULL;
    char *texts = (char *)(node + 1);
    *node = (struct kedge_touch_node){.touch = *touch};
    node->touch.endpoint = memcpy(texts, touch->endpoint, endpoint_size);
    node->touch.address = memcpy(texts + endpoint_size, touch->address, address_size);
    return node;
}

static void forget(struct kedge_touches *touches, struct kedge_touch_node *node)
{
    kedge_map_remove(&touches->map, &node->link);
    if (node->previous != NULL)
        node->previous->next = node->next;
    else
        touches->first = node->next;
    if (node->next != NULL)
        node->next->previous = node->previous;
    free(node);
}

enum kedge_rc kedge_touches_put(struct kedge_touches *touches,
                                const struct kedge_device_touch *touch)
{
    uint64_t hash = kedge_map_hash_text(&touches->map, touch->endpoint);
    struct kedge_touch_node *node = find(touches, touch->endpoint, hash);
    if (node != NULL && strcmp(node->touch.address, touch->address) == 0) {
        node->touch.last_seen_ms = touch->last_seen_ms;
        node->touch.lifetime_s = touch->lifetime_s;
        return KEDGE_OK;
    }
    struct kedge_touch_node *fresh = create(touch);
    if (fresh == NULL)
        return KEDGE_E_MEMORY;
    if (node != NULL)
        forget(touches, node);
    node = fresh;
    enum kedge_rc rc = kedge_map_insert(&touches->map, &node->link, hash);
    if (rc != KEDGE_OK) {
        free(node);
        return rc;
    }
    node->next = touches->first;
    if (node->next != NULL)
        node->next->previous = node;
    touches->first = node;
    return KEDGE_OK;
}

void kedge_touches_forget(struct kedge_touches *touches, const char *endpoint)
{
    struct kedge_touch_node *node =
        find(touches, endpoint, kedge_map_hash_text(&touches->map, endpoint));
    if (node != NULL)
        forget(touches, node);
}
