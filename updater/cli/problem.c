/* problem.c: a refusal in words, with what to do about it; and the token file. */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <string.h>

#include "updater/cli/client.h"

/* What to do, by the problem's code. */
static const struct {
    const char *code;
    const char *hint;
} hints[] = {
    {"signature", "if you trust who signed it: kedge trust add --name NAME PUB.pem"},
    {"development_key", "sign it with a release key, or start kedged with "
                        "--allow-development-keys on a test bench"},
    {"token", "name the server's token with --token-file or KEDGE_TOKEN_FILE"},
    {"busy", "try again in a moment"},
    {"space", "the server's disk is full"},
};

static const char *find_hint(const char *code)
{
    for (size_t i = 0; i < sizeof(hints) / sizeof(hints[0]); i++)
        if (strcmp(hints[i].code, code) == 0)
            return hints[i].hint;
    return NULL;
}

void problem_text(long http_status, const json_t *problem, char out[CLIENT_ERROR_MAX])
{
    const char *detail = json_string_value(json_object_get(problem, "detail"));
    const char *code = json_string_value(json_object_get(problem, "code"));
    const char *hint = code == NULL ? NULL : find_hint(code);
    if (hint != NULL && detail != NULL && strstr(detail, "kedge trust add") != NULL)
        hint = NULL; /* the server has said it already */
    if (detail == NULL)
        (void)snprintf(out, CLIENT_ERROR_MAX, "the server refused with HTTP status %ld",
                       http_status);
    else
        (void)snprintf(out, CLIENT_ERROR_MAX, "refused: %.1200s%s%s", detail,
                       hint == NULL ? "" : "; ", hint == NULL ? "" : hint);
}

bool token_read(const char *path, char token[CLIENT_TOKEN_MAX + 1], char error[CLIENT_ERROR_MAX])
{
    const char *what = NULL;
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        (void)snprintf(error, CLIENT_ERROR_MAX,
                       "the token file %.1024s cannot be read: %s; name the right one with "
                       "--token-file or KEDGE_TOKEN_FILE",
                       path, strerror(errno));
        return false;
    }
    size_t size = fread(token, 1, CLIENT_TOKEN_MAX + 1, file);
    if (ferror(file))
        what = "cannot be read";
    (void)fclose(file);
    while (size > 0 && (token[size - 1] == '\n' || token[size - 1] == '\r'))
        size--;
    if (size == 0 && what == NULL)
        what = "is empty";
    if (size > CLIENT_TOKEN_MAX) {
        what = "is too long to be one token";
        size = CLIENT_TOKEN_MAX;
    }
    token[size] = '\0';
    for (size_t i = 0; i < size && what == NULL; i++)
        if (token[i] <= ' ' || token[i] >= 0x7f)
            what = "holds more than one line with a token";
    if (what != NULL)
        (void)snprintf(error, CLIENT_ERROR_MAX, "the token file %.1024s %s", path, what);
    return what == NULL;
}
