/*
 * manual.c: writes the manual page, kedge(1), from the table of commands, so that it says what the
 * program takes. Run when the project is built.
 */
#include "tools/roff.h"
#include "updater/cli/cli.h"

static void print_option(const struct option_row *row)
{
    roff_option(row->name, row->placeholder);
    roff_text(row->help);
    puts(row->kind == OPTION_TEXTS ? ". May be repeated." : ".");
}

static void print_command(const struct command *command)
{
    printf(".SS \"%s ", command->noun);
    roff_text(command->verb);
    puts("\"");
    printf(".B kedge %s ", command->noun);
    roff_text(command->verb);
    if (command->option_count > 0 || command->positional[0] != '\0')
        putchar('\n');
    if (command->option_count > 0)
        fputs("\\fIOPTIONS\\fR", stdout);
    if (command->positional[0] != '\0')
        roff_placeholder(command->positional);
    puts("\n.PP");
    roff_text(command->help);
    puts(".");
    for (size_t i = 0; i < command->option_count; i++)
        print_option(&command->options[i]);
}

static void print_status(void)
{
    static const char *const words[] = {"done", "the server refused it", "usage",
                                        "the server cannot be reached, or there is no token"};
    puts(".SH EXIT STATUS");
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        printf(".TP\n.B %zu\n%s\n", i, words[i]);
}

int main(void)
{
    puts(".\\\" Made from the table of commands when the project is built.\n"
         ".TH KEDGE 1 \"\" \"Kedge " KEDGE_VERSION "\" \"User Commands\"\n"
         ".SH NAME\n"
         "kedge \\- rolls firmware out to fleets of devices\n"
         ".SH SYNOPSIS\n"
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
    puts(".SH COMMANDS");
    for (size_t i = 0; i < command_count; i++)
        print_command(&commands[i]);
    puts(
        ".SH FILES\n.TP\n.I ~/.config/kedge/kedge.conf\n.TQ\n.I /etc/kedge/kedge.conf\n"
        "What the options server, token\\-file, ca\\-file and fingerprint are, as name = value "
        "lines: "
        "the first of these files, or what KEDGE_CONFIG names. An option or the environment counts "
        "more; with another server nothing of the file holds.");
    print_status();
    puts(".SH SEE ALSO\n.BR kedge\\-sign (1),\n.BR kedge\\-swarm (1)");
    return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}
