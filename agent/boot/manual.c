/*
 * manual.c: writes the manual page, kedge-boot(8), from the table of options, so that it says what
 * the program takes. Run when the project is built.
 */
#include "agent/boot/options.h"
#include "tools/roff.h"

int main(void)
{
    static const char *const statuses[] = {
        "it ended as it was told to, by a signal or by an agent that ended with 0",
        "no slot may run, or the system refused something; standard error says what",
        "the command line is wrong, or the agent said so of its own"};
    static const char *const others[] = {"kedge-agent(8)", "kedge-sign(1)"};
    roff_page("kedge-boot", 8, "starts a device's firmware on trial, and goes back when it fails");
    roff_section("SYNOPSIS");
    roff_usage(kedge_boot_usage);
    roff_section("DESCRIPTION");
    roff_paragraph(kedge_boot_about);
    roff_section("OPTIONS");
    kedge_boot_each_option(roff_option_row);
    roff_section("FILES");
    roff_item("DIR/boot.record", "which slot runs, and whether it is on trial: two copies, of "
                                 "which the newest whole one counts");
    roff_item("DIR/slot0.img, DIR/slot1.img", "the slots");
    roff_section("SIGNALS");
    roff_item("SIGTERM, SIGINT", "passed on to the agent; when it has ended, so does kedge-boot. "
                                 "An agent that does not end in 10 seconds is killed");
    roff_section("ENVIRONMENT");
    roff_paragraph("It tells the agent that it starts:");
    roff_item(KEDGE_BOOT_ENV_SLOT, "0 or 1, the slot that runs");
    roff_item(KEDGE_BOOT_ENV_TRIAL, "1 while that slot is on trial, else 0");
    roff_statuses(statuses, ROFF_COUNT(statuses));
    roff_see_also(others, ROFF_COUNT(others));
    return roff_end();
}
