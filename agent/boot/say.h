/* say.h: a line to standard error, as "kedge-boot: ...". */
#ifndef KEDGE_AGENT_BOOT_SAY_H
#define KEDGE_AGENT_BOOT_SAY_H

void kedge_boot_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
