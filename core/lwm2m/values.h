/* values.h: what the formats share about values and entries; for core/lwm2m alone. */
#ifndef KEDGE_CORE_LWM2M_VALUES_H
#define KEDGE_CORE_LWM2M_VALUES_H

#include <kedge/lwm2m.h>

/** kedge_lwm2m_string_check() holds a string to what lwm2m.h says of strings in any format. */
enum kedge_rc kedge_lwm2m_string_check(struct kedge_slice text) KEDGE_MUST_USE;

/** A whole number in decimal, with a minus before it where it is negative. */
enum kedge_rc kedge_lwm2m_integer_read(struct kedge_slice text, int64_t *number) KEDGE_MUST_USE;
enum kedge_rc kedge_lwm2m_integer_write(int64_t number, struct kedge_writer *out) KEDGE_MUST_USE;

/** A number as JSON has them (RFC 8259 section 6), correctly rounded. KEDGE_E_LIMIT: infinite. */
enum kedge_rc kedge_lwm2m_float_read(struct kedge_slice text, double *number) KEDGE_MUST_USE;
/** KEDGE_E_LIMIT for what is not finite. */
enum kedge_rc kedge_lwm2m_float_write(double number, struct kedge_writer *out) KEDGE_MUST_USE;
bool kedge_lwm2m_float_finite(double number);

/** "3:0". */
enum kedge_rc kedge_lwm2m_link_read(struct kedge_slice text,
                                    struct kedge_lwm2m_object_link *link) KEDGE_MUST_USE;
enum kedge_rc kedge_lwm2m_link_write(const struct kedge_lwm2m_object_link *link,
                                     struct kedge_writer *out) KEDGE_MUST_USE;

/** The head of an entry, whose value follows. */
enum kedge_rc kedge_tlv_write_head(struct kedge_writer *out, enum kedge_tlv_kind kind, uint16_t id,
                                   size_t size) KEDGE_MUST_USE;
#define KEDGE_TLV_HEAD_MAX 6u

#endif
