/* handout.h: a certificate that a device is given by bootstrapping, as a body says it. */
#ifndef KEDGE_UPDATER_HANDOUT_H
#define KEDGE_UPDATER_HANDOUT_H

#include "updater/api/factory.h"

#define HANDOUT_PEM_MAX 8192u

/**
 * Reads the certificate and, unless it is NULL, its private key, both PEM; false: something is
 * wrong. The certificate's common name must be the endpoint, as which it will register.
 */
bool handout_read(const char *endpoint, const char *certificate_pem, const char *private_key_pem,
                  struct kedge_handout_record *out, struct factory_fault *fault);

#endif
