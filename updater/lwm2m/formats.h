/*
 * formats.h: which data format goes towards a device: of those that the operation can use, the best
 * one that the device says it has (at its root link, OMA LwM2M Core 1.1 section 6.2.1) and has not
 * refused by 4.06 or 4.15. There are eight formats, so a set of them is a byte.
 */
#ifndef KEDGE_UPDATER_FORMATS_H
#define KEDGE_UPDATER_FORMATS_H

#include <kedge/lwm2m_records.h>

#define FORMAT_NONE_LEFT (-1)

/** What an operation's payload is, which decides the formats that can hold it. */
enum format_use {
    FORMAT_USE_VALUE,    /* one resource */
    FORMAT_USE_BYTES,    /* one opaque resource */
    FORMAT_USE_RECORDS,  /* several resources of one object */
    FORMAT_USE_COMPOSITE /* any paths */
};

/** The set of that format alone; 0 when it is none of the eight. */
uint8_t format_bit(uint32_t content_format);
/** "TLV", "SenML CBOR"; static storage; "unknown" for none of the eight. */
const char *format_name(uint32_t content_format);
/** Whether answers in it may hold several resources. */
bool format_holds_records(uint32_t content_format);

/**
 * The format to ask an answer in, or FORMAT_NONE_LEFT: better ask for none. `said` is 0 where the
 * device says nothing.
 */
int32_t format_to_read(enum format_use use, uint8_t said, uint8_t refused);
/** The format to write in, or FORMAT_NONE_LEFT: it has refused all. */
int32_t format_to_write(enum format_use use, uint8_t said, uint8_t refused);

#endif
