/*
 * explore.h: the search through everything that cuts of power may do to a device.
 *
 * A node is a state of the flash with what had been promised. From each one the device runs without
 * a cut to its plan's goal, session by session; that proves the node. Then every session of that
 * run is cut in every way, and each state left behind is a node again, until the budget of cuts is
 * used up. A node met before with as many cuts left is not run twice, so different histories that
 * end in the same flash cost nothing.
 *
 * An endless search has no budget of cuts: it cuts every session of every node, and ends when no
 * new one appears. There, nodes are told apart by what they mean (meaning.h), and on the run that
 * nothing disturbs every single bit of both copies of the record and of both slots' headers is
 * flipped before each session.
 */
#ifndef KEDGE_TESTS_POWERCUT_EXPLORE_H
#define KEDGE_TESTS_POWERCUT_EXPLORE_H

#include "tests/powercut/cut.h"

#include <stdio.h>

struct explore_budget {
    unsigned cuts;          /* one after the other, in one history */
    unsigned deep_every;    /* one in so many faults is followed by another */
    enum cut_detail detail; /* of first cuts; of others CUT_SPREAD */
    bool endless;           /* instead of all that: until no cut leaves anything new */
};

struct explore_counts {
    uint64_t histories; /* cuts and other faults that were tried */
    uint64_t states;    /* different nodes */
    uint64_t bricks;    /* broken rules */
    uint64_t
        chances; /* cuts that might have been followed by another: begins where the caller says */
};

/**
 * explore() searches `plan` on `geometry`, adds to `counts`, and writes each broken rule to `out`
 * (NULL: nowhere). It ends when `counts` has `bricks_max` of them.
 */
void explore(const struct sim_geometry *geometry, const struct plan *plan,
             const struct package *packages, const struct kedge_public_key *key,
             struct explore_budget budget, uint64_t bricks_max, struct explore_counts *counts,
             FILE *out);

#endif
