/* explore.c: see explore.h. */
#include "tests/powercut/explore.h"

#include "tests/powercut/meaning.h"
#include "tests/powercut/visited.h"

#include <stdlib.h>
#include <string.h>

/* Two updates take eight sessions, power cuts on trial may cost six more. */
#define SESSIONS_MAX 24

struct search {
    struct device device;
    struct visited visited;
    struct explore_budget budget;
    uint64_t bricks_max;
    struct explore_counts *counts;
    FILE *out;
    /* Of an endless search: what has been met, and of that what is still to be visited. */
    struct visited met;
    struct waiting *waiting;
    size_t waiting_count, waiting_capacity;
    bool undisturbed; /* the first visit, of the run without any fault */
};

struct waiting {
    uint8_t *state;
    struct promises promises;
    unsigned cuts_left; /* 0: a state that is not cut any more */
};

struct child {
    struct search *search;
    unsigned cuts_left;
};

static void visit(struct search *search, const uint8_t *state, const struct promises *promises,
                  unsigned cuts_left);

static bool given_up(const struct search *search)
{
    return search->counts->bricks >= search->bricks_max;
}

static void report(struct search *search, const char *words)
{
    search->counts->bricks++;
    if (search->out != NULL)
        fprintf(search->out, "broken: %s (%s, %s)\n", words, search->device.plan->name,
                search->device.sim.geometry.name);
}

static void set(struct device *device, const uint8_t *state, const struct promises *promises)
{
    memcpy(device->sim.state, state, device->sim.state_size);
    device->promises = *promises;
    device->sim.weak_op = SIZE_MAX;
    device->sim.violation = NULL;
    device->violation[0] = '\0';
}

static uint64_t node_hash(struct search *search)
{
    struct device *device = &search->device;
    if (search->budget.endless)
        return meaning_hash(device);
    uint64_t hash = visited_hash(0, device->sim.state, device->sim.state_size);
    return visited_hash(hash, &device->promises, sizeof device->promises);
}

static uint8_t *copy_state(const struct device *device)
{
    uint8_t *copy = sim_allocate(device->sim.state_size);
    memcpy(copy, device->sim.state, device->sim.state_size);
    return copy;
}

static bool among(const uint64_t *hashes, size_t count, uint64_t hash)
{
    for (size_t i = 0; i < count; i++)
        if (hashes[i] == hash)
            return true;
    return false;
}

/*
 * Runs from the device's present node to the goal, or to a node that was proven before; false when
 * a rule broke on the way. To come by the same node twice is never to get there.
 */
static bool prove(struct search *search, unsigned cuts_left, struct recording *sessions,
                  size_t *count)
{
    struct device *device = &search->device;
    uint64_t passed[SESSIONS_MAX];
    enum session_end end = SESSION_REBOOT;
    for (*count = 0; end == SESSION_REBOOT; (*count)++) {
        uint64_t hash = node_hash(search);
        if (*count == SESSIONS_MAX || among(passed, *count, hash)) {
            report(search, "the update is never completed");
            return false;
        }
        passed[*count] = hash;
        if (!visited_add(&search->visited, hash, cuts_left))
            return true;
        uint8_t *start = copy_state(device);
        end = device_session(device);
        recording_take(&sessions[*count], device, start);
        if (device->violation[0] != '\0') {
            report(search, device->violation);
            (*count)++;
            return false;
        }
    }
    return true;
}

/* Puts the device's present node among those that wait, when it has not been met before. */
static void meet(struct search *search, unsigned cuts_left)
{
    struct device *device = &search->device;
    search->counts->histories++;
    if (given_up(search) || !visited_add(&search->met, node_hash(search), cuts_left))
        return;
    if (search->waiting_count == search->waiting_capacity) {
        search->waiting_capacity = search->waiting_capacity * 2 + 64;
        struct waiting *more =
            realloc(search->waiting, search->waiting_capacity * sizeof *search->waiting);
        if (more == NULL)
            abort();
        search->waiting = more;
    }
    search->waiting[search->waiting_count++] = (struct waiting){
        .state = copy_state(device), .promises = device->promises, .cuts_left = cuts_left};
}

static void visit_all(struct search *search)
{
    while (search->waiting_count > 0) {
        struct waiting next = search->waiting[--search->waiting_count];
        if (!given_up(search))
            visit(search, next.state, &next.promises, next.cuts_left);
        search->undisturbed = false;
        free(next.state);
    }
}

/* Takes up what a fault left behind; every so many times with cuts to come. */
static void follow(struct search *search, const uint8_t *state, const struct promises *promises,
                   unsigned cuts_left)
{
    if (given_up(search))
        return;
    if (search->budget.endless) {
        set(&search->device, state, promises);
        meet(search, promises->damaged == 0);
        return;
    }
    search->counts->histories++;
    bool deep = cuts_left > 0 && ++search->counts->chances % search->budget.deep_every == 0;
    visit(search, state, promises, deep ? cuts_left : 0);
}

static void follow_cut(void *context, const uint8_t *state, const struct promises *promises)
{
    const struct child *child = context;
    follow(child->search, state, promises, child->cuts_left);
}

/* Each write in turn, without a cut, silently loses a bit: reading back has to find it. */
static void lose_bits(struct search *search, const struct recording *session, unsigned cuts_left)
{
    struct device *device = &search->device;
    for (size_t op = 0; op < session->log_count && !given_up(search); op++) {
        if (session->log[op].kind != SIM_WRITE || session->log[op].region == SIM_FOLDER)
            continue;
        set(device, session->start, &session->marks[0].promises);
        device->sim.weak_op = op;
        device_session(device);
        if (device->violation[0] != '\0') {
            report(search, device->violation);
            continue;
        }
        uint8_t *end = copy_state(device);
        struct promises promises = device->promises;
        promises.kept = 0; /* what was lost may be a part of it */
        follow(search, end, &promises, cuts_left);
        free(end);
    }
}

/* Where a bit may rot: each copy of the record, header and image of each slot, what a file holds.
 */
static void damage(struct search *search, const struct recording *session)
{
    struct device *device = &search->device;
    struct promises promises = session->marks[0].promises;
    if (promises.factory_done == 0)
        return;
    promises.damaged = DAMAGE_FLASH;
    promises.kept = 0;
    for (unsigned place = 0; place < 7 && !given_up(search); place++) {
        set(device, session->start, &promises);
        const struct kedge_flash *record = &device->sim.flash[SIM_RECORD];
        uint8_t *records = sim_bytes(&device->sim, SIM_RECORD);
        if (place == 0 || place == 2)
            records[40] ^= 0x04;
        if (place == 1 || place == 2)
            records[record->size / 2 + 40] ^= 0x04;
        if (place >= 3) {
            unsigned region = SIM_SLOT((place - 3) / 2);
            uint32_t image =
                device->sim.flash[region].size - kedge_slot_capacity(&device->sim.flash[region]);
            sim_bytes(&device->sim, region)[place % 2 == 1 ? 9 : image + 77] ^= 0x04;
        }
        uint8_t *state = copy_state(device);
        follow(search, state, &promises, 0);
        free(state);
    }
}

/* Flips the bits [first, end) of a file of the folder, one at a time. */
static void damage_file(struct search *search, const struct recording *session, const char *name,
                        struct promises promises, size_t first, size_t end)
{
    struct device *device = &search->device;
    set(device, session->start, &promises);
    const size_t bits = 8 * sim_folder_file(&device->sim, name).capacity;
    for (size_t bit = first; bit < bits && bit < end && !given_up(search); bit++) {
        set(device, session->start, &promises);
        sim_folder_file(&device->sim, name).data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        uint8_t *state = copy_state(device);
        follow(search, state, &promises, 0);
        free(state);
    }
}

/* The file that says how far a download is: a bit of it; the agent's state file: those of State and
 * Result. Where all is looked at, each one of both. */
static void damage_folder(struct search *search, const struct recording *session)
{
    const struct plan *plan = search->device.plan;
    const bool every = search->budget.detail == CUT_EVERY;
    struct promises promises = session->marks[0].promises;
    if (promises.factory_done == 0)
        return;
    if (plan->keeps_state) {
        promises.damaged = DAMAGE_STATE;
        damage_file(search, session, KEDGE_AGENT_STATE_FILE, promises, every ? 0 : 48,
                    every ? SIZE_MAX : 72);
    }
    promises.damaged = DAMAGE_FLASH;
    promises.kept = 0;
    if (plan->fetches)
        damage_file(search, session, KEDGE_PROGRESS_FILE, promises, every ? 0 : 322,
                    every ? SIZE_MAX : 323);
}

/* The variables of either copy of U-Boot's environment, or of both; and the flag that says which
 * one is newer, which no checksum covers. */
static void damage_environment(struct search *search, const struct recording *session)
{
    struct device *device = &search->device;
    struct promises promises = session->marks[0].promises;
    unsigned copies = device->sim.geometry.environment_copies;
    if (promises.factory_done == 0 || copies == 0)
        return;
    promises.damaged = DAMAGE_ENVIRONMENT;
    for (unsigned place = 0; place < 2 * copies + 1 && !given_up(search); place++) {
        set(device, session->start, &promises);
        for (unsigned copy = 0; copy < copies; copy++) {
            uint8_t *bytes = sim_bytes(&device->sim, SIM_ENVIRONMENT(copy));
            if (place == copy || place == 2 * copies)
                bytes[100] ^= 0x04;
            if (place == copies + copy)
                bytes[4] ^= 0x04;
        }
        uint8_t *state = copy_state(device);
        follow(search, state, &promises, 0);
        free(state);
    }
}

static void flip_each(struct search *search, uint8_t *bytes, size_t size)
{
    for (size_t bit = 0; bit < 8 * size && !given_up(search); bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        meet(search, 0);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

/* Every bit of both copies of the record, and of both slots' headers. */
static void flip_bits(struct search *search, const struct recording *session)
{
    struct device *device = &search->device;
    struct promises promises = session->marks[0].promises;
    if (promises.factory_done == 0)
        return;
    promises.damaged = DAMAGE_FLASH;
    set(device, session->start, &promises);
    uint8_t *records = sim_bytes(&device->sim, SIM_RECORD);
    flip_each(search, records, KEDGE_BOOT_RECORD_SIZE);
    flip_each(search, records + device->boot.record->size / 2, KEDGE_BOOT_RECORD_SIZE);
    for (uint8_t slot = 0; slot < KEDGE_SLOTS; slot++)
        if (kedge_slot_manifest(device->boot.slots[slot], slot, &device->check) == KEDGE_OK)
            flip_each(search, sim_bytes(&device->sim, SIM_SLOT(slot)),
                      KEDGE_SLOT_HEADER_SIZE + device->check.head_size);
}

static void visit(struct search *search, const uint8_t *state, const struct promises *promises,
                  unsigned cuts_left)
{
    struct recording sessions[SESSIONS_MAX];
    size_t count;
    set(&search->device, state, promises);
    bool proven = prove(search, cuts_left, sessions, &count);
    for (size_t i = 0; i < count; i++) {
        struct child child = {.search = search, .cuts_left = cuts_left - 1};
        if (proven && cuts_left > 0 && !given_up(search)) {
            enum cut_detail detail =
                cuts_left == search->budget.cuts ? search->budget.detail : CUT_SPREAD;
            cut_each(&search->device.sim, &sessions[i], detail, follow_cut, &child);
            lose_bits(search, &sessions[i], child.cuts_left);
            damage(search, &sessions[i]);
            damage_folder(search, &sessions[i]);
            damage_environment(search, &sessions[i]);
            if (search->undisturbed)
                flip_bits(search, &sessions[i]);
        }
        recording_free(&sessions[i]);
    }
}

void explore(const struct sim_geometry *geometry, const struct plan *plan,
             const struct package *packages, const struct kedge_public_key *key,
             struct explore_budget budget, uint64_t bricks_max, struct explore_counts *counts,
             FILE *out)
{
    struct search *search = sim_allocate(sizeof *search);
    memset(search, 0, sizeof *search);
    search->budget = budget;
    search->bricks_max = bricks_max;
    search->counts = counts;
    search->out = out;
    device_init(&search->device, geometry, packages, key, plan);
    struct promises promises = {0};
    if (!plan->cut_factory) {
        set(&search->device, search->device.sim.state, &promises);
        device_session(&search->device);
        if (search->device.violation[0] != '\0')
            report(search, search->device.violation);
        promises = search->device.promises;
    }
    uint8_t *start = copy_state(&search->device);
    search->undisturbed = budget.endless;
    if (budget.endless) {
        set(&search->device, start, &promises);
        meet(search, 1);
        visit_all(search);
    } else {
        visit(search, start, &promises, budget.cuts);
    }
    counts->states += search->visited.count;
    free(start);
    visited_free(&search->visited);
    visited_free(&search->met);
    free(search->waiting);
    device_free(&search->device);
    free(search);
}
