/* filter.c: a filter that is none, with a mark where it goes wrong; what one means. */
#include "updater/cli/filter.h"

#include <stdlib.h>
#include <string.h>

#define SHOWN_MAX 256u /* characters of a line: a mark below a longer one would be nowhere */

/* The line that goes wrong, and a caret below the character. */
static void point_at(const char *text, const struct kedge_filter_problem *problem)
{
    char mark[SHOWN_MAX + 1];
    for (unsigned line = 1; line < problem->line; line++)
        text += strcspn(text, "\n") + 1;
    size_t size = strcspn(text, "\n");
    if (size > SHOWN_MAX || problem->column > SHOWN_MAX)
        return;
    memset(mark, ' ', problem->column);
    mark[problem->column - 1] = '^';
    mark[problem->column] = '\0';
    complain("  %.*s", (int)size, text);
    complain("  %s", mark);
}

bool check_filter(enum kedge_filter_of of, const char *text)
{
    struct kedge_filter_problem problem;
    struct kedge_filter *filter = malloc(sizeof(*filter));
    if (filter == NULL) {
        complain("out of memory");
        return false;
    }
    enum kedge_rc rc = kedge_filter_parse(of, kedge_slice_text(text), filter, &problem);
    free(filter);
    if (rc == KEDGE_OK)
        return true;
    complain("the filter goes wrong in line %u, column %u: %s", problem.line, problem.column,
             problem.text);
    point_at(text, &problem);
    return false;
}

enum status ask_matching(struct cli *cli, enum kedge_filter_of of,
                         const struct arguments *arguments, char *path, const char *name,
                         json_t **out)
{
    const char *filter = argument(arguments, "filter");
    if (filter != NULL && !check_filter(of, filter)) {
        free(path);
        return STATUS_USAGE;
    }
    return ask_list_at(cli, with_query(path, "filter", filter), name, out);
}
