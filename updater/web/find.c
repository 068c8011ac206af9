/* find.c: a file of the dashboard, by its name. */
#include "updater/web/assets.h"

#include <string.h>

const struct kedge_web_asset *kedge_web_asset(const char *name)
{
    for (size_t i = 0; i < kedge_web_asset_count; i++)
        if (strcmp(kedge_web_assets[i].name, name) == 0)
            return &kedge_web_assets[i];
    return NULL;
}
