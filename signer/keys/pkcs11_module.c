/* pkcs11_module.c: see pkcs11_module.h. */
#include "signer/keys/pkcs11_module.h"

#include <stdlib.h>
#include <string.h>

#define MODULES_MAX 8u /* as many as keys may sign */
#define SLOTS_MAX 64u
#define DEFAULT_MODULE "p11-kit-proxy.so"
#define MODULE_VARIABLE "KEDGE_PKCS11_MODULE"

/* PKCS#11 v2.40; wolfCrypt's header leaves them out. */
#define FLAG_LOGIN_REQUIRED 0x00000004UL
#define FLAG_PROTECTED_AUTHENTICATION_PATH 0x00000100UL
#define FLAG_TOKEN_INITIALIZED 0x00000400UL

/*
 * The modules in use. PKCS#11 knows one state of a module in a process (section 5.4 of the
 * specification), so this is global by its nature: two keys on one token share it.
 */
static struct {
    char path[KEDGE_PKCS11_PATH_MAX + 1];
    Pkcs11Dev module;
    size_t users;
} modules[MODULES_MAX];

static enum kedge_exit load(size_t index, const char *path)
{
    CK_RV reason = CKR_OK;
    memset(&modules[index].module, 0, sizeof modules[index].module);
    if (wc_Pkcs11_Initialize_ex(&modules[index].module, path, NULL, &reason) != 0)
        return kedge_complain(KEDGE_EXIT_KEY,
                              "the PKCS#11 module %s cannot be loaded (0x%lx): name the token's "
                              "library by module-path in the URI, or in " MODULE_VARIABLE,
                              path, reason);
    strcpy(modules[index].path, path);
    modules[index].users = 1;
    return KEDGE_EXIT_DONE;
}

enum kedge_exit kedge_pkcs11_module_open(const struct kedge_pkcs11_uri *uri, Pkcs11Dev **module)
{
    const char *path = uri->module_path[0] != '\0' ? uri->module_path : getenv(MODULE_VARIABLE);
    size_t unused = MODULES_MAX;
    if (path == NULL || path[0] == '\0')
        path = DEFAULT_MODULE;
    if (strlen(path) > KEDGE_PKCS11_PATH_MAX)
        return kedge_complain(KEDGE_EXIT_KEY, "the name of the PKCS#11 module is too long");
    for (size_t i = 0; i < MODULES_MAX; i++) {
        if (modules[i].users > 0 && strcmp(modules[i].path, path) == 0) {
            modules[i].users++;
            *module = &modules[i].module;
            return KEDGE_EXIT_DONE;
        }
        if (modules[i].users == 0)
            unused = i;
    }
    if (unused == MODULES_MAX)
        return kedge_complain(KEDGE_EXIT_KEY, "at most %u PKCS#11 modules at once", MODULES_MAX);
    enum kedge_exit status = load(unused, path);
    *module = &modules[unused].module;
    return status;
}

void kedge_pkcs11_module_close(Pkcs11Dev *module)
{
    for (size_t i = 0; i < MODULES_MAX; i++)
        if (&modules[i].module == module && modules[i].users > 0 && --modules[i].users == 0)
            wc_Pkcs11_Finalize(module);
}

/* Fields of a token are padded with blanks (PKCS#11 section 3.2). */
static bool field_is(const CK_UTF8CHAR *field, size_t size, const char *text)
{
    size_t length = strlen(text);
    if (length == 0)
        return true;
    if (length > size || memcmp(field, text, length) != 0)
        return false;
    for (size_t i = length; i < size; i++)
        if (field[i] != ' ')
            return false;
    return true;
}

static bool fits(const CK_TOKEN_INFO *token, const struct kedge_pkcs11_uri *uri)
{
    return (token->flags & FLAG_TOKEN_INITIALIZED) != 0 &&
           field_is(token->label, sizeof token->label, uri->token) &&
           field_is(token->manufacturerID, sizeof token->manufacturerID, uri->manufacturer) &&
           field_is(token->model, sizeof token->model, uri->model) &&
           field_is(token->serialNumber, sizeof token->serialNumber, uri->serial);
}

enum kedge_exit kedge_pkcs11_slot_choose(const Pkcs11Dev *module,
                                         const struct kedge_pkcs11_uri *uri,
                                         struct kedge_pkcs11_slot *slot)
{
    CK_SLOT_ID slots[SLOTS_MAX];
    CK_ULONG count = SLOTS_MAX;
    CK_RV rv = module->func->C_GetSlotList(1, slots, &count);
    if (rv != CKR_OK)
        return kedge_complain(KEDGE_EXIT_KEY, "the PKCS#11 module does not list its tokens (0x%lx)",
                              rv);
    size_t found = 0;
    for (CK_ULONG i = 0; i < count; i++) {
        CK_TOKEN_INFO token;
        if (module->func->C_GetTokenInfo(slots[i], &token) != CKR_OK || !fits(&token, uri))
            continue;
        *slot = (struct kedge_pkcs11_slot){
            .id = slots[i],
            .login_required = (token.flags & FLAG_LOGIN_REQUIRED) != 0,
            .has_own_keypad = (token.flags & FLAG_PROTECTED_AUTHENTICATION_PATH) != 0};
        found++;
    }
    if (found == 0)
        return kedge_complain(
            KEDGE_EXIT_KEY, "there is no token with the label \"%s\"%s among %lu %s", uri->token,
            uri->serial[0] != '\0' ? " and that serial number" : "", count,
            kedge_by_count(count, "slot", "slots"));
    if (found > 1)
        return kedge_complain(KEDGE_EXIT_KEY,
                              "%zu tokens have the label \"%s\": name one of them by serial too",
                              found, uri->token);
    return KEDGE_EXIT_DONE;
}
