/*
 * client.h: asking the server over HTTP, on libcurl.
 */
#ifndef KEDGE_UPDATER_CLIENT_H
#define KEDGE_UPDATER_CLIENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define CLIENT_PATH_MAX 8192u /* of a request with its query: a filter may be long */
#define CLIENT_ERROR_MAX 2048u
#define CLIENT_TOKEN_MAX 256u
#define CLIENT_ANSWER_MAX (64u << 20) /* bytes of an answer */
#define CLIENT_ETAG_MAX 64u
#define CLIENT_FIELD_MAX 127u

enum client_outcome {
    CLIENT_DONE,
    CLIENT_REFUSED,    /* the server answered, with a refusal */
    CLIENT_UNREACHABLE /* no answer, or one that is not from a kedged */
};

struct client_answer {
    long http_status;
    json_t *json;                 /* of CLIENT_DONE; NULL when there is nothing; the caller's */
    char etag[CLIENT_ETAG_MAX + 1]; /* of what was shown, without its quotes; "": none */
    char error[CLIENT_ERROR_MAX]; /* of the others: what is wrong and what to do */
    char field[CLIENT_FIELD_MAX + 1]; /* of CLIENT_REFUSED: what is at fault; "": not said */
};

struct client;

/** Where the server is, and how it is known. */
struct client_server {
    const char *url;         /* "http://127.0.0.1:8080" */
    const char *ca_file;     /* PEM; NULL: the CAs that the system trusts */
    const char *fingerprint; /* of its public key, "sha256//..."; NULL: not asked for */
};

/**
 * With a fingerprint and no CA file the key alone counts, whatever certificate it stands in. The
 * strings are borrowed for as long as the client is there. NULL when there is no memory.
 */
struct client *client_create(const struct client_server *server, const char *token);
void client_destroy(struct client *client);

/** Has a line of a header go with all that is asked from here on; false when there is no memory. */
bool client_add_header(struct client *client, const char *line);

/** Asks and waits for the answer; `body` is borrowed, NULL for none. */
enum client_outcome client_ask(struct client *client, const char *method, const char *path,
                               const json_t *body, struct client_answer *answer);
/** Sends a file of `size` bytes; `progress` draws how far it is on standard error. */
enum client_outcome client_send(struct client *client, const char *path, FILE *file, uint64_t size,
                                bool progress, struct client_answer *answer);

/**
 * client_fetch() writes what is at `path`, which is no JSON, to `out`. What has come is there also
 * when the rest did not; nothing is written of a refusal.
 */
enum client_outcome client_fetch(struct client *client, const char *path, FILE *out,
                                 struct client_answer *answer);

/** What a refusal means for the person: detail, field, and what to do about it. */
void problem_text(long http_status, const json_t *problem, char out[CLIENT_ERROR_MAX]);

/**
 * Reads a token file (one line) into `token`. False with what is wrong in `error`: not there, not
 * readable, empty, too long, or not one line of printable characters.
 */
bool token_read(const char *path, char token[CLIENT_TOKEN_MAX + 1], char error[CLIENT_ERROR_MAX]);

#endif
