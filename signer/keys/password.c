/* password.c: see password.h. */
#define _GNU_SOURCE
#include "signer/keys/password.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "signer/cli/interrupt.h"
#include "signer/files/input.h"

const struct kedge_password_source kedge_password_terminal_only = {.place = KEDGE_PASSWORD_TERMINAL,
                                                                   .no_options = true};

/* Takes what stands before the first line end. */
static enum kedge_rc take_line(struct kedge_slice text, struct kedge_password *password)
{
    const uint8_t *end = text.size > 0 ? memchr(text.data, '\n', text.size) : NULL;
    size_t size = end != NULL ? (size_t)(end - text.data) : text.size;
    if (size > 0 && text.data[size - 1] == '\r')
        size--;
    if (size == 0)
        return KEDGE_E_MISSING;
    if (size > sizeof password->bytes)
        return KEDGE_E_LIMIT;
    memcpy(password->bytes, text.data, size);
    password->size = size;
    return KEDGE_OK;
}

enum kedge_rc kedge_password_source_parse(const char *text, struct kedge_password_source *source)
{
    static const struct {
        const char *prefix;
        enum kedge_password_place place;
    } places[] = {{"file:", KEDGE_PASSWORD_FILE}, {"env:", KEDGE_PASSWORD_VARIABLE}};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        size_t size = strlen(places[i].prefix);
        if (strncmp(text, places[i].prefix, size) != 0 || text[size] == '\0')
            continue;
        *source = (struct kedge_password_source){.place = places[i].place, .name = text + size};
        return KEDGE_OK;
    }
    return KEDGE_E_MALFORMED;
}

/* What both places of a line have in common: saying that it is none. */
static enum kedge_exit complain_line(const char *place, const char *name, enum kedge_rc rc)
{
    if (rc == KEDGE_E_MISSING)
        return kedge_complain(KEDGE_EXIT_KEY, "%s%s: the first line holds no password", place,
                              name);
    return kedge_complain(KEDGE_EXIT_KEY, "%s%s: a password has at most %u bytes, on one line",
                          place, name, KEDGE_PASSWORD_MAX);
}

static enum kedge_exit from_file(const char *path, struct kedge_password *password)
{
    struct kedge_slice text = {0};
    enum kedge_rc rc = kedge_file_read(path, sizeof password->bytes + 2, &text);
    if (rc == KEDGE_E_SYSTEM)
        return kedge_complain_system("read the password file", path);
    if (rc == KEDGE_OK)
        rc = take_line(text, password);
    kedge_file_release(text);
    return rc == KEDGE_OK ? KEDGE_EXIT_DONE : complain_line("", path, rc);
}

static enum kedge_exit from_variable(const char *name, struct kedge_password *password)
{
    const char *value = getenv(name);
    if (value == NULL)
        return kedge_complain(KEDGE_EXIT_KEY,
                              "there is no environment variable %s to take a password from", name);
    enum kedge_rc rc = take_line(kedge_slice_text(value), password);
    return rc == KEDGE_OK ? KEDGE_EXIT_DONE : complain_line("environment variable ", name, rc);
}

/* Reads up to the line end into `line`; KEDGE_E_SYSTEM at the end of the terminal's input. */
static enum kedge_rc read_line(int terminal, uint8_t *line, size_t capacity, size_t *size)
{
    *size = 0;
    while (*size < capacity) {
        ssize_t got = read(terminal, line + *size, 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return KEDGE_E_SYSTEM;
        if (line[*size] == '\n')
            return KEDGE_OK;
        (*size)++;
    }
    return KEDGE_E_LIMIT;
}

/* One question; the terminal shows nothing of the answer. */
static enum kedge_rc ask_once(int terminal, const char *question, struct kedge_password *password)
{
    uint8_t line[KEDGE_PASSWORD_MAX + 1];
    size_t size = 0;
    struct termios before;
    if (tcgetattr(terminal, &before) != 0)
        return KEDGE_E_SYSTEM;
    struct termios silent = before;
    silent.c_lflag &= ~(tcflag_t)ECHO;
    kedge_interrupt_restores(terminal, &before);
    enum kedge_rc rc = KEDGE_E_SYSTEM;
    if (tcsetattr(terminal, TCSAFLUSH, &silent) != 0)
        goto cleanup;
    dprintf(terminal, "%s: ", question);
    rc = read_line(terminal, line, sizeof line, &size);
    dprintf(terminal, "\n");
    if (rc == KEDGE_OK)
        rc = take_line(kedge_slice(line, size), password);
cleanup:
    tcsetattr(terminal, TCSAFLUSH, &before);
    kedge_interrupt_restores(-1, NULL);
    kedge_wipe(line, sizeof line);
    return rc;
}

static enum kedge_rc ask_twice(int terminal, const char *question, struct kedge_password *password)
{
    struct kedge_password again = {.size = 0};
    KEDGE_TRY(ask_once(terminal, question, password));
    enum kedge_rc rc = ask_once(terminal, "The same password again", &again);
    if (rc == KEDGE_OK &&
        !kedge_slice_equal(kedge_password_slice(password), kedge_password_slice(&again)))
        rc = KEDGE_E_CONFLICT;
    kedge_wipe(&again, sizeof again);
    return rc;
}

static enum kedge_exit complain_no_terminal(const struct kedge_password_source *source,
                                            const char *what, bool is_new)
{
    const char *help = "use --password-file FILE or --pin-source env:NAME";
    if (source->no_options)
        help =
            "give the public key's file (kedge-sign pubkey writes it), or say pin-source=env:NAME "
            "in a PKCS#11 URI";
    return kedge_complain(KEDGE_EXIT_KEY,
                          "%s: a password is needed and there is no terminal to ask for it; %s%s",
                          what, help, is_new ? " (or --no-password)" : "");
}

static enum kedge_exit ask(const struct kedge_password_source *source, const char *what,
                           bool is_new, struct kedge_password *password)
{
    char question[512];
    int terminal = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (terminal < 0)
        return complain_no_terminal(source, what, is_new);
    snprintf(question, sizeof question, is_new ? "New password for %.400s" : "Password for %.400s",
             what);
    enum kedge_rc rc =
        is_new ? ask_twice(terminal, question, password) : ask_once(terminal, question, password);
    close(terminal);
    if (rc == KEDGE_E_CONFLICT)
        return kedge_complain(KEDGE_EXIT_KEY, "%s: the two passwords differ; nothing was written",
                              what);
    if (rc == KEDGE_E_MISSING)
        return kedge_complain(KEDGE_EXIT_KEY, "%s: the password is empty", what);
    if (rc != KEDGE_OK)
        return kedge_complain(KEDGE_EXIT_KEY, "%s: no password could be read from the terminal",
                              what);
    return KEDGE_EXIT_DONE;
}

static enum kedge_exit take(const struct kedge_password_source *source, const char *what,
                            bool is_new, struct kedge_password *password)
{
    switch (source->place) {
    case KEDGE_PASSWORD_FILE:
        return from_file(source->name, password);
    case KEDGE_PASSWORD_VARIABLE:
        return from_variable(source->name, password);
    case KEDGE_PASSWORD_TERMINAL:
        break;
    }
    return ask(source, what, is_new, password);
}

enum kedge_exit kedge_password_take(const struct kedge_password_source *source, const char *what,
                                    struct kedge_password *password)
{
    return take(source, what, false, password);
}

enum kedge_exit kedge_password_take_new(const struct kedge_password_source *source,
                                        const char *what, struct kedge_password *password)
{
    return take(source, what, true, password);
}
