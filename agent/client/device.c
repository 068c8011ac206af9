/* device.c: see device.h. */
#include "agent/client/device.h"

#include <errno.h>

void kedge_device_look(struct kedge_device *device, const struct sockaddr *local)
{
    uint64_t now_ms = device->clock->monotonic_ms(device->clock->context);
    bool has_session = local != NULL;
    if (device->looked && has_session == device->had_session &&
        now_ms - device->looked_at_ms < KEDGE_DEVICE_LOOK_MS)
        return;
    device->looked = true;
    device->had_session = has_session;
    device->looked_at_ms = now_ms;
    if (kedge_port_storage(device->folder, &device->free_size, &device->total_size) != KEDGE_OK)
        device->free_size = device->total_size = 0;
    kedge_port_network(device->files, local, &device->network);
    kedge_port_utc_offset(device->clock->wall_ms(device->clock->context) / 1000,
                          device->utc_offset);
    if (kedge_port_zone(device->zone) != KEDGE_OK)
        device->zone[0] = '\0';
}

static enum kedge_rc integer_value(int64_t integer, struct kedge_lwm2m_value *value)
{
    value->integer = integer;
    return KEDGE_OK;
}

static enum kedge_rc text_value(const char *text, struct kedge_lwm2m_value *value)
{
    value->bytes = kedge_slice_text(text);
    return text[0] != '\0' ? KEDGE_OK : KEDGE_E_NOT_FOUND;
}

static enum kedge_rc kilobytes(const struct kedge_device *device, uint64_t size,
                               struct kedge_lwm2m_value *value)
{
    return device->total_size > 0 ? integer_value((int64_t)(size / 1024), value)
                                  : KEDGE_E_NOT_FOUND;
}

static enum kedge_rc read_device(const struct kedge_device *device, uint16_t resource,
                                 struct kedge_lwm2m_value *value)
{
    switch (resource) {
    case 10:
        return kilobytes(device, device->free_size, value);
    case 13:
        return integer_value((int64_t)(device->clock->wall_ms(device->clock->context) / 1000),
                             value);
    case 14:
        return text_value(device->utc_offset, value);
    case 15:
        return text_value(device->zone, value);
    case 21:
        return kilobytes(device, device->total_size, value);
    default:
        return KEDGE_E_NOT_FOUND;
    }
}

static enum kedge_rc read_network(const struct kedge_port_network *network, uint16_t resource,
                                  size_t index, struct kedge_lwm2m_value *value)
{
    switch (resource) {
    case 0:
        return integer_value(network->bearer, value);
    case 1:
        return index < network->bearer_count ? integer_value(network->bearers[index], value)
                                             : KEDGE_E_NOT_FOUND;
    case 2:
        return integer_value(network->signal_dbm, value);
    case 4:
        return index < network->address_count ? text_value(network->addresses[index], value)
                                              : KEDGE_E_NOT_FOUND;
    default:
        return KEDGE_E_NOT_FOUND;
    }
}

enum kedge_rc kedge_device_read(const struct kedge_device *device,
                                const struct kedge_lwm2m_path *path,
                                struct kedge_lwm2m_value *value)
{
    if (path->ids[0] == KEDGE_LWM2M_OBJECT_CONNECTIVITY)
        return read_network(&device->network, path->ids[2], path->ids[3], value);
    return read_device(device, path->ids[2], value);
}

enum kedge_device_error kedge_device_error(int error)
{
    if (error == 0)
        return KEDGE_DEVICE_NO_ERROR;
    return error == ENOSPC || error == EDQUOT ? KEDGE_DEVICE_OUT_OF_MEMORY
                                              : KEDGE_DEVICE_PERIPHERAL;
}
