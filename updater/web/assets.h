/*
 * assets.h: the dashboard's files, as they stand in the program. They are made of page/ and of
 * three libraries by the build (embed.cmake); a build without those libraries holds none.
 */
#ifndef KEDGE_UPDATER_WEB_ASSETS_H
#define KEDGE_UPDATER_WEB_ASSETS_H

#include <kedge/base.h>

#define KEDGE_WEB_PAGE "index.html" /* what is shown at / */

struct kedge_web_asset {
    const char *name;   /* under /assets/; no slash */
    const char *type;   /* media type */
    const char *digest; /* of its bytes, hex: changes when they do */
    const uint8_t *bytes;
    size_t size;
    const uint8_t *packed; /* the same bytes in gzip's format (RFC 1952) */
    size_t packed_size;
};

extern const struct kedge_web_asset kedge_web_assets[];
extern const size_t kedge_web_asset_count;

/** The one of that name; NULL when there is none. */
const struct kedge_web_asset *kedge_web_asset(const char *name);

#endif
