/*
 * main.c: kedged, the server.
 */
#define _GNU_SOURCE
#include "updater/kedged/log.h"
#include "updater/kedged/server.h"

#include <signal.h>

#define EXIT_USAGE 2

/* Threads inherit this mask: one place waits for the signals. */
static void block_signals(void)
{
    sigset_t signals;
    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGTERM);
    (void)sigaddset(&signals, SIGINT);
    (void)sigaddset(&signals, SIGHUP);
    (void)pthread_sigmask(SIG_BLOCK, &signals, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
}

/* The configuration was checked. */
static void begin_log(const struct kedge_config *config)
{
    enum kedge_log_level level = KEDGE_LOG_INFO;
    enum kedge_log_format format = kedge_log_is_journal() ? KEDGE_LOG_JOURNAL : KEDGE_LOG_TEXT;
    (void)kedge_log_level_read(config->log_level, &level);
    (void)kedge_log_format_read(config->log_format, &format);
    kedge_log_set_level(level);
    kedge_log_set_format(format);
}

int main(int argc, char **argv)
{
    static struct kedge_config config;
    switch (kedge_config_read(argc, argv, &config)) {
    case KEDGE_CONFIG_END:
        return 0;
    case KEDGE_CONFIG_USAGE:
        return EXIT_USAGE;
    case KEDGE_CONFIG_RUN:
        break;
    }
    begin_log(&config);
    block_signals();
    return kedge_server_run(&config);
}
