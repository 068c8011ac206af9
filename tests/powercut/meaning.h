/*
 * meaning.h: when two states of a device mean the same, so that a search can come to its end.
 *
 * Every record has a number of its own, and what a cut leaves behind is never quite the same, so a
 * device that is cut again and again has no end of states. But nothing rests on the numbers but
 * which is higher, nothing on counters but that they rose, and nothing on bytes that no whole
 * record or header describes: they are erased before they are written over. Two states mean the
 * same when they differ in nothing else.
 */
#ifndef KEDGE_TESTS_POWERCUT_MEANING_H
#define KEDGE_TESTS_POWERCUT_MEANING_H

#include "tests/powercut/device.h"

/** A hash of what the state and the promises in `device` mean; changes nothing that lasts. */
uint64_t meaning_hash(struct device *device);

#endif
