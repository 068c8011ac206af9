/*
 * completion.c: writes what completes the command line of kedge in bash or zsh, from the table of
 * commands. Run when the project is built.
 */
#include "updater/cli/cli.h"

#include <string.h>

/* ---- what both are made of ---- */

static bool is_first_of_noun(size_t index)
{
    return index == 0 || strcmp(commands[index].noun, commands[index - 1].noun) != 0;
}

static bool takes_file(const char *placeholder)
{
    return placeholder != NULL &&
           (strstr(placeholder, "FILE") != NULL || strstr(placeholder, ".pem"));
}

typedef void row_fn(const struct option_row *row);

/* Every option once, also where several commands have one of that name. */
static void each_option(row_fn *fn)
{
    for (size_t i = 0; i < global_option_count; i++)
        fn(&global_options[i]);
    for (size_t i = 0; i < command_count; i++)
        for (size_t k = 0; k < commands[i].option_count; k++)
            fn(&commands[i].options[k]);
}

static void print_valued(const struct option_row *row)
{
    if (row->placeholder != NULL)
        printf("|--%s", row->name);
}

static void print_of_file(const struct option_row *row)
{
    if (takes_file(row->placeholder))
        printf("|--%s", row->name);
}

static void print_words(const struct option_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        printf(" --%s", rows[i].name);
}

/* ---- bash ---- */

static void print_bash_cases(void)
{
    fputs("    ' ') words='", stdout);
    for (size_t i = 0; i < command_count; i++)
        if (is_first_of_noun(i))
            printf("%s%s", i > 0 ? " " : "", commands[i].noun);
    puts("' ;;");
    for (size_t i = 0; i < command_count; i++) {
        if (!is_first_of_noun(i))
            continue;
        printf("    '%s ') words='", commands[i].noun);
        for (size_t k = i; k < command_count && strcmp(commands[k].noun, commands[i].noun) == 0;
             k++)
            printf("%s%s", k > i ? " " : "", commands[k].verb);
        puts("' ;;");
    }
    for (size_t i = 0; i < command_count; i++) {
        printf("    '%s %s') words='", commands[i].noun, commands[i].verb);
        print_words(commands[i].options, commands[i].option_count);
        printf("'%s ;;\n", takes_file(commands[i].positional) ? " files=1" : "");
    }
}

static void print_bash(void)
{
    puts("# bash completion for kedge, made from its table of commands.\n"
         "# A word of the command line is no file, even where there is one of its name.\n"
         "_kedge_files()\n"
         "{\n"
         "    compopt -o filenames 2>/dev/null\n"
         "    mapfile -t -O \"${#COMPREPLY[@]}\" COMPREPLY < <(compgen -f -- \"$word\")\n"
         "}\n"
         "_kedge()\n"
         "{\n"
         "    local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}\n"
         "    local noun= verb= words= files= i\n"
         "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
         "        case ${COMP_WORDS[i]} in");
    fputs("        --", stdout);
    each_option(print_valued);
    puts(") ((i++)) ;;\n"
         "        -*) ;;\n"
         "        *) if [ -z \"$noun\" ]; then noun=${COMP_WORDS[i]}; elif [ -z \"$verb\" ]; then "
         "verb=${COMP_WORDS[i]}; fi ;;\n"
         "        esac\n"
         "    done\n"
         "    case $previous in");
    fputs("    --", stdout);
    each_option(print_of_file);
    puts(") _kedge_files; return ;;");
    fputs("    --", stdout);
    each_option(print_valued);
    puts(") COMPREPLY=(); return ;;\n"
         "    esac\n"
         "    case \"$noun $verb\" in");
    print_bash_cases();
    fputs("    esac\n"
          "    [[ $word != -* ]] || words+='",
          stdout);
    print_words(global_options, global_option_count);
    puts("'\n"
         "    mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$word\")\n"
         "    [[ -z $files || $word = -* ]] || _kedge_files\n"
         "}\n"
         "complete -F _kedge kedge");
}

/* ---- zsh ---- */

/* Inside of single quotes; brackets and colons mean something to _arguments. */
static void print_quoted(const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '\'')
            fputs("'\\''", stdout);
        else if (strchr("[]:\\", *text) != NULL)
            printf("\\%c", *text);
        else
            putchar(*text);
    }
}

static void print_spec(const struct option_row *row)
{
    printf(" \\\n        '%s--%s[", row->kind == OPTION_TEXTS ? "*" : "", row->name);
    print_quoted(row->help);
    putchar(']');
    if (row->placeholder != NULL) {
        putchar(':');
        print_quoted(row->placeholder);
        fputs(takes_file(row->placeholder) ? ":_files" : ": ", stdout);
    }
    putchar('\'');
}

static void print_described(const char *word, const char *help)
{
    printf(" \\\n        '%s:", word);
    print_quoted(help);
    putchar('\'');
}

static void print_zsh_verbs(size_t first)
{
    printf("    '%s ') verbs=(", commands[first].noun);
    for (size_t i = first; i < command_count && strcmp(commands[i].noun, commands[first].noun) == 0;
         i++)
        print_described(commands[i].verb, commands[i].help);
    puts("); _describe command verbs ;;");
}

static void print_globals(void)
{
    for (size_t i = 0; i < global_option_count; i++)
        print_spec(&global_options[i]);
}

static void print_zsh_command(const struct command *command)
{
    printf("    '%s %s') _arguments", command->noun, command->verb);
    for (size_t i = 0; i < command->option_count; i++)
        print_spec(&command->options[i]);
    print_globals();
    printf(" \\\n        '*: :%s' ;;\n", takes_file(command->positional) ? "_files" : " ");
}

static void print_zsh(void)
{
    puts("#compdef kedge\n"
         "# zsh completion for kedge, made from its table of commands.\n"
         "_kedge()\n"
         "{\n"
         "    local noun= verb= valued= i\n"
         "    local -a words_before=(\"${words[@]}\")\n"
         "    for ((i = 2; i < CURRENT; i++)); do\n"
         "        case ${words_before[i]} in");
    fputs("        --", stdout);
    each_option(print_valued);
    puts(") ((i++)) ;;\n"
         "        -*) ;;\n"
         "        *) if [[ -z $noun ]]; then noun=${words_before[i]}; elif [[ -z $verb ]]; then "
         "verb=${words_before[i]}; fi ;;\n"
         "        esac\n"
         "    done\n"
         "    case ${words_before[CURRENT-1]} in");
    fputs("    --", stdout);
    each_option(print_valued);
    fputs(") valued=1 ;;\n"
          "    esac\n"
          "    if [[ -z $verb && (-n $valued || ${words_before[CURRENT]} == -*) ]]; then\n"
          "        _arguments",
          stdout);
    print_globals();
    puts(" \\\n        '*: : '\n"
         "        return\n"
         "    fi\n"
         "    local -a nouns verbs");
    fputs("    case \"$noun $verb\" in\n    ' ') nouns=(", stdout);
    for (size_t i = 0; i < command_count; i++)
        if (is_first_of_noun(i))
            printf("%s%s", i > 0 ? " " : "", commands[i].noun);
    puts("); _describe command nouns ;;");
    for (size_t i = 0; i < command_count; i++)
        if (is_first_of_noun(i))
            print_zsh_verbs(i);
    for (size_t i = 0; i < command_count; i++)
        print_zsh_command(&commands[i]);
    puts("    esac\n}\n_kedge \"$@\"");
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "bash") == 0)
        print_bash();
    else if (argc == 2 && strcmp(argv[1], "zsh") == 0)
        print_zsh();
    else
        return 2;
    return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}
