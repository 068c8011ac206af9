/*
 * sim_folder.h: a simulated folder of files beside the flash, under the agent's real record files.
 *
 * Its names and the contents of its files are bytes of the flash's state, so that a cut works on
 * them as on anything else; but whatever the flash is, they are volatile until their own sync: a
 * file's contents by that of the file, names by that of the folder, and a renaming is there or is
 * not. A file's length is apart from its contents, which get durable disk sector by disk sector.
 */
#ifndef KEDGE_TESTS_SIM_FOLDER_H
#define KEDGE_TESTS_SIM_FOLDER_H

#include "agent/client/record_file.h"
#include "tests/powercut/sim_flash.h"

/** The folder in `sim`, whose geometry must have one; it must outlive the result. */
struct kedge_folder sim_folder(struct sim_flash *sim);

/** What the file holds, to be damaged; room for nothing when there is none. */
struct kedge_writer sim_folder_file(struct sim_flash *sim, const char *name);

#endif
