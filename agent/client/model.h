/*
 * model.h: the objects as a server sees them: which resources there are, what may be done with
 * them, and the formats. What a resource holds, and what writing or executing it does, is behind
 * hooks, so that this part is pure. Objects have the one instance 0, but for Access Control, which
 * has one for each instance of the others. What a server has no right to is refused here
 * (access.h).
 */
#ifndef KEDGE_AGENT_MODEL_H
#define KEDGE_AGENT_MODEL_H

#include "agent/client/access.h"

#include <kedge/coap.h>
#include <kedge/lwm2m.h>

#define KEDGE_MODEL_PAYLOAD_MAX 8192u        /* the largest answer: all that can be read, as JSON */
#define KEDGE_MODEL_RECORDS_MAX 128u         /* values in one answer */
#define KEDGE_MODEL_PATHS_MAX 16u            /* paths of a composite read; more are 4.13 */
#define KEDGE_MODEL_LINK_ATTRIBUTES_MAX 191u /* bytes behind one link of Discover */
#define KEDGE_MODEL_OBJECT_5_ATTRIBUTE ";ver=1.1"
/* OMA LwM2M Core 1.1, section 6.2.1: which formats there are, as attributes of the root. */
#define KEDGE_MODEL_FORMATS ";rt=\"oma.lwm2m\";ct=\"0 42 60 110 112 11542 11543 11544\""

/** What a resource holds and does, by its path. Codes are CoAP's, from kedge/coap.h. */
struct kedge_model_hooks {
    void *context;
    /**
     * Reads the value at `path`, which has four ids; the last one counts the instances of a
     * multiple resource, and is 0 for any other: where an instance has another id than its place,
     * that is put there. KEDGE_E_NOT_FOUND: there is no value. What `value` borrows stays as it is
     * until the answer is written.
     */
    enum kedge_rc (*read)(void *context, struct kedge_lwm2m_path *path,
                          struct kedge_lwm2m_value *value);
    /** What the server that asks may do to the instance: a mask of enum kedge_access_right. */
    uint8_t (*rights)(void *context, const struct kedge_lwm2m_path *instance);
    uint8_t (*write)(void *context, const struct kedge_lwm2m_path *path,
                     const struct kedge_lwm2m_value *value);
    /** The code by which write() always refuses this value, whatever else there is; 0: none. */
    uint8_t (*refusal)(void *context, const struct kedge_lwm2m_path *path,
                       const struct kedge_lwm2m_value *value);
    /** Makes what a server may write, and need not, of this instance, multiple resource or instance
     * of one what it is unwritten: 2.04, or why not. */
    uint8_t (*unset)(void *context, const struct kedge_lwm2m_path *path);
    /**
     * Between hold() and release() what is written, and lasts, is in memory alone. release() puts
     * it on the disk and answers 2.04; where that fails, 5.00, and without `keep` it is as it was.
     */
    void (*hold)(void *context);
    uint8_t (*release)(void *context, bool keep);
    /** `arguments` are as the grammar has them, see execute.h. */
    uint8_t (*execute)(void *context, const struct kedge_lwm2m_path *path,
                       struct kedge_slice arguments);
    /** Appends what Discover says of a path, ";pmin=10": all that holds there, or its own alone. */
    enum kedge_rc (*attributes)(void *context, const struct kedge_lwm2m_path *path, bool inherited,
                                struct kedge_writer *out);
    bool has_bootstrap_trigger; /* /1/0/9: there is a bootstrap server to be sent to */
};

struct kedge_model_request {
    uint8_t method;
    struct kedge_lwm2m_path path;
    uint32_t format; /* of the payload; KEDGE_LWM2M_FORMAT_NONE */
    uint32_t accept; /* KEDGE_LWM2M_FORMAT_NONE */
    struct kedge_slice payload;
};

struct kedge_model_answer {
    uint8_t code;
    uint32_t format; /* of the payload; KEDGE_LWM2M_FORMAT_NONE without one */
    /* Of a read: CRC-32 over the values, another one when one of them is. What always moves, the
     * time for one, counts only when it alone is read. */
    uint32_t mark;
};

/** What a read is about: one path or, of a composite read or observation, several. */
struct kedge_model_paths {
    struct kedge_lwm2m_path paths[KEDGE_MODEL_PATHS_MAX];
    size_t count;
    bool composite;
};

/** kedge_model_handle() carries a request out; a payload of the answer goes to `out`. */
struct kedge_model_answer kedge_model_handle(const struct kedge_model_hooks *hooks,
                                             const struct kedge_model_request *request,
                                             struct kedge_writer *out);

/** Which paths a GET or FETCH is about; 0, or the code that refuses it. */
uint8_t kedge_model_request_paths(const struct kedge_model_request *request,
                                  struct kedge_model_paths *paths);
/**
 * kedge_model_read() answers with what is at the paths now: what a notification holds. `accept` is
 * the format of the first answer. Of a composite read, what is not there is left out.
 */
struct kedge_model_answer kedge_model_read(const struct kedge_model_hooks *hooks,
                                           const struct kedge_model_paths *paths, uint32_t accept,
                                           struct kedge_writer *out);

/** The value, when the paths are one numeric resource or resource instance that has one. */
bool kedge_model_number(const struct kedge_model_hooks *hooks,
                        const struct kedge_model_paths *paths, double *number);
/** Whether attributes may be attached to `path`: 0, or the code that refuses it. */
uint8_t kedge_model_attributes_refusal(const struct kedge_model_hooks *hooks,
                                       const struct kedge_lwm2m_path *path, bool *is_number);
/** Whether the server that asks has that right on the instance at or above `path`. */
bool kedge_model_may(const struct kedge_model_hooks *hooks, const struct kedge_lwm2m_path *path,
                     enum kedge_access_right right);

/**
 * kedge_model_access() says which object the instance `instance` of Access Control is about: each
 * that a server may use at all has one. False when there is no such instance.
 */
bool kedge_model_access(uint16_t instance, uint16_t *object);

/** kedge_model_links() writes the payload of a Register: the objects and their instances. */
enum kedge_rc kedge_model_links(struct kedge_writer *out) KEDGE_MUST_USE;

#endif
