/*
 * manual.c: writes the manual page, kedge-sign(1), from the table of commands, so that it says what
 * the program takes. Run when the project is built.
 */
#include <stdio.h>

#include "signer/commands/commands.h"
#include "tools/roff.h"

static void print_option(const struct kedge_option *option)
{
    roff_option(option->name, option->value);
    roff_text(option->help);
    if (option->count == KEDGE_REQUIRED || option->count == KEDGE_ONE_OR_MORE)
        fputs(". Required", stdout);
    if (option->count == KEDGE_REPEATED || option->count == KEDGE_ONE_OR_MORE)
        fputs(". May be repeated", stdout);
    puts(".");
}

static void print_block(const char *text)
{
    puts(".PP\n.RS\n.nf");
    roff_text(text);
    puts(".fi\n.RE");
}

static void print_command(const struct kedge_command *command)
{
    roff_subsection(command->name);
    fputs(".B kedge\\-sign ", stdout);
    roff_text(command->name);
    fputs("\n\\fIOPTIONS\\fR", stdout);
    const char *files[] = {command->file, command->second};
    for (size_t i = 0; i < 2 && files[i] != NULL; i++)
        roff_placeholder(files[i]);
    putchar('\n');
    roff_paragraph(command->summary);
    for (const struct kedge_option *option = command->options; option->name != NULL; option++)
        print_option(option);
    if (command->more != NULL)
        print_block(command->more);
    puts(".PP\nExample:");
    print_block(command->example);
}

int main(void)
{
    static const char *const statuses[] = {"done",
                                           "a readable file is not a valid package by these keys",
                                           "usage",
                                           "a policy refused it",
                                           "a key, password or token is not usable",
                                           "the system refused to read or write"};
    static const char *const others[] = {"kedge(1)", "kedge-agent(8)", "kedged(8)",
                                         "openssl-pkeyutl(1)", "openssl-genpkey(1)"};
    roff_page("kedge-sign", 1, "turns firmware images into signed packages, and checks them");
    puts(".SH SYNOPSIS\n"
         ".B kedge\\-sign\n"
         "\\fICOMMAND\\fR [\\fIOPTION\\fR]... [\\fIFILE\\fR]...");
    roff_section("DESCRIPTION");
    roff_paragraph(
        "A package is a SUIT envelope (draft-ietf-suit-manifest): a signed manifest that says\n"
        "for which devices an image is and what it replaces, and the image in chained frames.\n"
        "The examples below are one story: a release signed by two of three keys.");
    roff_section("COMMANDS");
    for (size_t i = 0; i < kedge_command_count; i++)
        print_command(kedge_commands[i]);
    roff_statuses(statuses, ROFF_COUNT(statuses));
    roff_see_also(others, ROFF_COUNT(others));
    return roff_end();
}
