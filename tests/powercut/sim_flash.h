/*
 * sim_flash.h: simulated flash under the real boot and install code: a boot record and two slots;
 * and where another bootloader keeps its environment, the files of that.
 *
 * It holds its users to the seam's contract (alignment, bounds, each write unit written at most
 * once between two erases), keeps a log of what was asked of it, and can be made to fail. What a
 * cut of power may leave behind is cut.h's matter, which works on the log.
 */
#ifndef KEDGE_TESTS_SIM_FLASH_H
#define KEDGE_TESTS_SIM_FLASH_H

#include <kedge/boot.h>

#define SIM_REGIONS 5
#define SIM_RECORD 0
#define SIM_SLOT(n) (1 + (n))
#define SIM_ENVIRONMENT(n) (3 + (n))
#define SIM_FOLDER SIM_REGIONS /* no flash: see sim_folder.h */
#define SIM_FOLDER_SIZE 13312u

struct sim_geometry {
    const char *name;
    uint32_t write_size;
    uint32_t erase_size;
    uint32_t
        record_erase_size; /* where the boot record's sectors are of another size; 0: the same */
    uint8_t erased_value;
    bool cached; /* writes and erases are volatile until a sync, and may get durable in any order */
    bool one_disk;               /* cached: a sync of one region makes all of them durable */
    bool ecc;                    /* a torn unit cannot be read until it is erased */
    unsigned environment_copies; /* of U-Boot's environment, see sim_environment.h; 0: none */
    uint32_t environment_size;   /* of one */
    bool folder;                 /* there is a folder of files beside it */
};

/* Cells of an unstable unit are between its bytes and the erased value: each reading differs. */
enum sim_unit { SIM_UNIT_ERASED, SIM_UNIT_WRITTEN, SIM_UNIT_TORN, SIM_UNIT_UNSTABLE };

/* What an unstable unit reads as: the simulator may want to know both ends. */
enum sim_reading { SIM_READ_BY_LOT, SIM_READ_WRITTEN, SIM_READ_ERASED };

enum sim_kind { SIM_WRITE, SIM_ERASE, SIM_SYNC };

struct sim_op {
    enum sim_kind kind;
    unsigned region;
    uint32_t offset; /* in the region */
    uint32_t size;   /* of a sync: 0 for all of the region */
    size_t data;     /* of a write: where its bytes begin in sim_flash.data */
    bool whole;      /* a file system's own: it is there or is not, never torn */
};

struct sim_region {
    struct sim_flash *sim;
    unsigned index;
    uint32_t base; /* of its bytes in the state */
};

struct sim_flash {
    struct sim_geometry geometry;
    struct sim_region regions[SIM_REGIONS + 1];
    struct kedge_flash flash[SIM_REGIONS];
    /* The state: all bytes, then an enum sim_unit for each write unit. */
    uint8_t *state;
    size_t bytes_size, state_size;
    struct sim_op *log;
    size_t log_count, log_capacity;
    uint8_t *data;
    size_t data_size, data_capacity;
    const char *violation; /* the first breach of the contract; NULL when there was none */
    size_t weak_op;        /* the logged write whose first bit does not hold; SIZE_MAX: none */
    bool fail_reads[SIM_REGIONS], fail_writes[SIM_REGIONS];
    enum sim_reading reading;
    uint64_t readings; /* so far: each gives unstable units another value */
};

/** Makes blank flash with room for `image_capacity` bytes of image in each slot; aborts without
 * memory. */
void sim_init(struct sim_flash *sim, const struct sim_geometry *geometry, uint32_t image_capacity);
void sim_free(struct sim_flash *sim);
void sim_clear_log(struct sim_flash *sim);

/** The size of a region's sectors. */
uint32_t sim_erase_size(const struct sim_geometry *geometry, unsigned region);

/** Whether any unit of a region is unstable. */
bool sim_is_unstable(const struct sim_flash *sim, unsigned region);

/** The bytes of a region; tests may change them behind the code's back. */
uint8_t *sim_bytes(const struct sim_flash *sim, unsigned region);

/* The parts of one operation on a state as `sim` has it. `data` is where its bytes are logged. */
void sim_program(const struct sim_flash *sim, uint8_t *state, const struct sim_op *op,
                 const uint8_t *data, uint32_t first, uint32_t end);
void sim_erase(const struct sim_flash *sim, uint8_t *state, const struct sim_op *op, uint32_t first,
               uint32_t end);
/** Makes the write units that [first, end) of `op` touches such ones, whatever they hold. */
void sim_mark(const struct sim_flash *sim, uint8_t *state, const struct sim_op *op, uint32_t first,
              uint32_t end, enum sim_unit unit);
/** The byte of `state` at `offset` of the operation's range. */
uint8_t *sim_byte(const struct sim_flash *sim, uint8_t *state, const struct sim_op *op,
                  uint32_t offset);

/** Writes over what is there, as a file is written: without an erase. */
struct sim_op *sim_overwrite(struct sim_flash *sim, unsigned region, uint32_t offset,
                             const void *data, size_t size);
/** Makes a range of the folder durable. */
void sim_sync_folder(struct sim_flash *sim, uint32_t offset, uint32_t size);

/** malloc() that does not fail: without memory there is nothing to simulate. */
void *sim_allocate(size_t size);

#endif
