/*
 * zone_tags.h: the time zones of devices: their tag "tz", as {"tz": "Europe/Berlin"}.
 */
#ifndef KEDGE_UPDATER_ZONE_TAGS_H
#define KEDGE_UPDATER_ZONE_TAGS_H

#include "updater/kedged/bridge.h"

#define KEDGE_ZONE_TAG "tz"

/** Whether it may have the tag: quick, and right when it says no. */
bool kedge_has_zone_tag(const char *tags_json);
/** What the tag says, "" without one; a name that is too long to be a zone is cut. */
void kedge_zone_of_tags(const char *tags_json, char zone[KEDGE_ZONE_NAME_MAX + 2]);
/*
 * Told to the engine, on the network thread, where a rollout has windows: the zone of a device
 * whose tags have been changed, and those of all that have the tag.
 */
void kedge_tell_zone(struct kedge_bridge *bridge, const char *endpoint);
void kedge_tell_zones(struct kedge_bridge *bridge);

#endif
