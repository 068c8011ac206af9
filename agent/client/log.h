/* log.h: lines to standard error, by level: "kedge-agent: info: registered as /rd/1". */
#ifndef KEDGE_AGENT_LOG_H
#define KEDGE_AGENT_LOG_H

enum kedge_log_level { KEDGE_LOG_ERROR, KEDGE_LOG_WARNING, KEDGE_LOG_INFO, KEDGE_LOG_DEBUG };

/** kedge_log_set_level() lets this level and the more important ones through; INFO at first. */
void kedge_log_set_level(enum kedge_log_level level);

__attribute__((format(printf, 2, 3))) void kedge_log(enum kedge_log_level level, const char *format,
                                                     ...);

#endif
