/* writer.c: the bounded writer. A failed write leaves the buffer as it was. */
#include <kedge/base.h>

#include <string.h>

enum kedge_rc kedge_writer_put(struct kedge_writer *writer, struct kedge_slice bytes)
{
    if (bytes.size > writer->capacity - writer->size)
        return KEDGE_E_BUFFER;
    if (bytes.size > 0)
        memcpy(writer->data + writer->size, bytes.data, bytes.size);
    writer->size += bytes.size;
    return KEDGE_OK;
}

/* Writes `value` as `size` big-endian bytes. */
static enum kedge_rc put_number(struct kedge_writer *writer, uint64_t value, size_t size)
{
    uint8_t bytes[8];
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(value >> (8 * (size - 1 - i)));
    return kedge_writer_put(writer, kedge_slice(bytes, size));
}

enum kedge_rc kedge_writer_u8(struct kedge_writer *writer, uint8_t value)
{
    return put_number(writer, value, 1);
}

enum kedge_rc kedge_writer_u16(struct kedge_writer *writer, uint16_t value)
{
    return put_number(writer, value, 2);
}

enum kedge_rc kedge_writer_u32(struct kedge_writer *writer, uint32_t value)
{
    return put_number(writer, value, 4);
}

enum kedge_rc kedge_writer_u64(struct kedge_writer *writer, uint64_t value)
{
    return put_number(writer, value, 8);
}
