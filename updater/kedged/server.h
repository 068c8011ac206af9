/*
 * server.h: kedged as a whole: everything opened in its order, run, and ended in the reverse one.
 */
#ifndef KEDGE_UPDATER_SERVER_H
#define KEDGE_UPDATER_SERVER_H

#include "updater/kedged/config.h"

/**
 * Serves until SIGTERM or SIGINT; at SIGHUP the list of revoked certificates and the
 * certificate of HTTPS are read again. All
 * three must be blocked before, in all threads. What is wrong at the start goes to the log. Returns
 * the program's exit status: 0 when it was asked to end, 1 when it could not start or serve.
 */
int kedge_server_run(const struct kedge_config *config);

#endif
