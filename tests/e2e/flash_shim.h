/* flash_shim.h: what a device of flash_shim.c is like, and what is wrong with it. */
#ifndef KEDGE_TESTS_FLASH_SHIM_H
#define KEDGE_TESTS_FLASH_SHIM_H

#include <stdatomic.h>
#include <stdint.h>

#define SHIM_DEVICES 3
#define SHIM_NOWHERE 0xFFFFFFFFu

enum { SHIM_BLOCK = 1, SHIM_MTD = 2, SHIM_MTD_BLOCK = 4 /* flash as a block device */ };
enum {
    SHIM_READ_ONLY = 1,
    SHIM_READ_ONLY_OPENS = 2
}; /* the latter lets itself be opened to write */

/** shims.py has the same fields in the same order. */
struct shim_device {
    _Atomic uint32_t kind;         /* one of the above; 0: it is not there */
    _Atomic uint32_t number;       /* tells it from the others */
    _Atomic uint32_t erase_size;   /* of a block device: its physical sectors */
    _Atomic uint32_t write_size;   /* MTD */
    _Atomic uint32_t type;         /* MTD: MTD_NORFLASH or another */
    _Atomic uint32_t uneven;       /* MTD: its first region has erase units of half the size */
    _Atomic uint32_t in_use;       /* block device: somebody else has it */
    _Atomic uint32_t read_only;    /* one of the two above, or 0 */
    _Atomic uint32_t gone;         /* what is open fails, too */
    _Atomic uint32_t erase_error;  /* errno of MEMERASE; 0: none */
    _Atomic uint32_t sync_error;   /* errno; 0: none */
    _Atomic uint32_t bad_write_at; /* a write over this offset fails with EIO; or SHIM_NOWHERE */
    _Atomic uint32_t bad_read_at;  /* a read over it, likewise */
    _Atomic uint32_t forgets_at;   /* a write loses a bit there, and says nothing */
    _Atomic uint32_t writes, erases, syncs;
    _Atomic uint32_t violations; /* what no program may do to flash */
};

#endif
