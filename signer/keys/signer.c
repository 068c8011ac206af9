/* signer.c: see signer.h. */
#include "signer/keys/signer.h"

#include "signer/files/input.h"
#include "signer/keys/key_file.h"
#include "signer/keys/load.h"
#include "signer/keys/pkcs11_uri.h"
#include "signer/keys/token.h"

#define HEADER_MAX 64u
#define MESSAGE_MAX 512u

bool kedge_signer_is_uri(const char *name)
{
    return kedge_pkcs11_uri_is(kedge_slice_text(name));
}

enum kedge_exit kedge_signer_open(const char *name, const struct kedge_password_source *source,
                                  struct kedge_signer *signer)
{
    *signer = (struct kedge_signer){.name = name};
    if (kedge_signer_is_uri(name))
        return kedge_token_open(name, source, &signer->token, &signer->public_key);
    enum kedge_exit status = kedge_load_private_key(name, source, &signer->key);
    signer->public_key = signer->key.public_key;
    return status;
}

void kedge_signer_close(struct kedge_signer *signer)
{
    kedge_token_close(signer->token);
    kedge_wipe(signer, sizeof *signer);
}

/* Only the armour's label tells; what cannot be read is left to whoever complains about it. */
static bool holds_public_key(const char *path)
{
    struct kedge_slice text = {0};
    struct kedge_pem pem;
    if (kedge_file_read(path, KEDGE_KEY_FILE_MAX, &text) != KEDGE_OK)
        return false;
    bool public_key = kedge_pem_read(text, &pem) == KEDGE_OK &&
                      kedge_slice_equal(pem.label, kedge_slice_text("PUBLIC KEY"));
    kedge_wipe(&pem, sizeof pem);
    kedge_file_release(text);
    return public_key;
}

enum kedge_exit kedge_signer_public_key(const char *name,
                                        const struct kedge_password_source *source,
                                        struct kedge_public_key *key)
{
    struct kedge_signer signer;
    if (!kedge_signer_is_uri(name) && holds_public_key(name))
        return kedge_load_public_key(name, key);
    enum kedge_exit status = kedge_signer_open(name, source, &signer);
    *key = signer.public_key;
    kedge_signer_close(&signer);
    return status;
}

enum kedge_rc kedge_signer_sign1(const struct kedge_signer *signer, struct kedge_slice payload,
                                 struct kedge_writer *out)
{
    uint8_t header_bytes[HEADER_MAX], message_bytes[MESSAGE_MAX];
    uint8_t signature[KEDGE_SIGNATURE_SIZE];
    struct kedge_writer header = kedge_writer(header_bytes, sizeof header_bytes);
    struct kedge_writer message = kedge_writer(message_bytes, sizeof message_bytes);
    KEDGE_TRY(kedge_cose_protected_write(&signer->public_key, &header));
    KEDGE_TRY(kedge_cose_sig_structure(kedge_writer_slice(&header), payload, &message));
    KEDGE_TRY(signer->token != NULL
                  ? kedge_token_sign(signer->token, kedge_writer_slice(&message), signature)
                  : kedge_sign(&signer->key, kedge_writer_slice(&message), signature));
    if (kedge_verify(&signer->public_key, kedge_writer_slice(&message),
                     kedge_slice(signature, sizeof signature)) != KEDGE_OK)
        return KEDGE_E_KEY;
    return kedge_cose_sign1_assemble(kedge_writer_slice(&header), signature, out);
}

enum kedge_rc kedge_signer_sign1_blank(const struct kedge_signer *signer, struct kedge_writer *out)
{
    static const uint8_t zeros[KEDGE_SIGNATURE_SIZE];
    uint8_t header_bytes[HEADER_MAX];
    struct kedge_writer header = kedge_writer(header_bytes, sizeof header_bytes);
    KEDGE_TRY(kedge_cose_protected_write(&signer->public_key, &header));
    return kedge_cose_sign1_assemble(kedge_writer_slice(&header), zeros, out);
}
