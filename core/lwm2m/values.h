/* values.h: what the formats share about values and entries; for core/lwm2m alone. */
#ifndef KEDGE_CORE_LWM2M_VALUES_H
#define KEDGE_CORE_LWM2M_VALUES_H

#include <kedge/lwm2m.h>

/** kedge_lwm2m_string_check() holds a string to what lwm2m.h says of strings in any format. */
enum kedge_rc kedge_lwm2m_string_check(struct kedge_slice text) KEDGE_MUST_USE;

/** As kedge_tlv_find_resource(), with the kind of what was found: resource or multiple resource. */
enum kedge_rc kedge_tlv_find_entry(struct kedge_slice payload, uint16_t instance, uint16_t resource,
                                   struct kedge_tlv_entry *found) KEDGE_MUST_USE;

#endif
