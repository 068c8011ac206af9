// links: kedge-install
/*
 * An envelope as it streams into a slot. The first byte sizes the pieces. The seeds are signed by
 * the key below, so that mutations of the payload get past the signature. Flash is a buffer that
 * aborts when it is touched before the manifest was authenticated.
 */
#include "agent/install/install.h"

#include <stdlib.h>
#include <string.h>

#define SIZE 65536u
#define ERASE 4096u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t memory[3][SIZE];
static struct kedge_install installing;

static void check_touch(void)
{
    if (kedge_install_manifest(&installing) == NULL)
        abort();
}

static enum kedge_rc read_memory(void *context, uint32_t offset, void *out, size_t size)
{
    if (offset > SIZE || size > SIZE - offset)
        abort();
    memcpy(out, (uint8_t *)context + offset, size);
    return KEDGE_OK;
}

static enum kedge_rc write_memory(void *context, uint32_t offset, const void *from, size_t size)
{
    if (offset > SIZE || size > SIZE - offset)
        abort();
    check_touch();
    memcpy((uint8_t *)context + offset, from, size);
    return KEDGE_OK;
}

static enum kedge_rc erase_memory(void *context, uint32_t offset, uint32_t size)
{
    if (offset % ERASE != 0 || size % ERASE != 0 || offset > SIZE || size > SIZE - offset)
        abort();
    check_touch();
    memset((uint8_t *)context + offset, 0xFF, size);
    return KEDGE_OK;
}

static enum kedge_rc sync_memory(void *context)
{
    (void)context;
    return KEDGE_OK;
}

static void push_all(const uint8_t *data, size_t size, size_t piece)
{
    for (size_t at = 0; at < size; at += piece) {
        size_t take = size - at < piece ? size - at : piece;
        if (kedge_install_push(&installing, kedge_slice(data + at, take)) != KEDGE_OK)
            return;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t secret[32] = {7};
    static struct kedge_private_key key;
    static struct kedge_slot_image work;
    struct kedge_flash flash[3];
    struct kedge_install_identity identity = {0};
    if (size == 0)
        return 0;
    if (key.public_key.algorithm == 0 &&
        kedge_private_key_from_secret(KEDGE_ED25519, secret, &key) != KEDGE_OK)
        abort();
    struct kedge_suit_trust trust = {.keys = &key.public_key, .key_count = 1, .required = 1};
    memset(memory, 0xFF, sizeof memory);
    for (size_t i = 0; i < 3; i++)
        flash[i] = (struct kedge_flash){.context = memory[i],
                                        .size = SIZE,
                                        .erase_size = ERASE,
                                        .write_size = 8,
                                        .erased_value = 0xFF,
                                        .read = read_memory,
                                        .write = write_memory,
                                        .erase = erase_memory,
                                        .sync = sync_memory};
    struct kedge_boot boot = {
        .record = &flash[0], .slots = {&flash[1], &flash[2]}, .trust = &trust, .work = &work};
    kedge_vendor_uuid(kedge_slice_text("example.com"), identity.vendor);
    kedge_class_uuid(identity.vendor, kedge_slice_text("board-a"), identity.class_id);
    if (kedge_install_begin(&installing, &boot, &identity, 1) != KEDGE_OK)
        abort();
    push_all(data + 1, size - 1, (size_t)data[0] + 1);
    /* What says that it is installed must be what may be run. */
    bool done = kedge_install_end(&installing) == KEDGE_OK;
    if (done != (kedge_slot_verify(&flash[2], 1, &trust, &work) == KEDGE_OK))
        abort();
    return 0;
}
