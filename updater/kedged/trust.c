/* trust.c: trust records as keys; the record says what a key may do, the key says nothing itself.
 */
#include "updater/kedged/trust.h"

struct loading {
    struct kedge_trusted_keys *keys;
    enum kedge_rc rc;
};

static bool load_key(void *context, const struct kedge_trust_record *record)
{
    struct loading *loading = context;
    if (loading->keys->count == KEDGE_PACKAGE_KEYS_MAX) {
        loading->rc = KEDGE_E_LIMIT;
        return false;
    }
    struct kedge_public_key *key = &loading->keys->keys[loading->keys->count];
    loading->rc = kedge_public_key_from_spki(kedge_slice(record->spki, record->spki_size), key);
    key->development = record->development;
    loading->keys->count++;
    return loading->rc == KEDGE_OK;
}

enum kedge_rc kedge_trusted_keys_load(struct kedge_reader *reader, struct kedge_trusted_keys *out)
{
    struct loading loading = {.keys = out, .rc = KEDGE_OK};
    out->count = 0;
    KEDGE_TRY(kedge_reader_trust(reader, NULL, load_key, &loading));
    return loading.rc;
}
