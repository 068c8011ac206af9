/*
 * access.h: who may do what on this device: the instances of the Access Control object (OMA LwM2M
 * Core 1.1, section 8 and appendix E.3), and the right that follows from them. Pure.
 *
 * One instance is about one instance of another object. It has an owner, and access control lists
 * by Short Server ID, each a mask of rights; list 0 is for all servers without one of their own.
 */
#ifndef KEDGE_AGENT_ACCESS_H
#define KEDGE_AGENT_ACCESS_H

#include <kedge/base.h>

#define KEDGE_ACCESS_ENTRIES_MAX 8u   /* instances of object 2 */
#define KEDGE_ACCESS_LISTS_MAX 6u     /* lists of one of them */
#define KEDGE_ACCESS_DEFAULT 0u       /* the list for servers that have none of their own */
#define KEDGE_ACCESS_BOOTSTRAP 65535u /* as owner: only a bootstrap server manages it */
#define KEDGE_ACCESS_SIZE_MAX \
    (KEDGE_ACCESS_ENTRIES_MAX * (9u + 3u * KEDGE_ACCESS_LISTS_MAX)) /* encoded */

/** The bits of a list (resource /2/x/2); Read stands for Observe and Write-Attributes too. */
enum kedge_access_right {
    KEDGE_ACCESS_READ = 1,
    KEDGE_ACCESS_WRITE = 2,
    KEDGE_ACCESS_EXECUTE = 4,
    KEDGE_ACCESS_DELETE = 8,
    KEDGE_ACCESS_CREATE = 16
};
#define KEDGE_ACCESS_ALL 31u

struct kedge_access_list {
    uint16_t server; /* KEDGE_ACCESS_DEFAULT */
    uint8_t rights;
};

struct kedge_access_entry {
    uint16_t number;           /* of the instance of object 2 */
    uint16_t object, instance; /* what it is about; object 0: that is not written yet */
    uint16_t owner;            /* 0: not written yet */
    struct kedge_access_list lists[KEDGE_ACCESS_LISTS_MAX]; /* by rising server */
    uint8_t list_count;
};

/** Zeroed, it has no instances: whoever is registered may do everything. */
struct kedge_access {
    struct kedge_access_entry entries[KEDGE_ACCESS_ENTRIES_MAX];
    size_t count;
};

/** The instance about /object/instance, or with `number`; NULL when there is none. */
const struct kedge_access_entry *kedge_access_about(const struct kedge_access *access,
                                                    uint16_t object, uint16_t instance);
struct kedge_access_entry *kedge_access_numbered(struct kedge_access *access, uint16_t number);
/** Appends an empty one; NULL when there are KEDGE_ACCESS_ENTRIES_MAX. */
struct kedge_access_entry *kedge_access_add(struct kedge_access *access, uint16_t number);
/** False when there is none with `number`. */
bool kedge_access_remove(struct kedge_access *access, uint16_t number);

/** Sets or adds the list of `server`; false when there is no place for it. */
bool kedge_access_set_list(struct kedge_access_entry *entry, uint16_t server, uint8_t rights);
/** False when the server has no list. */
bool kedge_access_remove_list(struct kedge_access_entry *entry, uint16_t server);

/**
 * kedge_access_rights() is the mask of what `server` may do to /object/instance: everything where
 * no instance of object 2 is about it.
 */
uint8_t kedge_access_rights(const struct kedge_access *access, uint16_t object, uint16_t instance,
                            uint16_t server);

/**
 * kedge_access_forget() takes the server's account out (appendix E.1.3): its lists go, and what it
 * owned is owned by the server that may write and delete most of it; without one the instance goes.
 */
void kedge_access_forget(struct kedge_access *access, uint16_t server);

/** Why the instances that a bootstrap server has written cannot hold, in words; NULL: they can. */
const char *kedge_access_flaw(const struct kedge_access *access);

/** At most KEDGE_ACCESS_SIZE_MAX bytes. */
enum kedge_rc kedge_access_encode(const struct kedge_access *access,
                                  struct kedge_writer *out) KEDGE_MUST_USE;
/** Fails unless every byte is right and kedge_access_flaw() finds nothing. */
enum kedge_rc kedge_access_decode(struct kedge_slice bytes,
                                  struct kedge_access *access) KEDGE_MUST_USE;

#endif
