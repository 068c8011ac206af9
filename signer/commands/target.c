/* target.c: see target.h. */
#include "signer/commands/target.h"

#define NAME_SIZE_MAX 127u /* bytes of a vendor domain or class name */
#define UUID_TEXT_SIZE 36u

static enum kedge_exit check_name(const struct kedge_target_options *options, const char *option,
                                  const char *given)
{
    struct kedge_slice name = kedge_slice_text(given);
    if (name.size > 0 && name.size <= NAME_SIZE_MAX && kedge_utf8_printable(name))
        return KEDGE_EXIT_DONE;
    return kedge_complain(KEDGE_EXIT_USAGE, "%s: --%s is printable UTF-8 of 1 to %u bytes",
                          options->command, option, NAME_SIZE_MAX);
}

/* RFC 9562 section 4: 8-4-4-4-12 hex digits, in either case. */
static enum kedge_exit take_uuid(const struct kedge_target_options *options, const char *option,
                                 const char *given, uint8_t uuid[16])
{
    char digits[32];
    size_t count = 0;
    struct kedge_slice text = kedge_slice_text(given);
    bool whole = text.size == UUID_TEXT_SIZE;
    for (size_t i = 0; whole && i < UUID_TEXT_SIZE; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        whole = dash == (given[i] == '-');
        if (!dash)
            digits[count++] = given[i];
    }
    if (whole && kedge_hex_decode(kedge_slice(digits, sizeof digits), uuid, 16) == KEDGE_OK)
        return KEDGE_EXIT_DONE;
    return kedge_complain(KEDGE_EXIT_USAGE,
                          "%s: --%s is a UUID such as cfbff0d1-9375-5685-968c-48ce8b15ae17, not %s",
                          options->command, option, given);
}

static enum kedge_exit one_of(const struct kedge_target_options *options, const char *option)
{
    return kedge_complain(KEDGE_EXIT_USAGE, "%s: needs --%s or --%s-uuid, one of them",
                          options->command, option, option);
}

static enum kedge_exit take_vendor(const struct kedge_arguments *arguments,
                                   const struct kedge_target_options *options,
                                   struct kedge_suit_manifest *manifest)
{
    const char *domain = kedge_argument(arguments, options->vendor);
    const char *uuid = kedge_argument(arguments, options->vendor_uuid);
    if ((domain == NULL) == (uuid == NULL))
        return one_of(options, "vendor");
    if (uuid != NULL)
        return take_uuid(options, "vendor-uuid", uuid, manifest->vendor);
    kedge_vendor_uuid(kedge_slice_text(domain), manifest->vendor);
    return check_name(options, "vendor", domain);
}

static enum kedge_exit take_class(const struct kedge_arguments *arguments,
                                  const struct kedge_target_options *options,
                                  struct kedge_suit_manifest *manifest)
{
    const char *name = kedge_argument(arguments, options->class_name);
    const char *uuid = kedge_argument(arguments, options->class_uuid);
    if ((name == NULL) == (uuid == NULL))
        return one_of(options, "class");
    if (uuid != NULL)
        return take_uuid(options, "class-uuid", uuid, manifest->class_id);
    kedge_class_uuid(manifest->vendor, kedge_slice_text(name), manifest->class_id);
    return check_name(options, "class", name);
}

static enum kedge_exit take_hardware(const struct kedge_arguments *arguments,
                                     const struct kedge_target_options *options,
                                     struct kedge_suit_manifest *manifest)
{
    size_t count = arguments->counts[options->hardware];
    if (count > KEDGE_SUIT_HARDWARE_MAX)
        return kedge_complain(KEDGE_EXIT_USAGE, "%s: a package names at most %u hardware revisions",
                              options->command, KEDGE_SUIT_HARDWARE_MAX);
    for (size_t i = 0; i < count; i++) {
        struct kedge_slice revision = kedge_slice_text(arguments->values[options->hardware][i]);
        if (revision.size == 0 || revision.size > KEDGE_SUIT_HARDWARE_TEXT_MAX ||
            !kedge_utf8_printable(revision))
            return kedge_complain(KEDGE_EXIT_USAGE,
                                  "%s: --hardware is printable UTF-8 of 1 to %u bytes",
                                  options->command, KEDGE_SUIT_HARDWARE_TEXT_MAX);
        manifest->hardware[i] = revision;
    }
    manifest->hardware_count = count;
    return KEDGE_EXIT_DONE;
}

static enum kedge_exit take_bound(const struct kedge_target_options *options, const char *option,
                                  const char *given, struct kedge_suit_version *bound)
{
    if (given == NULL || kedge_suit_version_parse(kedge_slice_text(given), bound) == KEDGE_OK)
        return KEDGE_EXIT_DONE;
    return kedge_complain(KEDGE_EXIT_USAGE,
                          "%s: --%s %s cannot be expressed in a SUIT manifest: it is written as "
                          "--version is",
                          options->command, option, given);
}

static enum kedge_exit take_window(const struct kedge_arguments *arguments,
                                   const struct kedge_target_options *options,
                                   struct kedge_suit_manifest *manifest)
{
    const char *min = kedge_argument(arguments, options->min_version);
    const char *max = kedge_argument(arguments, options->max_version);
    enum kedge_exit status = take_bound(options, "min-version", min, &manifest->min_version);
    if (status == KEDGE_EXIT_DONE)
        status = take_bound(options, "max-version", max, &manifest->max_version);
    if (status == KEDGE_EXIT_DONE && min != NULL && max != NULL &&
        kedge_suit_version_compare(&manifest->min_version, &manifest->max_version) > 0)
        status = kedge_complain(KEDGE_EXIT_USAGE,
                                "%s: no version is between --min-version %s and --max-version %s",
                                options->command, min, max);
    return status;
}

enum kedge_exit kedge_target_take(const struct kedge_arguments *arguments,
                                  const struct kedge_target_options *options,
                                  struct kedge_suit_manifest *manifest)
{
    enum kedge_exit status = take_vendor(arguments, options, manifest);
    if (status == KEDGE_EXIT_DONE)
        status = take_class(arguments, options, manifest);
    if (status == KEDGE_EXIT_DONE)
        status = take_hardware(arguments, options, manifest);
    return status == KEDGE_EXIT_DONE ? take_window(arguments, options, manifest) : status;
}
