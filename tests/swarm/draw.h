/*
 * draw.h: repeatable random numbers (splitmix64). Each device draws from its own, so that what
 * becomes of it depends on the seed and its number and not on the order in which datagrams come.
 */
#ifndef KEDGE_SWARM_DRAW_H
#define KEDGE_SWARM_DRAW_H

#include <stdbool.h>
#include <stdint.h>

struct draw {
    uint64_t state;
};

static inline uint64_t draw_bits(struct draw *draw)
{
    uint64_t bits = draw->state += UINT64_C(0x9E3779B97F4A7C15);
    bits = (bits ^ bits >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    bits = (bits ^ bits >> 27) * UINT64_C(0x94D049BB133111EB);
    return bits ^ bits >> 31;
}

/** From 0 up to, not including, 1. */
static inline double draw_unit(struct draw *draw)
{
    return (double)(draw_bits(draw) >> 11) * 0x1.0p-53;
}

static inline bool draw_chance(struct draw *draw, double probability)
{
    return probability > 0 && draw_unit(draw) < probability;
}

/** A whole number from `least` to `most`, both included. */
static inline uint64_t draw_between(struct draw *draw, uint64_t least, uint64_t most)
{
    return least + draw_bits(draw) % (most - least + 1);
}

#endif
