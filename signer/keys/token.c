/* token.c: see token.h. */
#include <wolfssl/options.h>

#include <wolfssl/wolfcrypt/ecc.h>
#include <wolfssl/wolfcrypt/random.h>

#include "signer/keys/ecdsa_signature.h"
#include "signer/keys/pkcs11_key.h"
#include "signer/keys/token.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DER_SIGNATURE_MAX 80u

/* PKCS#11 v2.40; wolfCrypt's header leaves them out. */
#define REASON_PIN_INCORRECT 0x000000A0UL
#define REASON_PIN_INVALID 0x000000A1UL
#define REASON_PIN_LEN_RANGE 0x000000A2UL
#define REASON_PIN_LOCKED 0x000000A4UL
#define REASON_USER_ALREADY_LOGGED_IN 0x00000100UL

struct kedge_token {
    Pkcs11Dev *module;
    Pkcs11Token wolf; /* what wolfCrypt's callback works with; its session is ours */
    int device;       /* wolfCrypt's number for it; INVALID_DEVID before */
    bool session_open;
    bool wolfcrypt_open;
    struct kedge_pkcs11_key key;
};

/* ---- the URI ---- */

static enum kedge_exit read_uri(const char *text, struct kedge_pkcs11_uri *uri)
{
    struct kedge_slice fault;
    enum kedge_rc rc = kedge_pkcs11_uri_parse(kedge_slice_text(text), uri, &fault);
    int size = fault.size < 64 ? (int)fault.size : 64;
    const char *name = fault.size > 0 ? (const char *)fault.data : "";
    switch (rc) {
    case KEDGE_OK:
        return KEDGE_EXIT_DONE;
    case KEDGE_E_REFUSED:
        return kedge_complain(KEDGE_EXIT_USAGE,
                              "a PKCS#11 URI may not hold the PIN (pin-value): every user of this "
                              "machine can read the command line. Use --pin-source, or pin-source "
                              "in the URI, and change that PIN");
    case KEDGE_E_MISSING:
        return kedge_complain(KEDGE_EXIT_USAGE,
                              "%s: a PKCS#11 URI needs token=LABEL, and object=LABEL or id=%%..",
                              text);
    case KEDGE_E_UNSUPPORTED:
        return kedge_complain(
            KEDGE_EXIT_USAGE,
            "the PKCS#11 URI's attribute %.*s is not taken here, or not with this "
            "value: token, manufacturer, model, serial, object, id, type are; "
            "module-path (absolute) and pin-source (file: or env:) after the \"?\"",
            size, name);
    default:
        return kedge_complain(KEDGE_EXIT_USAGE, "the PKCS#11 URI is not a good one%s%.*s: %s",
                              fault.size > 0 ? " at the attribute " : "", size, name,
                              kedge_rc_text(rc));
    }
}

/* ---- logging in ---- */

static enum kedge_exit complain_login(const struct kedge_pkcs11_uri *uri, CK_RV reason)
{
    switch (reason) {
    case REASON_PIN_INCORRECT:
    case REASON_PIN_INVALID:
    case REASON_PIN_LEN_RANGE:
        return kedge_complain(KEDGE_EXIT_KEY, "token \"%s\": the PIN is wrong", uri->token);
    case REASON_PIN_LOCKED:
        return kedge_complain(KEDGE_EXIT_KEY, "token \"%s\": its PIN is locked", uri->token);
    default:
        return kedge_complain(KEDGE_EXIT_KEY, "token \"%s\": logging in failed (0x%lx)", uri->token,
                              reason);
    }
}

static enum kedge_exit take_pin(const struct kedge_pkcs11_uri *uri,
                                const struct kedge_password_source *source,
                                struct kedge_password *pin)
{
    char what[128];
    struct kedge_password_source chosen = *source;
    snprintf(what, sizeof what, "token %s", uri->token);
    if (source->place == KEDGE_PASSWORD_TERMINAL && uri->pin_source[0] != '\0' &&
        kedge_password_source_parse(uri->pin_source, &chosen) != KEDGE_OK)
        return kedge_complain(KEDGE_EXIT_USAGE, "the URI's pin-source is file: or env:");
    return kedge_password_take(&chosen, what, pin);
}

static enum kedge_exit log_in(struct kedge_token *token, const struct kedge_pkcs11_uri *uri,
                              const struct kedge_pkcs11_slot *slot,
                              const struct kedge_password_source *source)
{
    struct kedge_password pin = {.size = 0};
    enum kedge_exit status = KEDGE_EXIT_DONE;
    if (!slot->login_required)
        return KEDGE_EXIT_DONE;
    if (!slot->has_own_keypad)
        status = take_pin(uri, source, &pin);
    if (status == KEDGE_EXIT_DONE) {
        CK_RV reason = token->module->func->C_Login(token->wolf.handle, CKU_USER,
                                                    slot->has_own_keypad ? NULL : pin.bytes,
                                                    slot->has_own_keypad ? 0 : (CK_ULONG)pin.size);
        /* A token is logged in to once for all sessions of a program. */
        if (reason != CKR_OK && reason != REASON_USER_ALREADY_LOGGED_IN)
            status = complain_login(uri, reason);
    }
    kedge_wipe(&pin, sizeof pin);
    return status;
}

/* ---- opening ---- */

static enum kedge_exit open_session(struct kedge_token *token, const struct kedge_pkcs11_uri *uri,
                                    const struct kedge_pkcs11_slot *slot)
{
    CK_SESSION_HANDLE session;
    CK_RV reason =
        token->module->func->C_OpenSession(slot->id, CKF_SERIAL_SESSION, NULL, NULL, &session);
    if (reason != CKR_OK)
        return kedge_complain(KEDGE_EXIT_KEY, "token \"%s\": no session can be opened (0x%lx)",
                              uri->token, reason);
    token->session_open = true;
    token->wolf = (Pkcs11Token){.func = token->module->func, .slotId = slot->id, .handle = session};
    return KEDGE_EXIT_DONE;
}

/* Makes the token known to wolfCrypt, whose numbers are the whole program's: each is given once. */
static enum kedge_exit register_device(struct kedge_token *token)
{
    static int last_device;
    token->wolfcrypt_open = wolfCrypt_Init() == 0;
    if (!token->wolfcrypt_open ||
        wc_CryptoCb_RegisterDevice(last_device + 1, wc_Pkcs11_CryptoDevCb, &token->wolf) != 0)
        return kedge_complain(KEDGE_EXIT_KEY, "too many tokens at once");
    token->device = ++last_device;
    return KEDGE_EXIT_DONE;
}

static enum kedge_exit open_key(struct kedge_token *token, const struct kedge_pkcs11_uri *uri,
                                const struct kedge_password_source *source,
                                struct kedge_public_key *key)
{
    struct kedge_pkcs11_slot slot;
    enum kedge_exit status = kedge_pkcs11_module_open(uri, &token->module);
    if (status == KEDGE_EXIT_DONE)
        status = kedge_pkcs11_slot_choose(token->module, uri, &slot);
    if (status == KEDGE_EXIT_DONE)
        status = open_session(token, uri, &slot);
    if (status == KEDGE_EXIT_DONE)
        status = log_in(token, uri, &slot, source);
    if (status == KEDGE_EXIT_DONE)
        status = kedge_pkcs11_key_find(token->module, token->wolf.handle, uri, &token->key, key);
    return status == KEDGE_EXIT_DONE ? register_device(token) : status;
}

enum kedge_exit kedge_token_open(const char *text, const struct kedge_password_source *source,
                                 struct kedge_token **out, struct kedge_public_key *key)
{
    struct kedge_pkcs11_uri uri;
    enum kedge_exit status = read_uri(text, &uri);
    if (status != KEDGE_EXIT_DONE)
        return status;
    struct kedge_token *token = calloc(1, sizeof *token);
    if (token == NULL)
        return kedge_complain_system("open", "the token");
    token->device = INVALID_DEVID;
    status = open_key(token, &uri, source, key);
    if (status != KEDGE_EXIT_DONE) {
        kedge_token_close(token);
        token = NULL;
    }
    *out = token;
    return status;
}

void kedge_token_close(struct kedge_token *token)
{
    if (token == NULL)
        return;
    if (token->device != INVALID_DEVID)
        wc_CryptoCb_UnRegisterDevice(token->device);
    if (token->wolfcrypt_open)
        wolfCrypt_Cleanup();
    if (token->session_open)
        token->module->func->C_CloseSession(token->wolf.handle);
    kedge_pkcs11_module_close(token->module);
    free(token);
}

/* ---- signing ---- */

static int init_key(struct kedge_token *token, ecc_key *key)
{
    int failed =
        token->key.id_size > 0
            ? wc_ecc_init_id(key, token->key.id, (int)token->key.id_size, NULL, token->device)
            : wc_ecc_init_label(key, token->key.label, NULL, token->device);
    return failed == 0 ? wc_ecc_set_curve(key, 32, ECC_SECP256R1) : failed;
}

enum kedge_rc kedge_token_sign(struct kedge_token *token, struct kedge_slice message,
                               uint8_t signature[KEDGE_SIGNATURE_SIZE])
{
    uint8_t hash[KEDGE_SHA256_SIZE], der[DER_SIGNATURE_MAX];
    word32 der_size = sizeof der;
    ecc_key key;
    WC_RNG random;
    kedge_sha256(message, hash);
    if (wc_InitRng(&random) != 0)
        return KEDGE_E_SYSTEM;
    int failed = init_key(token, &key);
    if (failed == 0)
        failed = wc_ecc_sign_hash(hash, sizeof hash, der, &der_size, &random, &key);
    wc_ecc_free(&key);
    wc_FreeRng(&random);
    return failed == 0 ? kedge_ecdsa_signature_from_der(kedge_slice(der, der_size), signature)
                       : KEDGE_E_KEY;
}
