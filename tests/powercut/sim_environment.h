/*
 * sim_environment.h: the files of U-Boot's environment on the simulated disk. The real libubootenv
 * is linked into the simulator, and its open(2), read(2), write(2) and fsync(2) of these files come
 * here (--wrap of the linker): what it writes is logged, and cut, as flash is.
 *
 * One simulated disk at a time has the files; they belong to the program, not to a device.
 */
#ifndef KEDGE_TESTS_SIM_ENVIRONMENT_H
#define KEDGE_TESTS_SIM_ENVIRONMENT_H

#include "tests/powercut/sim_flash.h"

/** What a copy takes: two sectors of a disk, of which the second holds the slots' variables. */
#define SIM_ENVIRONMENT_SIZE 1024u

/** The path of a fw_env.config for one copy or two; made at the first call, gone at exit. */
const char *sim_environment_config(unsigned copies);
/** The path of what U-Boot itself would begin an environment with. */
const char *sim_environment_defaults(void);

/** From now on the files are the regions SIM_ENVIRONMENT(0) and (1) of `sim`. */
void sim_environment_attach(struct sim_flash *sim);

/** Whether each copy that U-Boot would take holds what it needs to boot at all. */
bool sim_environment_boots(const struct sim_flash *sim);

#endif
