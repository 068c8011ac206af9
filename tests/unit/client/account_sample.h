/* account_sample.h: accounts for tests. */
#ifndef KEDGE_TESTS_ACCOUNT_SAMPLE_H
#define KEDGE_TESTS_ACCOUNT_SAMPLE_H

#include "agent/client/account.h"

#include <stdio.h>
#include <string.h>

/* An account by pre-shared key that nothing is wrong with. */
static inline void sample_account(struct kedge_account *account)
{
    kedge_account_init(account);
    struct kedge_account_security *security = &account->security;
    struct kedge_account_server *server = &account->server;
    kedge_account_security_init(security, 1);
    kedge_account_server_init(server, 0);
    snprintf(account->endpoint, sizeof account->endpoint, "urn:dev:1");
    snprintf(security->uri, sizeof security->uri, "coaps://server.example:5684");
    security->mode = KEDGE_ACCOUNT_PRE_SHARED_KEY;
    memcpy(security->identity, "identity", 8);
    security->identity_size = 8;
    memcpy(security->secret, "0123456789abcdef", 16);
    security->secret_size = 16;
    security->server_id = server->server_id = 1;
    server->lifetime_s = 86400;
    server->storing = true;
    snprintf(server->binding, sizeof server->binding, "U");
}

#endif
