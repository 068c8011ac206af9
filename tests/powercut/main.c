/* main.c: the power-cut simulator. scripts/powercut runs it, and its mutants. */
#define _POSIX_C_SOURCE 200809L
#include "agent/client/log.h"
#include "tests/powercut/explore.h"
#include "tests/powercut/sim_environment.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Those come first on which what can be wrong shows soonest; then the grid below. */
static const struct sim_geometry chosen[] = {
    {.name = "three cached disks",
     .write_size = 1,
     .erase_size = 4096,
     .erased_value = 0x00,
     .cached = true},
    {.name = "one cached disk",
     .write_size = 1,
     .erase_size = 4096,
     .erased_value = 0x00,
     .cached = true,
     .one_disk = true},
    /* Not each end of a frame is one of a sector. */
    {.name = "NOR, unit 4, sector 65536",
     .write_size = 4,
     .erase_size = 65536,
     .record_erase_size = 4096,
     .erased_value = 0xFF},
    {.name = "NOR with ECC, unit 16, sector 2048",
     .write_size = 16,
     .erase_size = 2048,
     .erased_value = 0xFF,
     .ecc = true},
    {.name = "NOR, unit 16, sector 8192, erased 0x00",
     .write_size = 16,
     .erase_size = 8192,
     .erased_value = 0x00},
    {.name = "NOR, unit 1, sector 4096", .write_size = 1, .erase_size = 4096, .erased_value = 0xFF},
    {.name = "NOR, unit 4, sector 2048", .write_size = 4, .erase_size = 2048, .erased_value = 0xFF},
    {.name = "NOR, unit 8, sector 4096", .write_size = 8, .erase_size = 4096, .erased_value = 0xFF},
    {.name = "NOR, unit 256, sector 4096",
     .write_size = 256,
     .erase_size = 4096,
     .erased_value = 0xFF},
    {.name = "NOR, unit 1, sector 512, erased 0x00",
     .write_size = 1,
     .erase_size = 512,
     .erased_value = 0x00},
};

/* How updates go on every flash and with every bootloader. */
#define EVERYWHERE                                                                           \
    {.name = "factory, two updates",                                                         \
     .cut_factory = true,                                                                    \
     .step_count = 2,                                                                        \
     .steps = {{1, HEALTHY}, {2, HEALTHY}}},                                                 \
        {.name = "health check fails", .step_count = 2, .steps = {{1, SICK}, {2, HEALTHY}}}, \
        {.name = "three boots", .step_count = 2, .steps = {{1, CRASHES}, {2, HEALTHY}}},     \
    {                                                                                        \
        .name = "trial limit", .step_count = 2, .steps = { {1, HANGS}, {2, HEALTHY} }        \
    }
#define GRID_PLANS 4u
static const struct plan plans[] = {
    EVERYWHERE,
    /* The rest on the chosen flashes only: it is a matter of sectors and frames. */
    {.name = "download goes on",
     .fetches = true,
     .keeps_state = true,
     .step_count = 2,
     .steps = {{1, BREAKS_OFF}, {1, HEALTHY}}},
    {.name = "package replaced",
     .fetches = true,
     .keeps_state = true,
     .step_count = 2,
     .steps = {{1, BREAKS_OFF}, {2, HEALTHY}}},
    {.name = "told: health check",
     .keeps_state = true,
     .step_count = 2,
     .steps = {{1, SICK}, {2, HEALTHY}}},
    {.name = "told: three boots",
     .keeps_state = true,
     .step_count = 2,
     .steps = {{1, CRASHES}, {2, HEALTHY}}},
    {.name = "told: trial limit",
     .keeps_state = true,
     .step_count = 2,
     .steps = {{1, HANGS}, {2, HEALTHY}}},
};

/* ---- U-Boot as the bootloader, its environment in files ---- */

static const struct sim_geometry uboot_geometries[] = {
    {.name = "U-Boot, five cached disks",
     .write_size = 1,
     .erase_size = 4096,
     .erased_value = 0x00,
     .cached = true,
     .environment_copies = 2,
     .environment_size = SIM_ENVIRONMENT_SIZE},
    {.name = "U-Boot, one cached disk",
     .write_size = 1,
     .erase_size = 4096,
     .erased_value = 0x00,
     .cached = true,
     .one_disk = true,
     .environment_copies = 2,
     .environment_size = SIM_ENVIRONMENT_SIZE},
    {.name = "U-Boot, environment of one copy",
     .write_size = 1,
     .erase_size = 4096,
     .erased_value = 0x00,
     .cached = true,
     .environment_copies = 1,
     .environment_size = SIM_ENVIRONMENT_SIZE},
};

static const struct plan uboot_plans[] = {
    EVERYWHERE,
    {.name = "well at the third boot", .step_count = 2, .steps = {{1, LATE}, {2, HEALTHY}}},
    {.name = "agent never starts", .step_count = 2, .steps = {{1, MUTE}, {2, HEALTHY}}},
};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* ---- the grid of NOR flashes: each value of each list with each of the others ---- */

static const uint32_t write_sizes[] = {1, 2, 4, 8, 16, 32};
static const uint32_t erase_sizes[] = {2048, 8192};
static const uint8_t erased_values[] = {0xFF, 0x00};
static const struct {
    uint32_t erase_size;
    bool ecc;
    const char *name;
} records[] = {{0, false, ""},
               {0, true, ", ECC"},
               {128, false, ", two of 128 a record"},
               {512, false, ", one of 512 a record"}};

#define GRID (COUNT(write_sizes) * COUNT(erase_sizes) * COUNT(erased_values) * COUNT(records))

/* The geometry `index` of all. A name of the grid is good until the next one is asked for. */
static struct sim_geometry geometry_at(size_t index)
{
    static char name[96];
    if (index < COUNT(chosen))
        return chosen[index];
    index -= COUNT(chosen);
    size_t record = index % COUNT(records);
    index /= COUNT(records);
    uint8_t erased = erased_values[index % COUNT(erased_values)];
    index /= COUNT(erased_values);
    uint32_t sector = erase_sizes[index % COUNT(erase_sizes)];
    uint32_t unit = write_sizes[index / COUNT(erase_sizes)];
    snprintf(name, sizeof name, "unit %" PRIu32 ", sector %" PRIu32 "%s%s", unit, sector,
             erased == 0 ? ", 0x00" : "", records[record].name);
    return (struct sim_geometry){.name = name,
                                 .write_size = unit,
                                 .erase_size = sector,
                                 .record_erase_size = records[record].erase_size,
                                 .erased_value = erased,
                                 .ecc = records[record].ecc};
}

/* Files take few operations, so that many of them can be cut twice. */
struct budgets {
    struct explore_budget flash, files;
};

/* About as many as a course has: so that the places for second cuts go round. */
#define COURSE_HISTORIES 900u
#define JOBS_MAX 8u

static const struct explore_budget usual = {.cuts = 2, .deep_every = 2500};

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* A plan on a geometry. */
struct course {
    struct sim_geometry geometry;
    const struct plan *plan;
    struct explore_budget budget;
};

#define CHOSEN_COURSES (COUNT(chosen) * COUNT(plans))
#define UBOOT_COURSES (COUNT(uboot_geometries) * COUNT(uboot_plans))
#define DEEP_COURSES (CHOSEN_COURSES + UBOOT_COURSES)
#define COURSES (DEEP_COURSES + GRID * GRID_PLANS)
#define GEOMETRIES(courses) \
    (COUNT(chosen) + COUNT(uboot_geometries) + ((courses)-DEEP_COURSES) / GRID_PLANS)

/* The grid is wide, not deep. */
static struct course course_at(size_t index, const struct budgets *budgets)
{
    if (index >= DEEP_COURSES) {
        index -= DEEP_COURSES;
        return (struct course){geometry_at(COUNT(chosen) + index / GRID_PLANS),
                               &plans[index % GRID_PLANS], usual};
    }
    if (index >= UBOOT_COURSES) {
        index -= UBOOT_COURSES;
        const struct sim_geometry geometry = geometry_at(index / COUNT(plans));
        struct explore_budget budget = budgets->flash;
        /* Most places inside large sectors are alike. */
        if (geometry.erase_size > KEDGE_FRAME_IMAGE_SIZE && budget.detail == CUT_MANY)
            budget = usual;
        return (struct course){geometry, &plans[index % COUNT(plans)], budget};
    }
    return (struct course){uboot_geometries[index / COUNT(uboot_plans)],
                           &uboot_plans[index % COUNT(uboot_plans)], budgets->files};
}

/* One search, and its line. */
static void search(const struct course *course, struct package packages[2][PACKAGES],
                   const struct kedge_public_key *key, uint64_t bricks_max,
                   struct explore_counts *total)
{
    const struct plan *plan = course->plan;
    struct explore_counts before = *total;
    double began = seconds();
    explore(&course->geometry, plan, packages[plan->fetches], key, course->budget, bricks_max,
            total, stdout);
    printf("%-46s %-22s %9" PRIu64 " histories %8" PRIu64 " states %3" PRIu64 " bricks %6.1f s%s\n",
           course->geometry.name, plan->name, total->histories - before.histories,
           total->states - before.states, total->bricks - before.bricks, seconds() - began,
           course->budget.endless ? ", to the end" : "");
    fflush(stdout);
}

/* These are searched without end, too, by the plans of the grid: usually all of them on a disk, and
 * the longest one on NOR. What meaning.h counts as the same is so without a folder of files. */
static const size_t endless_on[] = {0, 4, 3, 1, 8};

#define ENDLESS_USUALLY (GRID_PLANS + 1)
#define ENDLESS_ALL (COUNT(endless_on) * GRID_PLANS)

static struct course endless_at(size_t index)
{
    const struct explore_budget endless = {.cuts = 1, .deep_every = 1, .endless = true};
    return (struct course){chosen[endless_on[index / GRID_PLANS]], &plans[index % GRID_PLANS],
                           endless};
}

/*
 * Here each unit of each write is a place to cut at, however long the write is, and each bit of the
 * folder's files one to flip: usually on NOR of large units, and two updates on one of small ones;
 * in the long run on all.
 */
static const size_t every_on[] = {4, 6, 2, 3, 5, 7, 8, 9};
static const size_t every_plan[] = {0, GRID_PLANS};

#define EVERY_USUALLY (COUNT(every_plan) + 1)
#define EVERY_ALL (COUNT(every_on) * COUNT(every_plan))

static struct course every_at(size_t index)
{
    const struct explore_budget every = {.cuts = 1, .deep_every = 1, .detail = CUT_EVERY};
    return (struct course){chosen[every_on[index / COUNT(every_plan)]],
                           &plans[every_plan[index % COUNT(every_plan)]], every};
}

/* What is searched: so many courses of each kind, one after the other. */
struct agenda {
    struct budgets budgets;
    size_t courses, endless, every;
    uint64_t bricks_max;
    unsigned jobs; /* processes that share it */
};

static struct course agenda_at(const struct agenda *agenda, size_t index)
{
    if (index < agenda->courses)
        return course_at(index, &agenda->budgets);
    index -= agenda->courses;
    return index < agenda->endless ? endless_at(index) : every_at(index - agenda->endless);
}

/* Which cuts are followed by another is told by the course, whoever takes it. */
static struct explore_counts run_share(const struct agenda *agenda, unsigned job,
                                       struct package packages[2][PACKAGES],
                                       const struct kedge_public_key *key)
{
    struct explore_counts total = {0};
    const size_t count = agenda->courses + agenda->endless + agenda->every;
    for (size_t i = count; i > 0 && total.bricks < agenda->bricks_max; i--) {
        const size_t index = agenda->jobs > 1 ? i - 1 : count - i; /* the longest ones first */
        if (index % agenda->jobs != job)
            continue;
        const struct course course = agenda_at(agenda, index);
        total.chances = index * COURSE_HISTORIES;
        search(&course, packages, key, agenda->bricks_max, &total);
    }
    return total;
}

/* One process for each share; what it counted comes back by a pipe. */
static int start_share(const struct agenda *agenda, unsigned job,
                       struct package packages[2][PACKAGES], const struct kedge_public_key *key)
{
    int ends[2];
    pid_t child = pipe(ends) == 0 ? fork() : -1;
    if (child < 0) {
        perror("powercut");
        exit(1);
    }
    if (child > 0) {
        close(ends[1]);
        return ends[0];
    }
    struct explore_counts total = run_share(agenda, job, packages, key);
    exit(write(ends[1], &total, sizeof total) == (ssize_t)sizeof total ? 0 : 1);
}

static struct explore_counts run(const struct agenda *agenda, struct package packages[2][PACKAGES],
                                 const struct kedge_public_key *key)
{
    struct explore_counts total = {0}, share;
    int shares[JOBS_MAX];
    if (agenda->jobs == 1)
        return run_share(agenda, 0, packages, key);
    for (unsigned job = 0; job < agenda->jobs; job++)
        shares[job] = start_share(agenda, job, packages, key);
    for (unsigned job = 0; job < agenda->jobs; job++) {
        if (read(shares[job], &share, sizeof share) != (ssize_t)sizeof share) {
            fputs("powercut: a process has ended before its searches\n", stderr);
            share = (struct explore_counts){.bricks = 1};
        }
        close(shares[job]);
        total.histories += share.histories;
        total.states += share.states;
        total.bricks += share.bricks;
    }
    while (wait(NULL) > 0)
        ;
    return total;
}

static unsigned processors(void)
{
    long count = sysconf(_SC_NPROCESSORS_ONLN);
    return count < 1 ? 1 : count > JOBS_MAX ? JOBS_MAX : (unsigned)count;
}

/* One line for scripts: histories, states, bricks, geometries. */
static bool write_counts(const char *path, const struct explore_counts *total, size_t geometries)
{
    FILE *file = path != NULL ? fopen(path, "w") : NULL;
    if (file == NULL)
        return path == NULL;
    fprintf(file, "%" PRIu64 " %" PRIu64 " %" PRIu64 " %zu\n", total->histories, total->states,
            total->bricks, geometries);
    return fclose(file) == 0;
}

static int usage(FILE *out, int status)
{
    fputs("usage: powercut [--few | --long | --endless] [--mutant] [--counts FILE]\n"
          "\n"
          "  --counts  write histories, states, bricks and geometries to FILE\n"
          "  --few     only the geometries that show most: under a minute\n"
          "  --long    more places inside long operations, more second cuts, and third ones\n"
          "  --endless only the searches that end when no cut leaves anything new\n"
          "  --mutant  end at the first broken rule\n",
          out);
    return status;
}

int main(int argc, char **argv)
{
    struct agenda agenda = {.budgets = {.flash = usual, .files = {.cuts = 2, .deep_every = 600}},
                            .courses = COURSES,
                            .endless = ENDLESS_USUALLY,
                            .every = EVERY_USUALLY,
                            .bricks_max = 10,
                            .jobs = processors()};
    struct budgets *budgets = &agenda.budgets;
    const char *counts = NULL;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--long") == 0)
            *budgets = (struct budgets){{.cuts = 3, .deep_every = 150, .detail = CUT_MANY},
                                        {.cuts = 3, .deep_every = 20, .detail = CUT_MANY}},
            agenda.endless = ENDLESS_ALL, agenda.every = EVERY_ALL;
        else if (strcmp(argv[i], "--few") == 0) {
            agenda.courses = DEEP_COURSES, agenda.endless = agenda.every = 0;
            budgets->files.deep_every = 1000;
        } else if (strcmp(argv[i], "--endless") == 0)
            agenda.courses = agenda.every = 0;
        else if (strcmp(argv[i], "--mutant") == 0) {
            agenda.bricks_max = budgets->flash.cuts = budgets->files.cuts = 1;
            agenda.endless = agenda.every = 0;
            agenda.jobs = 1;
        } else if (strcmp(argv[i], "--counts") == 0 && i + 1 < argc)
            counts = argv[++i];
        else
            return strcmp(argv[i], "--help") == 0 ? usage(stdout, 0) : usage(stderr, 2);
    }
    kedge_log_set_level(KEDGE_LOG_ERROR); /* that a download begins anew is no news here */
    static struct package packages[2][PACKAGES];
    struct kedge_public_key key;
    packages_make(packages[false], false, &key);
    packages_make(packages[true], true, &key);
    struct explore_counts total = run(&agenda, packages, &key);
    packages_free(packages[false]);
    packages_free(packages[true]);
    const size_t geometries = agenda.courses > 0 ? GEOMETRIES(agenda.courses) : COUNT(endless_on);
    if (!write_counts(counts, &total, geometries)) {
        perror(counts);
        return 1;
    }
    return total.bricks == 0 ? 0 : 1;
}
