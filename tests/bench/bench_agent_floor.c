/*
 * bench_agent_floor.c: the libraries of kedge-agent, made ready as far as a client has to, and
 * nothing else: what of an agent's memory is not Kedge's. Says "ready" and waits for its input to
 * end.
 */
#define _GNU_SOURCE
#include <coap3/coap.h>
#include <curl/curl.h>
#include <ini.h>
#include <stdio.h>
#include <unistd.h>
#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/sha256.h>
#include <zlib.h>

/* Each of them is called, so that each of them is linked. */
static int touch_libraries(void)
{
    wc_Sha256 digest;
    if (wc_InitSha256(&digest) != 0 || zlibVersion() == NULL)
        return 1;
    wc_Sha256Free(&digest);
    if (curl_version() == NULL)
        return 1;
    ini_parse_string("", NULL, NULL);
    return 0;
}

int main(void)
{
    char byte;
    coap_startup();
    coap_context_t *context = coap_new_context(NULL);
    if (context == NULL || touch_libraries() != 0)
        return 1;
    puts("ready");
    fflush(stdout);
    while (read(STDIN_FILENO, &byte, 1) > 0)
        continue;
    coap_free_context(context);
    coap_cleanup();
    return 0;
}
