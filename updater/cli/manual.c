/*
 * manual.c: writes the manual page, kedge(1), from the table of commands, so that it says what the
 * program takes. Run when the project is built.
 */
#include "tools/roff.h"
#include "updater/cli/cli.h"

static void print_option(const struct option_row *row)
{
    roff_option_row(row->name, row->placeholder, row->help);
}

static void print_command(const struct command *command)
{
    char name[64];
    (void)snprintf(name, sizeof(name), "%s %s", command->noun, command->verb);
    roff_subsection(name);
    printf(".B kedge %s ", command->noun);
    roff_text(command->verb);
    if (command->option_count > 0)
        fputs(" \\fR[\\fIOPTION\\fR]...", stdout);
    if (command->positional[0] != '\0')
        roff_placeholder(command->positional);
    putchar('\n');
    roff_paragraph(command->help);
    for (size_t i = 0; i < command->option_count; i++)
        print_option(&command->options[i]);
}

int main(void)
{
    static const char *const others[] = {"kedged(8)", "kedge-sign(1)", "kedge-swarm(1)"};
    roff_page("kedge", 1, "has kedged roll firmware out to fleets of devices");
    puts(".SH SYNOPSIS\n"
         ".B kedge\n"
         "\\fICOMMAND\\fR [\\fIOPTION\\fR]... [\\fIARGUMENT\\fR]...\n"
         ".SH DESCRIPTION\n"
         "Asks a\n"
         ".B kedged\n"
         "by its API. What comes is a table, or JSON when that is asked for.\n"
         ".SH OPTIONS\n"
         "They go before and behind every command.");
    for (size_t i = 0; i < global_option_count; i++)
        print_option(&global_options[i]);
    roff_section("COMMANDS");
    for (size_t i = 0; i < command_count; i++)
        print_command(&commands[i]);
    puts(
        ".SH FILES\n.TP\n.I ~/.config/kedge/kedge.conf\n.TQ\n.I /etc/kedge/kedge.conf\n"
        "What the options server, token\\-file, ca\\-file and fingerprint are, as name = value "
        "lines: "
        "the first of these files, or what KEDGE_CONFIG names. An option or the environment counts "
        "more; with another server nothing of the file holds.");
    roff_statuses(status_words, STATUS_COUNT);
    roff_see_also(others, ROFF_COUNT(others));
    return roff_end();
}
