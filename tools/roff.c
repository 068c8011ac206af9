/* roff.c: see roff.h. */
#include "tools/roff.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

void roff_text(const char *text)
{
    bool line_begins = true;
    for (; *text != '\0'; text++) {
        if (line_begins && (*text == '.' || *text == '\''))
            fputs("\\&", stdout);
        if (*text == '\\')
            fputs("\\e", stdout);
        else if (*text == '-')
            fputs("\\-", stdout);
        else
            putchar(*text);
        line_begins = *text == '\n';
    }
}

/* ---- the page ---- */

void roff_page(const char *name, int section, const char *summary)
{
    fputs(".\\\" Made from the program's own table when the project is built.\n.TH ", stdout);
    for (const char *at = name; *at != '\0'; at++)
        roff_text((const char[]){(char)toupper((unsigned char)*at), '\0'});
    printf(" %d \"\" \"Kedge " KEDGE_VERSION "\" \"%s\"\n", section,
           section == 8 ? "System Administration" : "User Commands");
    puts(".nh"); /* names of files and options stay whole */
    roff_section("NAME");
    roff_text(name);
    fputs(" \\- ", stdout);
    roff_text(summary);
    putchar('\n');
}

void roff_section(const char *title)
{
    printf(".SH %s\n", title);
}

void roff_subsection(const char *title)
{
    fputs(".SS \"", stdout);
    roff_text(title);
    puts("\"");
}

void roff_paragraph(const char *text)
{
    puts(".PP");
    roff_text(text);
    putchar('\n');
}

void roff_usage(const char *text)
{
    char word[2] = "";
    puts(".PP\n.na\n.in +4n\n.ti -4n");
    for (; *text != '\0'; text++) {
        const bool is_space = isspace((unsigned char)*text) != 0;
        if (is_space && word[0] == ' ')
            continue;
        word[0] = is_space ? ' ' : *text;
        fputs(word[0] == '-' ? "\\-" : word, stdout);
    }
    puts("\n.in\n.ad");
}

/* ---- lists ---- */

void roff_item(const char *name, const char *text)
{
    fputs(".TP\n.B ", stdout);
    roff_text(name);
    putchar('\n');
    roff_text(text);
    puts(".");
}

void roff_option(const char *name, const char *value)
{
    fputs(".TP\n.B ", stdout);
    roff_text("--");
    roff_text(name);
    if (value != NULL)
        roff_placeholder(value);
    putchar('\n');
}

void roff_option_row(const char *name, const char *value, const char *help)
{
    roff_option(name, value);
    roff_text(help);
    puts(".");
}

void roff_placeholder(const char *text)
{
    fputs(" \\fI", stdout);
    roff_text(text);
    fputs("\\fR", stdout);
}

/* ---- its end ---- */

void roff_statuses(const char *const *words, size_t count)
{
    roff_section("EXIT STATUS");
    for (size_t i = 0; i < count; i++) {
        char number[24];
        (void)snprintf(number, sizeof number, "%zu", i);
        roff_item(number, words[i]);
    }
}

void roff_see_also(const char *const *pages, size_t count)
{
    roff_section("SEE ALSO");
    for (size_t i = 0; i < count; i++) {
        const size_t name = strcspn(pages[i], "(");
        fputs(".BR ", stdout);
        for (size_t at = 0; at < name; at++)
            roff_text((const char[]){pages[i][at], '\0'});
        printf(" %s%s\n", &pages[i][name], i + 1 < count ? "," : "");
    }
}

int roff_end(void)
{
    return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}
