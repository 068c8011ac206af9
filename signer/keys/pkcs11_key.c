/* pkcs11_key.c: see pkcs11_key.h. */
#include "signer/keys/pkcs11_key.h"

#include <string.h>

#include "signer/keys/der.h"

#define POINT_SIZE 65u /* 04 || x || y */
#define ATTRIBUTE_MAX 128u

/* What is looked for. */
struct wanted {
    CK_ULONG class;
    const void *id;
    size_t id_size;
    const char *label; /* "" for any */
};

/* wolfCrypt's header has pointers to what is not changed as pointers to what may be. */
static CK_ATTRIBUTE attribute(CK_ULONG type, const void *value, size_t size)
{
    return (CK_ATTRIBUTE){type, (void *)(uintptr_t)value, (CK_ULONG)size};
}

/* How many objects there are, up to 2; the first of them in `object`. */
static CK_RV find(const Pkcs11Dev *module, CK_SESSION_HANDLE session, const struct wanted *wanted,
                  CK_OBJECT_HANDLE *object, CK_ULONG *found)
{
    CK_ULONG key_type = CKK_EC, count = 0;
    CK_OBJECT_HANDLE objects[2];
    CK_ATTRIBUTE template[4];
    template[count++] = attribute(CKA_CLASS, &wanted->class, sizeof wanted->class);
    template[count++] = attribute(CKA_KEY_TYPE, &key_type, sizeof key_type);
    if (wanted->id_size > 0)
        template[count++] = attribute(CKA_ID, wanted->id, wanted->id_size);
    if (wanted->label[0] != '\0')
        template[count++] = attribute(CKA_LABEL, wanted->label, strlen(wanted->label));
    CK_RV rv = module->func->C_FindObjectsInit(session, template, count);
    if (rv != CKR_OK)
        return rv;
    rv = module->func->C_FindObjects(session, objects, 2, found);
    CK_RV ended = module->func->C_FindObjectsFinal(session);
    if (rv == CKR_OK && *found > 0)
        *object = objects[0];
    return rv != CKR_OK ? rv : ended;
}

/* Reads one attribute of at most `capacity` bytes; KEDGE_E_KEY when the token does not give it. */
static enum kedge_rc read_attribute(const Pkcs11Dev *module, CK_SESSION_HANDLE session,
                                    CK_OBJECT_HANDLE object, CK_ULONG type, void *out,
                                    size_t capacity, size_t *size)
{
    CK_ATTRIBUTE wanted = {type, out, (CK_ULONG)capacity};
    if (module->func->C_GetAttributeValue(session, object, &wanted, 1) != CKR_OK ||
        wanted.ulValueLen > capacity)
        return KEDGE_E_KEY;
    *size = (size_t)wanted.ulValueLen;
    return KEDGE_OK;
}

/* How the private key calls itself, as wolfCrypt takes it. */
static enum kedge_rc name_key(const Pkcs11Dev *module, CK_SESSION_HANDLE session,
                              CK_OBJECT_HANDLE object, struct kedge_pkcs11_key *key)
{
    size_t size;
    if (read_attribute(module, session, object, CKA_ID, key->id, sizeof key->id, &key->id_size) !=
        KEDGE_OK)
        key->id_size = 0;
    if (key->id_size > 0)
        return KEDGE_OK;
    KEDGE_TRY(
        read_attribute(module, session, object, CKA_LABEL, key->label, ECC_MAX_LABEL_LEN, &size));
    key->label[size] = '\0';
    return size > 0 ? KEDGE_OK : KEDGE_E_KEY;
}

/* The card's PIN before every signature (PIV's key 9C): wolfCrypt has no place for it. */
static bool wants_pin_each_time(const Pkcs11Dev *module, CK_SESSION_HANDLE session,
                                CK_OBJECT_HANDLE object)
{
    CK_BBOOL always = 0;
    size_t size;
    return read_attribute(module, session, object, CKA_ALWAYS_AUTHENTICATE, &always, sizeof always,
                          &size) == KEDGE_OK &&
           size == sizeof always && always != 0;
}

static enum kedge_rc check_curve(const Pkcs11Dev *module, CK_SESSION_HANDLE session,
                                 CK_OBJECT_HANDLE object)
{
    static const uint8_t p256[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
    uint8_t bytes[ATTRIBUTE_MAX];
    size_t size;
    KEDGE_TRY(read_attribute(module, session, object, CKA_EC_PARAMS, bytes, sizeof bytes, &size));
    return kedge_slice_equal(kedge_slice(bytes, size), kedge_slice(p256, sizeof p256))
               ? KEDGE_OK
               : KEDGE_E_UNSUPPORTED;
}

/* PKCS#11 v2.40 has the point in an OCTET STRING; some tokens give it bare. */
static enum kedge_rc read_point(const Pkcs11Dev *module, CK_SESSION_HANDLE session,
                                CK_OBJECT_HANDLE object, uint8_t xy[KEDGE_PUBLIC_KEY_MAX])
{
    uint8_t bytes[ATTRIBUTE_MAX];
    size_t size;
    KEDGE_TRY(read_attribute(module, session, object, CKA_EC_POINT, bytes, sizeof bytes, &size));
    struct kedge_slice point = kedge_slice(bytes, size);
    if (size != POINT_SIZE) {
        struct kedge_cursor cursor = kedge_cursor(point);
        KEDGE_TRY(kedge_der_take(&cursor, KEDGE_DER_OCTETS, &point));
        KEDGE_TRY(kedge_der_end(&cursor));
    }
    if (point.size != POINT_SIZE || point.data[0] != 0x04)
        return KEDGE_E_KEY;
    memcpy(xy, point.data + 1, KEDGE_PUBLIC_KEY_MAX);
    return KEDGE_OK;
}

static enum kedge_rc read_public_key(const Pkcs11Dev *module, CK_SESSION_HANDLE session,
                                     CK_OBJECT_HANDLE object, struct kedge_public_key *out)
{
    struct kedge_public_key key = {.algorithm = KEDGE_ESP256};
    uint8_t spki_bytes[KEDGE_SPKI_MAX];
    struct kedge_writer spki = kedge_writer(spki_bytes, sizeof spki_bytes);
    KEDGE_TRY(check_curve(module, session, object));
    KEDGE_TRY(read_point(module, session, object, key.bytes));
    KEDGE_TRY(kedge_public_key_to_spki(&key, &spki));
    return kedge_public_key_from_spki(kedge_writer_slice(&spki), out);
}

/* The one object that is wanted. */
static enum kedge_exit find_one(const Pkcs11Dev *module, CK_SESSION_HANDLE session,
                                const struct kedge_pkcs11_uri *uri, const struct wanted *wanted,
                                CK_OBJECT_HANDLE *object)
{
    bool private = wanted->class == CKO_PRIVATE_KEY;
    CK_ULONG found = 0;
    CK_RV rv = find(module, session, wanted, object, &found);
    if (rv != CKR_OK)
        return kedge_complain(KEDGE_EXIT_KEY, "token \"%s\": it does not list its keys (0x%lx)",
                              uri->token, rv);
    if (found == 0 && private)
        return kedge_complain(KEDGE_EXIT_KEY,
                              "token \"%s\" has no such elliptic curve key (kedge-sign takes ECDSA "
                              "P-256 keys from tokens)",
                              uri->token);
    if (found == 0)
        return kedge_complain(KEDGE_EXIT_KEY,
                              "token \"%s\" has the private key without its public key: put that "
                              "on it too, with the same id",
                              uri->token);
    if (found > 1)
        return kedge_complain(KEDGE_EXIT_KEY,
                              "token \"%s\" has more than one such key: name one by object and id",
                              uri->token);
    return KEDGE_EXIT_DONE;
}

enum kedge_exit kedge_pkcs11_key_find(const Pkcs11Dev *module, CK_SESSION_HANDLE session,
                                      const struct kedge_pkcs11_uri *uri,
                                      struct kedge_pkcs11_key *key,
                                      struct kedge_public_key *public_key)
{
    struct wanted wanted = {
        .class = CKO_PRIVATE_KEY, .id = uri->id, .id_size = uri->id_size, .label = uri->object};
    CK_OBJECT_HANDLE object;
    enum kedge_exit status = find_one(module, session, uri, &wanted, &object);
    if (status != KEDGE_EXIT_DONE)
        return status;
    if (wants_pin_each_time(module, session, object))
        return kedge_complain(
            KEDGE_EXIT_KEY,
            "token \"%s\": this key wants the PIN again before each signature, "
            "which is not done here: use kedge-sign prepare, the token's own tool "
            "and kedge-sign attach",
            uri->token);
    if (name_key(module, session, object, key) != KEDGE_OK)
        return kedge_complain(KEDGE_EXIT_KEY,
                              "token \"%s\": the key has neither an id nor a label of at most %d "
                              "bytes",
                              uri->token, ECC_MAX_ID_LEN);
    /* Whatever else bears that name would be signed with, or instead. */
    const struct wanted pair[] = {
        {CKO_PRIVATE_KEY, key->id, key->id_size, key->id_size > 0 ? "" : key->label},
        {CKO_PUBLIC_KEY, key->id, key->id_size, key->id_size > 0 ? "" : key->label}};
    for (size_t i = 0; i < 2 && status == KEDGE_EXIT_DONE; i++)
        status = find_one(module, session, uri, &pair[i], &object);
    if (status != KEDGE_EXIT_DONE)
        return status;
    if (read_public_key(module, session, object, public_key) != KEDGE_OK)
        return kedge_complain(KEDGE_EXIT_KEY,
                              "token \"%s\": the key is not one on P-256, or its public key cannot "
                              "be read",
                              uri->token);
    return KEDGE_EXIT_DONE;
}
