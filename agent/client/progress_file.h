/*
 * progress_file.h: where a download can be gone on with after a restart, as the file
 * agent.download. Which package it was is said by the full URI, the entity tag of what was served
 * there, and the manifest's digest in the point. Nothing in it is believed: see resume.h.
 */
#ifndef KEDGE_AGENT_PROGRESS_FILE_H
#define KEDGE_AGENT_PROGRESS_FILE_H

#include "agent/client/record_file.h"
#include "agent/fetch/transfer.h"
#include "agent/install/install.h"

#include <kedge/lwm2m.h>

#define KEDGE_PROGRESS_FILE "agent.download"
#define KEDGE_PROGRESS_SIZE_MAX 9216u

struct kedge_progress {
    char uri[KEDGE_LWM2M_STRING_MAX + 1];
    struct kedge_etag etag; /* never empty in a file */
    struct kedge_install_point point;
    uint64_t furthest; /* bytes of image that any beginning of this download came to */
    size_t head_size;
    uint8_t head[KEDGE_SUIT_HEAD_MAX];
};

enum kedge_rc kedge_progress_encode(const struct kedge_progress *progress,
                                    struct kedge_writer *out) KEDGE_MUST_USE;
/** A result of record.h, or KEDGE_E_MALFORMED, unless every byte is right. */
enum kedge_rc kedge_progress_decode(struct kedge_slice bytes,
                                    struct kedge_progress *progress) KEDGE_MUST_USE;

/** kedge_progress_load() reads the file; see kedge_record_file_read(). */
enum kedge_rc kedge_progress_load(const struct kedge_folder *folder,
                                  struct kedge_progress *progress) KEDGE_MUST_USE;
/** Replaces the file; see kedge_record_file_replace(). */
enum kedge_rc kedge_progress_save(const struct kedge_folder *folder,
                                  const struct kedge_progress *progress) KEDGE_MUST_USE;
/** Removes the file, if there is one; nothing rests on it. */
void kedge_progress_remove(const struct kedge_folder *folder);

#endif
