/* cut.c: see cut.h. */
#include "tests/powercut/cut.h"

#include <stdlib.h>
#include <string.h>

#define DISK_SECTOR 512u
#define PIECES_MAX 512u

/** What of one operation falls into one sector of the disk. */
struct piece {
    const struct sim_op *op;
    uint32_t first, end;
};

struct cutting {
    const struct sim_flash *sim;
    const struct recording *recording;
    enum cut_detail detail;
    cut_fn *each;
    void *context;
    uint8_t *base;    /* what is durable when operation `at` begins */
    uint8_t *scratch; /* one way in which it may be torn */
    bool *durable;    /* which operations are in `base` already */
    struct piece *pieces;
    size_t at;
    uint64_t random;
    uint64_t lot; /* of what unstable cells read as */
};

void recording_take(struct recording *recording, struct device *device, uint8_t *start)
{
    struct sim_flash *sim = &device->sim;
    *recording = (struct recording){.start = start,
                                    .log = sim->log,
                                    .log_count = sim->log_count,
                                    .data = sim->data,
                                    .mark_count = device->mark_count};
    memcpy(recording->marks, device->marks, sizeof recording->marks);
    sim->log = NULL;
    sim->log_count = sim->log_capacity = 0;
    sim->data = NULL;
    sim->data_size = sim->data_capacity = 0;
}

void recording_free(struct recording *recording)
{
    free(recording->start);
    free(recording->log);
    free(recording->data);
    *recording = (struct recording){0};
}

/* The same numbers in every run. */
static uint64_t next_random(struct cutting *cutting)
{
    cutting->random += 0x9E3779B97F4A7C15u;
    uint64_t z = cutting->random;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

/* A cut inside operation `at`, or just before it: promises made until then count. */
static void emit(struct cutting *cutting, const uint8_t *state)
{
    const struct recording *recording = cutting->recording;
    const struct promises *promises = &recording->marks[0].promises;
    for (size_t i = 0; i < recording->mark_count; i++)
        if (recording->marks[i].at <= cutting->at)
            promises = &recording->marks[i].promises;
    struct promises kept = *promises;
    kept.lot = cutting->lot;
    cutting->each(cutting->context, state, &kept);
}

/* Such a cut may go on in many ways: as the unstable cells happen to read. */
static void emit_unstable(struct cutting *cutting, const uint8_t *state)
{
    const unsigned lots = cutting->detail == CUT_MANY ? 8 : 2;
    for (unsigned lot = 0; lot < lots; lot++) {
        cutting->lot = lot * 3;
        emit(cutting, state);
    }
    cutting->lot = 0;
}

static void restart_scratch(struct cutting *cutting)
{
    memcpy(cutting->scratch, cutting->base, cutting->sim->state_size);
}

/* Which of `count` places are cut: all when there are few, else the ends and a spread between. */
static bool chosen(const struct cutting *cutting, uint32_t place, uint32_t count)
{
    static const uint32_t most[] = {[CUT_SPREAD] = 10, [CUT_MANY] = 256, [CUT_EVERY] = UINT32_MAX};
    uint32_t all = most[cutting->detail];
    if (count <= all || place < 3 || place + 3 >= count)
        return true;
    return place % (count / (all - 6)) == 0;
}

/* ---- NOR ---- */

/* Programming moves bits away from the erased value, and a torn unit has moved some of them. */
static void tear_unit(struct cutting *cutting, const struct sim_op *op, uint32_t unit)
{
    const struct sim_flash *sim = cutting->sim;
    const uint8_t *data = cutting->recording->data + op->data;
    uint8_t erased = sim->geometry.erased_value;
    for (uint32_t i = unit; i < unit + sim->geometry.write_size; i++) {
        uint8_t moved = (uint8_t)((data[i] ^ erased) & (uint8_t)next_random(cutting));
        *sim_byte(sim, cutting->scratch, op, i) = (uint8_t)(erased ^ moved);
    }
    sim_mark(sim, cutting->scratch, op, unit, unit + sim->geometry.write_size, SIM_UNIT_TORN);
}

/* Larger units are pages: the controller may have got through the first half of their bytes. */
static void halve_unit(struct cutting *cutting, const struct sim_op *op, uint32_t unit)
{
    const struct sim_flash *sim = cutting->sim;
    uint32_t half = sim->geometry.write_size / 2;
    memcpy(sim_byte(sim, cutting->scratch, op, unit), cutting->recording->data + op->data + unit,
           half);
    sim_mark(sim, cutting->scratch, op, unit, unit + sim->geometry.write_size, SIM_UNIT_TORN);
}

/* Its cells have moved so little, or so nearly all of the way, that they read now so and now so. */
static void unsettle_unit(struct cutting *cutting, const struct sim_op *op, uint32_t unit)
{
    const struct sim_flash *sim = cutting->sim;
    const uint32_t end = unit + sim->geometry.write_size;
    sim_program(sim, cutting->scratch, op, cutting->recording->data, unit, end);
    sim_mark(sim, cutting->scratch, op, unit, end, SIM_UNIT_UNSTABLE);
}

static void cut_write(struct cutting *cutting, const struct sim_op *op)
{
    const struct sim_flash *sim = cutting->sim;
    uint32_t unit = sim->geometry.write_size;
    uint32_t count = op->size / unit;
    for (uint32_t done = 0; done < count; done++) {
        if (!chosen(cutting, done, count))
            continue;
        for (int way = 0; way < 3; way++) {
            restart_scratch(cutting);
            sim_program(sim, cutting->scratch, op, cutting->recording->data, 0, done * unit);
            if (way == 1)
                tear_unit(cutting, op, done * unit);
            if (way == 2)
                halve_unit(cutting, op, done * unit);
            emit(cutting, cutting->scratch);
        }
        restart_scratch(cutting);
        sim_program(sim, cutting->scratch, op, cutting->recording->data, 0, done * unit);
        unsettle_unit(cutting, op, done * unit);
        emit_unstable(cutting, cutting->scratch);
    }
}

enum torn_erase { ERASED_FIRST_HALF, ERASED_SOME_BITS, ERASED_NOISE, ERASED_UNSTABLE, TORN_ERASES };

static void tear_erase(struct cutting *cutting, const struct sim_op *op, uint32_t sector,
                       enum torn_erase how)
{
    const struct sim_flash *sim = cutting->sim;
    uint32_t size = sim_erase_size(&sim->geometry, op->region);
    uint8_t erased = sim->geometry.erased_value;
    for (uint32_t i = sector; i < sector + size; i++) {
        uint8_t *byte = sim_byte(sim, cutting->scratch, op, i);
        uint8_t noise = (uint8_t)next_random(cutting);
        if (how == ERASED_FIRST_HALF)
            *byte = i - sector < size / 2 ? erased : *byte;
        else if (how == ERASED_SOME_BITS)
            *byte = (uint8_t)(erased ^ ((*byte ^ erased) & noise));
        else if (how == ERASED_NOISE)
            *byte = noise;
    }
    sim_mark(sim, cutting->scratch, op, sector, sector + size,
             how == ERASED_UNSTABLE ? SIM_UNIT_UNSTABLE : SIM_UNIT_TORN);
}

static void cut_erase(struct cutting *cutting, const struct sim_op *op)
{
    const struct sim_flash *sim = cutting->sim;
    uint32_t size = sim_erase_size(&sim->geometry, op->region);
    uint32_t count = op->size / size;
    for (uint32_t done = 0; done < count; done++) {
        if (!chosen(cutting, done, count))
            continue;
        for (int how = 0; how < TORN_ERASES; how++) {
            restart_scratch(cutting);
            sim_erase(sim, cutting->scratch, op, 0, done * size);
            tear_erase(cutting, op, done * size, (enum torn_erase)how);
            if (how == ERASED_UNSTABLE)
                emit_unstable(cutting, cutting->scratch);
            else
                emit(cutting, cutting->scratch);
        }
    }
    /* Sectors need not go in order. */
    restart_scratch(cutting);
    sim_erase(sim, cutting->scratch, op, op->size - size, op->size);
    emit(cutting, cutting->scratch);
}

/* ---- what is volatile until a sync: a cached disk, and the folder ---- */

static size_t pending_pieces(struct cutting *cutting)
{
    size_t count = 0;
    for (size_t i = 0; i < cutting->at; i++) {
        const struct sim_op *op = &cutting->recording->log[i];
        bool pending = !cutting->durable[i] && op->kind != SIM_SYNC;
        for (uint32_t at = 0; pending && at < op->size;) {
            uint32_t end = at + DISK_SECTOR - (op->offset + at) % DISK_SECTOR;
            end = end < op->size ? end : op->size;
            if (count == PIECES_MAX)
                abort();
            cutting->pieces[count++] = (struct piece){.op = op, .first = at, .end = end};
            at = end;
        }
    }
    return count;
}

static void apply_piece(struct cutting *cutting, const struct piece *piece, uint32_t end)
{
    if (piece->op->kind == SIM_WRITE)
        sim_program(cutting->sim, cutting->scratch, piece->op, cutting->recording->data,
                    piece->first, end);
    else
        sim_erase(cutting->sim, cutting->scratch, piece->op, piece->first, end);
}

static void emit_subset(struct cutting *cutting, const struct piece *pieces, size_t count,
                        const bool *kept)
{
    restart_scratch(cutting);
    for (size_t i = 0; i < count; i++)
        if (kept[i])
            apply_piece(cutting, &pieces[i], pieces[i].end);
    emit(cutting, cutting->scratch);
}

/* ---- sectors that are torn inside ---- */

enum torn_sector {
    TORN_BACK,   /* new behind its middle, old in front of it */
    TORN_MIXED,  /* here old and there new, by lot */
    TORN_LOTTED, /* and once more */
    TORN_AND,    /* of old and new */
    TORN_NOISE,  /* also what else was in the sector */
    TORN_FRONTS  /* from here on: new up to each of these lengths, old behind it */
};
static const uint32_t fronts[] = {1, 3, 4, 5, 16, 64, 256, 511};
#define TORN_WAYS (TORN_FRONTS + sizeof fronts / sizeof fronts[0])
#define MIXED_CHUNK 16u

static uint8_t torn_byte(const struct piece *piece, uint32_t at, unsigned how, uint8_t before,
                         uint8_t after, uint64_t lot)
{
    switch (how) {
    case TORN_BACK:
        return at - piece->first < (piece->end - piece->first) / 2 ? before : after;
    case TORN_MIXED:
    case TORN_LOTTED:
        return (lot >> ((piece->op->offset + at) % DISK_SECTOR / MIXED_CHUNK) & 1) != 0 ? after
                                                                                        : before;
    case TORN_AND:
        return before & after;
    default:
        return at - piece->first < fronts[how - TORN_FRONTS] ? after : before;
    }
}

static void tear_bytes(struct cutting *cutting, const struct piece *piece, unsigned how)
{
    const struct sim_flash *sim = cutting->sim;
    const struct sim_op *op = piece->op;
    const uint8_t *data = cutting->recording->data + op->data;
    const uint64_t lot = next_random(cutting);
    for (uint32_t at = piece->first; at < piece->end; at++) {
        uint8_t *byte = sim_byte(sim, cutting->scratch, op, at);
        uint8_t after = op->kind == SIM_WRITE ? data[at] : sim->geometry.erased_value;
        *byte = torn_byte(piece, at, how, *byte, after, lot);
    }
    sim_mark(sim, cutting->scratch, op, piece->first, piece->end, SIM_UNIT_TORN);
}

/* Of a disk the whole sector; the sectors of a file hold nothing else. */
static void make_noise(struct cutting *cutting, const struct piece *piece)
{
    const struct sim_flash *sim = cutting->sim;
    struct sim_op sector = *piece->op;
    uint32_t first = piece->first, end = piece->end;
    if (sector.region != SIM_FOLDER) {
        sector.offset = (sector.offset + first) / DISK_SECTOR * DISK_SECTOR;
        const uint32_t left = sim->flash[sector.region].size - sector.offset;
        first = 0;
        end = left < DISK_SECTOR ? left : DISK_SECTOR;
    }
    for (uint32_t at = first; at < end; at++)
        *sim_byte(sim, cutting->scratch, &sector, at) = (uint8_t)next_random(cutting);
    sim_mark(sim, cutting->scratch, &sector, first, end, SIM_UNIT_TORN);
}

static void apply_pieces(struct cutting *cutting, const struct piece *pieces, size_t begin,
                         size_t end)
{
    for (size_t i = begin; i < end; i++)
        apply_piece(cutting, &pieces[i], pieces[i].end);
}

/* All of [begin, end) is kept, and `torn`, which is among them, in each way but whole. */
static void tear_piece(struct cutting *cutting, const struct piece *pieces, size_t begin,
                       size_t torn, size_t end)
{
    const struct piece *piece = &pieces[torn];
    for (unsigned how = 0; how < TORN_WAYS; how++) {
        if (how >= TORN_FRONTS && fronts[how - TORN_FRONTS] >= piece->end - piece->first)
            break;
        restart_scratch(cutting);
        apply_pieces(cutting, pieces, begin, torn);
        if (how == TORN_NOISE)
            make_noise(cutting, piece);
        else
            tear_bytes(cutting, piece, how);
        apply_pieces(cutting, pieces, torn + 1, end);
        emit(cutting, cutting->scratch);
    }
}

/* In images all places are alike: of a long operation there the ends and the middle. */
static bool is_torn(const struct cutting *cutting, size_t place, size_t count)
{
    return cutting->detail != CUT_SPREAD || count <= 3 || place == 0 || place == count / 2 ||
           place + 1 == count;
}

/*
 * A sector of the latest operation is torn alone, and behind all that came before it: as it would
 * be if nothing followed. Before a sync, when most is pending, any sector is, among all others.
 */
static void tear_pending(struct cutting *cutting, const struct piece *pieces, size_t count)
{
    const struct recording *recording = cutting->recording;
    const struct sim_op *latest = &recording->log[cutting->at - 1];
    size_t first = count;
    while (first > 0 && pieces[first - 1].op == latest)
        first--;
    for (size_t i = first; i < count; i++) {
        if (latest->whole || !is_torn(cutting, i - first, count - first))
            continue;
        tear_piece(cutting, pieces, 0, i, i + 1);
        if (i > 0)
            tear_piece(cutting, pieces, i, i, i + 1);
    }
    if (cutting->at == recording->log_count || recording->log[cutting->at].kind != SIM_SYNC)
        return;
    for (size_t i = 0; i < first; i++)
        if (!pieces[i].op->whole && is_torn(cutting, i, first))
            tear_piece(cutting, pieces, 0, i, count);
}

/* All, none, each one alone, each one missing, and some by lot. */
static void cut_pending(struct cutting *cutting, const struct piece *pieces, size_t count)
{
    bool kept[PIECES_MAX];
    unsigned lots = cutting->detail == CUT_SPREAD ? 4 : 32;
    for (int all = 0; all < 2; all++) {
        memset(kept, all, sizeof kept);
        emit_subset(cutting, pieces, count, kept);
        for (size_t i = 0; i < count; i++) {
            if (!chosen(cutting, (uint32_t)i, (uint32_t)count))
                continue;
            kept[i] = !kept[i];
            emit_subset(cutting, pieces, count, kept);
            kept[i] = !kept[i];
        }
    }
    for (unsigned lot = 0; count > 1 && lot < lots; lot++) {
        for (size_t i = 0; i < count; i++)
            kept[i] = (next_random(cutting) & 1) != 0;
        emit_subset(cutting, pieces, count, kept);
    }
    tear_pending(cutting, pieces, count);
}

static void apply(struct cutting *cutting, uint8_t *state, const struct sim_op *op)
{
    if (op->kind == SIM_WRITE)
        sim_program(cutting->sim, state, op, cutting->recording->data, 0, op->size);
    else if (op->kind == SIM_ERASE)
        sim_erase(cutting->sim, state, op, 0, op->size);
}

static bool made_durable(const struct cutting *cutting, const struct sim_op *op,
                         const struct sim_op *sync)
{
    if (cutting->sim->geometry.one_disk)
        return true;
    bool inside = sync->size == 0 || (op->offset >= sync->offset &&
                                      op->offset + op->size <= sync->offset + sync->size);
    return op->region == sync->region && inside;
}

static void take_sync(struct cutting *cutting, const struct sim_op *sync)
{
    for (size_t i = 0; i < cutting->at; i++) {
        const struct sim_op *op = &cutting->recording->log[i];
        if (cutting->durable[i] || !made_durable(cutting, op, sync))
            continue;
        cutting->durable[i] = true;
        apply(cutting, cutting->base, op);
    }
}

/* A flash is durable as it happens. */
static void take_flash(struct cutting *cutting, const struct sim_op *op)
{
    if (op->kind == SIM_WRITE)
        cut_write(cutting, op);
    else
        cut_erase(cutting, op);
    apply(cutting, cutting->base, op);
    cutting->durable[cutting->at] = true;
    emit(cutting, cutting->base); /* done, but nobody has been told */
}

static void cut_between(struct cutting *cutting)
{
    size_t count = pending_pieces(cutting);
    if (count == 0)
        emit(cutting, cutting->base);
    else
        cut_pending(cutting, cutting->pieces, count);
}

static void cut_all(struct cutting *cutting)
{
    const struct recording *recording = cutting->recording;
    for (cutting->at = 0; cutting->at < recording->log_count; cutting->at++) {
        const struct sim_op *op = &recording->log[cutting->at];
        bool cached = cutting->sim->geometry.cached || op->region == SIM_FOLDER;
        cut_between(cutting);
        if (op->kind == SIM_SYNC)
            take_sync(cutting, op);
        else if (!cached)
            take_flash(cutting, op);
    }
    cut_between(cutting);
}

void cut_each(const struct sim_flash *sim, const struct recording *recording,
              enum cut_detail detail, cut_fn *each, void *context)
{
    struct cutting cutting = {.sim = sim,
                              .recording = recording,
                              .detail = detail,
                              .each = each,
                              .context = context,
                              .base = sim_allocate(sim->state_size),
                              .scratch = sim_allocate(sim->state_size)};
    cutting.durable = sim_allocate((recording->log_count + 1) * sizeof *cutting.durable);
    cutting.pieces = sim_allocate(PIECES_MAX * sizeof *cutting.pieces);
    memset(cutting.durable, 0, (recording->log_count + 1) * sizeof *cutting.durable);
    memcpy(cutting.base, recording->start, sim->state_size);
    cut_all(&cutting);
    free(cutting.durable);
    free(cutting.pieces);
    free(cutting.base);
    free(cutting.scratch);
}
