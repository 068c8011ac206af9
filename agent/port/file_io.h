/* file_io.h: whole reads and writes at a place of a file, or of a device. */
#ifndef KEDGE_AGENT_PORT_FILE_IO_H
#define KEDGE_AGENT_PORT_FILE_IO_H

#include <kedge/base.h>

/** kedge_file_read() fails with KEDGE_E_FLASH past the end, else with KEDGE_E_SYSTEM and errno. */
enum kedge_rc kedge_file_read(int file, uint32_t offset, void *out, size_t size) KEDGE_MUST_USE;
/** kedge_file_write() fails with KEDGE_E_SYSTEM and errno; any part may have been written then. */
enum kedge_rc kedge_file_write(int file, uint32_t offset, const void *data,
                               size_t size) KEDGE_MUST_USE;

#endif
