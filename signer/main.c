/*
 * kedge-sign: makes keys, signs firmware images into packages, and checks, shows and opens
 * packages. The table of commands (commands/table.c) is what is dispatched and what --help lists.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>

#include "signer/cli/interrupt.h"
#include "signer/commands/commands.h"

static void print_help(void)
{
    puts("usage: kedge-sign COMMAND [OPTION]...\n"
         "\n"
         "Turns firmware images into signed packages (SUIT envelopes), and checks them.\n");
    for (size_t i = 0; i < kedge_command_count; i++)
        printf("  %-14s %s\n", kedge_commands[i]->name, kedge_commands[i]->summary);
    puts("\n"
         "  --help     this text; kedge-sign COMMAND --help for a command's options\n"
         "  --version  the program's version\n"
         "\n"
         "Exit status: 0 done; 1 a readable file is not a valid package by these keys; 2 usage;\n"
         "3 a policy refused it; 4 a key or password is not usable; 5 the system refused to read\n"
         "or write.");
}

/* How many words at `words` are the command's name, which may be two; 0: another command. */
static int words_of_name(const struct kedge_command *command, int count, char **words)
{
    const char *space = strchr(command->name, ' ');
    size_t first = space != NULL ? (size_t)(space - command->name) : strlen(command->name);
    if (strlen(words[0]) != first || memcmp(words[0], command->name, first) != 0)
        return 0;
    if (space == NULL)
        return 1;
    return count > 1 && strcmp(words[1], space + 1) == 0 ? 2 : 0;
}

/* Whether `word` begins commands of two words; says which words may follow it. */
static bool complain_second_word(const char *word)
{
    char rest[128] = "";
    size_t size = strlen(word), used = 0;
    for (size_t i = 0; i < kedge_command_count; i++) {
        const char *name = kedge_commands[i]->name;
        if (strncmp(name, word, size) == 0 && name[size] == ' ' && used < sizeof rest)
            used += (size_t)snprintf(rest + used, sizeof rest - used, "%s%s",
                                     used > 0 ? " or " : "", name + size + 1);
    }
    if (used > 0)
        kedge_complain(KEDGE_EXIT_USAGE, "%s is followed by %s; see kedge-sign --help", word, rest);
    return used > 0;
}

static enum kedge_exit run_command(const struct kedge_command *command, int count, char **words)
{
    struct kedge_arguments arguments;
    bool help = false;
    enum kedge_exit status = kedge_arguments_read(command, count, words, &arguments, &help);
    if (status != KEDGE_EXIT_DONE)
        return status;
    if (help) {
        kedge_command_help(command);
        return KEDGE_EXIT_DONE;
    }
    return command->run(&arguments);
}

static enum kedge_exit dispatch(int count, char **words)
{
    if (count < 2)
        return kedge_complain(KEDGE_EXIT_USAGE, "a command is missing; see kedge-sign --help");
    if (strcmp(words[1], "--version") == 0) {
        puts("kedge-sign " KEDGE_VERSION);
        return KEDGE_EXIT_DONE;
    }
    if (strcmp(words[1], "--help") == 0 || strcmp(words[1], "-h") == 0) {
        print_help();
        return KEDGE_EXIT_DONE;
    }
    for (size_t i = 0; i < kedge_command_count; i++) {
        int name = words_of_name(kedge_commands[i], count - 1, words + 1);
        if (name > 0)
            return run_command(kedge_commands[i], count - name, words + name);
    }
    if (complain_second_word(words[1]))
        return KEDGE_EXIT_USAGE;
    return kedge_complain(KEDGE_EXIT_USAGE, "there is no command %s; see kedge-sign --help",
                          words[1]);
}

int main(int count, char **words)
{
    /* A file that may not grow any further is an error of write(), not the end of the program. */
    signal(SIGXFSZ, SIG_IGN);
    kedge_interrupt_begin();
    /* While there may be a key or a password in memory, no core file and no debugger gets it. */
    (void)prctl(PR_SET_DUMPABLE, 0);
    enum kedge_exit status = dispatch(count, words);
    (void)prctl(PR_SET_DUMPABLE, 1);
    if ((fflush(stdout) != 0 || ferror(stdout)) && status == KEDGE_EXIT_DONE)
        status = kedge_complain_system("write", "standard output");
    return (int)status;
}
