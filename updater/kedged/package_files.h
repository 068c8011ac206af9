/*
 * package_files.h: packages as files: checking an uploaded one against the server's trust records,
 * keeping it whole, and making the bytes that devices are sent.
 *
 * Below the data folder: packages/<manifest digest>.suit is the package as it was signed;
 * fw/<sha256> is what devices download, named by the SHA-256 of exactly those bytes: the envelope
 * without text and attachments, or the bare image of a --deliver payload package.
 * A file is whole or absent: each is written beside its name, synced and renamed.
 */
#ifndef KEDGE_UPDATER_PACKAGE_FILES_H
#define KEDGE_UPDATER_PACKAGE_FILES_H

#include <kedge/suit.h>

#define KEDGE_PACKAGE_KEYS_MAX 64u    /* trust records of one server */
#define KEDGE_PACKAGE_NAME_MAX 128u   /* vendor domain and class name taken from the text */
#define KEDGE_PACKAGE_REASON_MAX 256u /* a refusal in words */

/** What an accepted package says, copied out of it. */
struct kedge_package_info {
    char id[2 * KEDGE_SHA256_SIZE + 1];          /* manifest digest */
    char device_file[2 * KEDGE_SHA256_SIZE + 1]; /* SHA-256 of what devices are sent */
    uint64_t package_size;
    uint64_t device_file_size;
    struct kedge_suit_manifest manifest; /* its slices are cleared: they borrowed the file */
    char version[KEDGE_SUIT_VERSION_TEXT_MAX];
    char vendor_domain[KEDGE_PACKAGE_NAME_MAX]; /* empty when the text does not say */
    char class_name[KEDGE_PACKAGE_NAME_MAX];
    char description[KEDGE_PACKAGE_REASON_MAX];
    char hardware[KEDGE_SUIT_HARDWARE_MAX * (KEDGE_SUIT_HARDWARE_TEXT_MAX + 1u)]; /* on lines */
    bool signed_by[KEDGE_PACKAGE_KEYS_MAX]; /* by index of the trusted keys */
};

/**
 * kedge_package_accept() checks the file at `upload` completely (signatures, manifest, every frame,
 * image, text, attachments) and keeps it and its device file below `data_folder`. It blocks for
 * reading the file once. On refusal nothing is stored, and `reason` says why in words; the upload
 * itself stays the caller's to remove. Accepting the same package again is no failure, and replaces
 * nothing, also when other signatures stand over the same manifest. KEDGE_E_SPACE: the disk is
 * full.
 */
enum kedge_rc kedge_package_accept(const char *data_folder, const char *upload,
                                   const struct kedge_suit_trust *trust,
                                   struct kedge_package_info *info,
                                   char reason[KEDGE_PACKAGE_REASON_MAX]) KEDGE_MUST_USE;

/**
 * kedge_package_remove() removes both files, or one of them (the other name is NULL); files that
 * are not there are no failure.
 */
void kedge_package_remove(const char *data_folder, const char *id, const char *device_file);

/** Whether a file of this digest belongs to a package that the server knows. */
typedef bool kedge_package_known_fn(void *context, const char *digest);

/**
 * kedge_package_sweep() removes what a crash left behind: half-written files, and files that belong
 * to no package. Files of other names are left alone. Returns how many were removed.
 */
size_t kedge_package_sweep(const char *data_folder, kedge_package_known_fn *package_known,
                           kedge_package_known_fn *device_file_known, void *context);

/** A device file mapped into memory, shared by all downloads. */
struct kedge_package_mapping {
    struct kedge_slice bytes;
    uint8_t etag[8]; /* the first bytes of its SHA-256 */
};

/** Maps DIR/fw/<device_file>; KEDGE_E_SYSTEM when it cannot be read. Unmap when no one serves it.
 */
enum kedge_rc kedge_package_map(const char *data_folder, const char *device_file,
                                struct kedge_package_mapping *mapping) KEDGE_MUST_USE;
void kedge_package_unmap(struct kedge_package_mapping *mapping);

#endif
