/*
 * manual.c: writes the manual page, kedge-swarm(1), from the table of options, so that it says what
 * the program takes. Run when the project is built.
 */
#include "tests/swarm/options.h"
#include "tools/roff.h"

int main(void)
{
    static const char *const statuses[] = {
        "every device ended as it was meant to, and every image had its digest",
        "one did not, or the system refused something; the summary says how many",
        "the command line, or the file of keys, is wrong; standard error says where"};
    static const char *const others[] = {"kedged(8)", "kedge(1)", "kedge-agent(8)"};
    roff_page("kedge-swarm", 1, "simulates a fleet of LwM2M devices");
    roff_section("SYNOPSIS");
    roff_usage(options_usage);
    roff_section("DESCRIPTION");
    roff_paragraph(options_about);
    roff_section("OPTIONS");
    roff_paragraph("P is a share from 0 to 1, S are seconds.");
    options_each(roff_option_row);
    roff_section("FILES");
    roff_paragraph("A file of keys has a line for each device: its endpoint name, its identity, and "
                   "its key in hex, with commas between them.");
    roff_section("SIGNALS");
    roff_item("SIGTERM, SIGINT", "end, with the summary");
    roff_statuses(statuses, ROFF_COUNT(statuses));
    roff_see_also(others, ROFF_COUNT(others));
    return roff_end();
}
