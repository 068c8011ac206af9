/*
 * budget.h: how many bytes one update may take off the link, whatever they were good for: blocks
 * that came twice, beginnings that broke off, answers that were refused. A link that is paid by the
 * byte must not run up a bill because it is bad. Pure.
 *
 * What was spent has to outlive the process, or a device that crashes again and again would never
 * come to the end of its budget. So a step is written down ahead of the bytes: a crash forfeits
 * what was left of the step, and never forgets a byte.
 */
#ifndef KEDGE_AGENT_BUDGET_H
#define KEDGE_AGENT_BUDGET_H

#include <kedge/base.h>

#define KEDGE_BUDGET_TIMES 4u             /* the size of the package, unless there is a limit */
#define KEDGE_BUDGET_BESIDE_MAX 0x100000u /* bytes of a package beside its payload */
#define KEDGE_BUDGET_STEPS 64u            /* in which the whole budget is written down as spent */
#define KEDGE_BUDGET_STEP_MIN 0x4000u
#define KEDGE_BUDGET_WORDS_MAX 128u

struct kedge_budget {
    uint64_t limit; /* bytes; 0: KEDGE_BUDGET_TIMES times the size of the package */
    uint64_t most;  /* bytes that a package for this device can have; 0: not known */
    uint64_t spent; /* bytes of payload that came in */
    uint64_t noted; /* as spent: `note` was told so */
    /* Writes down that so many bytes count as spent, whatever becomes of this process; NULL: nobody
     * does. */
    void (*note)(void *context, uint64_t bytes);
    void *context;
};

/**
 * kedge_budget_most() is what a package can have at most whose image fits into `slot_size` bytes:
 * frames that do not compress, their heads, and KEDGE_BUDGET_BESIDE_MAX for manifest, text and
 * attachments.
 */
uint64_t kedge_budget_most(uint64_t slot_size);

/** Whether a package of `total` bytes can be one for this device; `words` say why not. */
bool kedge_budget_fits(const struct kedge_budget *budget, uint64_t total,
                       char words[KEDGE_BUDGET_WORDS_MAX]);

/**
 * kedge_budget_spend() counts `size` bytes of a package of `total` (0: not known yet). False when
 * that is more than there is; `words` say so. Calls `note` for more than was noted.
 */
bool kedge_budget_spend(struct kedge_budget *budget, uint64_t size, uint64_t total,
                        char words[KEDGE_BUDGET_WORDS_MAX]);

#endif
