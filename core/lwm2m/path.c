/* path.c: paths of objects, instances, resources and resource instances. */
#include <kedge/lwm2m.h>

#define DEPTH_MAX 4u

enum kedge_rc kedge_lwm2m_path_parse(struct kedge_slice text, struct kedge_lwm2m_path *path)
{
    struct kedge_lwm2m_path read = {0};
    struct kedge_cursor cursor = kedge_cursor(text);
    bool more = kedge_cursor_accept(&cursor, '/') ? text.size > 1 : text.size > 0;
    while (more) {
        uint64_t id;
        if (read.depth == DEPTH_MAX)
            return KEDGE_E_LIMIT;
        KEDGE_TRY(kedge_cursor_decimal(&cursor, KEDGE_LWM2M_ID_NONE - 1, &id));
        read.ids[read.depth++] = (uint16_t)id;
        more = kedge_cursor_accept(&cursor, '/');
    }
    if (kedge_cursor_left(&cursor) > 0)
        return KEDGE_E_MALFORMED;
    *path = read;
    return KEDGE_OK;
}

void kedge_lwm2m_path_text(const struct kedge_lwm2m_path *path, char text[25])
{
    struct kedge_writer out = kedge_writer(text, 24);
    enum kedge_rc rc = path->depth == 0 ? kedge_writer_u8(&out, '/') : KEDGE_OK;
    for (size_t i = 0; rc == KEDGE_OK && i < path->depth && i < DEPTH_MAX; i++) {
        rc = kedge_writer_u8(&out, '/');
        if (rc == KEDGE_OK)
            rc = kedge_writer_decimal(&out, path->ids[i]);
    }
    text[out.size] = '\0'; /* four times a slash and five digits: it fits */
}
