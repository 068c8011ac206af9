/*
 * man.c: writes the manual page, kedge-sign(1), from the table of commands, so that it says what
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
    fputs(".SS \"", stdout);
    roff_text(command->name);
    puts("\"");
    fputs(".B kedge\\-sign ", stdout);
    roff_text(command->name);
    fputs("\n\\fIOPTIONS\\fR", stdout);
    const char *files[] = {command->file, command->second};
    for (size_t i = 0; i < 2 && files[i] != NULL; i++)
        roff_placeholder(files[i]);
    puts("\n.PP");
    roff_text(command->summary);
    putchar('\n');
    for (const struct kedge_option *option = command->options; option->name != NULL; option++)
        print_option(option);
    if (command->more != NULL)
        print_block(command->more);
    puts(".PP\nExample:");
    print_block(command->example);
}

static void print_status(void)
{
    static const char *const words[] = {"done",
                                        "a readable file is not a valid package by these keys",
                                        "usage",
                                        "a policy refused it",
                                        "a key, password or token is not usable",
                                        "the system refused to read or write"};
    puts(".SH EXIT STATUS");
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        printf(".TP\n.B %zu\n%s\n", i, words[i]);
}

int main(void)
{
    printf(".\\\" Made from the table of commands when the project is built.\n"
           ".TH KEDGE\\-SIGN 1 \"\" \"Kedge %s\" \"User Commands\"\n"
           ".SH NAME\n"
           "kedge\\-sign \\- turns firmware images into signed packages, and checks them\n"
           ".SH SYNOPSIS\n"
           ".B kedge\\-sign\n"
           "\\fICOMMAND\\fR [\\fIOPTION\\fR]... [\\fIFILE\\fR]...\n"
           ".SH DESCRIPTION\n"
           "A package is a SUIT envelope (draft\\-ietf\\-suit\\-manifest): a signed manifest that "
           "says\n"
           "for which devices an image is and what it replaces, and the image in chained frames.\n"
           "The examples below are one story: a release signed by two of three keys.\n"
           ".SH COMMANDS\n",
           KEDGE_VERSION);
    for (size_t i = 0; i < kedge_command_count; i++)
        print_command(kedge_commands[i]);
    print_status();
    puts(".SH SEE ALSO\n.BR openssl\\-pkeyutl (1),\n.BR openssl\\-genpkey (1)");
    return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}
