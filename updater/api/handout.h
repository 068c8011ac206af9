/* handout.h: a certificate that a device is given by bootstrapping, as a body says it. */
#ifndef KEDGE_UPDATER_HANDOUT_H
#define KEDGE_UPDATER_HANDOUT_H

#include "updater/api/factory.h"

#define HANDOUT_TEXT_MAX 8192u

/**
 * Reads what the texts, which factory_read() has taken, say of a certificate and, unless the device
 * has that itself, of its private key, each in PEM or as the Base64 of its DER; false: something is
 * wrong. The certificate's common name must be the endpoint, as which it will register. *out is
 * kedge_handout_size() of a record, to be ended by handout_free(); NULL when neither is said.
 */
bool handout_read(const struct factory_texts *texts, struct kedge_handout_record **out,
                  struct factory_fault *fault);
/** Wipes it. NULL is fine. */
void handout_free(struct kedge_handout_record *handout);

#endif
