/* secret_file.h: files that hold keys. */
#ifndef KEDGE_AGENT_SECRET_FILE_H
#define KEDGE_AGENT_SECRET_FILE_H

#include <kedge/base.h>

/**
 * kedge_secret_file_read() reads the first `capacity` bytes of the file, and leaves no other copy
 * of them in memory. KEDGE_E_SYSTEM with errno. `size` is `capacity` when there may be more.
 */
enum kedge_rc kedge_secret_file_read(const char *path, char *text, size_t capacity,
                                     size_t *size) KEDGE_MUST_USE;

#endif
