/* resources.c: see resources.h. */
#include "agent/client/resources.h"

#include "agent/client/log.h"

static uint64_t now_ms(const struct kedge_resources *resources)
{
    const struct kedge_clock *clock = resources->server->clock;
    return clock->monotonic_ms(clock->context);
}

static uint32_t disable_s(const struct kedge_resources *resources)
{
    return resources->disable_s > 0 ? resources->disable_s : KEDGE_DISABLE_DEFAULT_S;
}

static enum kedge_rc text_value(const char *text, struct kedge_lwm2m_value *value)
{
    value->bytes = kedge_slice_text(text);
    return KEDGE_OK;
}

/* What the device maker may leave out. */
static enum kedge_rc optional_text(const char *text, struct kedge_lwm2m_value *value)
{
    return text[0] != '\0' ? text_value(text, value) : KEDGE_E_NOT_FOUND;
}

static enum kedge_rc read_server(const struct kedge_resources *resources, uint16_t resource,
                                 struct kedge_lwm2m_value *value)
{
    switch (resource) {
    case 0:
        value->integer = resources->server->short_server_id;
        return KEDGE_OK;
    case 1:
        value->integer = resources->server->registration.lifetime_s;
        return KEDGE_OK;
    case 2:
        value->integer = resources->server->default_pmin_s;
        return KEDGE_OK;
    case 3:
        value->integer = resources->server->default_pmax_s;
        return KEDGE_OK;
    case 5:
        value->integer = disable_s(resources);
        return KEDGE_OK;
    case 6:
        value->integer = resources->storing;
        return KEDGE_OK;
    case 7:
        return text_value(kedge_server_binding(resources->server), value);
    case 23:
        value->integer = resources->server->send.muted;
        return KEDGE_OK;
    default:
        return KEDGE_E_NOT_FOUND;
    }
}

static enum kedge_rc read_device(const struct kedge_resources *resources,
                                 const struct kedge_lwm2m_path *path,
                                 struct kedge_lwm2m_value *value)
{
    const struct kedge_agent_config *config = resources->config;
    switch (path->ids[2]) {
    case 0:
        return text_value(config->vendor, value);
    case 1:
        return text_value(config->class_name, value);
    case 2:
        return text_value(config->endpoint, value);
    case 3:
        return text_value(resources->object5->version, value);
    case 11:
        value->integer = kedge_device_error(resources->object5->save_error);
        return path->ids[3] == 0 ? KEDGE_OK : KEDGE_E_NOT_FOUND;
    case 16:
        return text_value(kedge_server_binding(resources->server), value);
    case 17:
        return optional_text(config->device_type, value);
    case 18:
        return optional_text(config->hardware, value);
    case 19:
        return optional_text(config->software_version, value);
    default:
        return kedge_device_read(&resources->device, path, value);
    }
}

/* A number that is too large for an Integer is above any that a package can be told to have. */
static enum kedge_rc read_floor(const struct kedge_boot *boot, struct kedge_lwm2m_value *value)
{
    struct kedge_boot_record record;
    if (kedge_boot_record_read(boot, &record) != KEDGE_OK)
        return KEDGE_E_NOT_FOUND;
    value->integer = record.floor < INT64_MAX ? (int64_t)record.floor : INT64_MAX;
    return KEDGE_OK;
}

static enum kedge_rc read_kedge(const struct kedge_resources *resources, uint16_t resource,
                                struct kedge_lwm2m_value *value)
{
    const struct kedge_object5 *object5 = resources->object5;
    switch (resource) {
    case 0:
        return text_value(object5->state.reason, value);
    case 1:
        value->integer = kedge_object5_percent(object5);
        return KEDGE_OK;
    case 2:
        return read_floor(object5->boot, value);
    case 3:
        value->integer = kedge_slot_capacity(object5->boot->slots[1 - object5->slot]);
        return value->integer > 0 ? KEDGE_OK : KEDGE_E_NOT_FOUND;
    default:
        return KEDGE_E_NOT_FOUND;
    }
}

static enum kedge_rc on_read(void *context, struct kedge_lwm2m_path *path,
                             struct kedge_lwm2m_value *value)
{
    const struct kedge_resources *resources = context;
    switch (path->ids[0]) {
    case KEDGE_LWM2M_OBJECT_SERVER:
        return read_server(resources, path->ids[2], value);
    case KEDGE_LWM2M_OBJECT_ACCESS:
        return kedge_access_object_read(&resources->access, path, value);
    case KEDGE_LWM2M_OBJECT_DEVICE:
        return read_device(resources, path, value);
    case KEDGE_LWM2M_OBJECT_CONNECTIVITY:
        return kedge_device_read(&resources->device, path, value);
    case KEDGE_LWM2M_OBJECT_FIRMWARE:
        return kedge_object5_read(resources->object5, path->ids[2], path->ids[3], value);
    default:
        return read_kedge(resources, path->ids[2], value);
    }
}

static bool is_queue(struct kedge_slice binding)
{
    return kedge_slice_equal(binding, kedge_slice_text("UQ"));
}

static bool fits_server(const struct kedge_server *server, uint16_t resource,
                        const struct kedge_lwm2m_value *value)
{
    switch (resource) {
    case 1:
        return kedge_registration_lifetime_fits(value->integer);
    case 2:
    case 3:
    case 5:
        return value->integer >= 0 && value->integer <= (int64_t)KEDGE_ATTRIBUTE_S_MAX;
    case 7:
        return kedge_slice_equal(value->bytes, kedge_slice_text("U")) ||
               (is_queue(value->bytes) && server->registration.older_version);
    default:
        return true;
    }
}

static uint8_t on_refusal(void *context, const struct kedge_lwm2m_path *path,
                          const struct kedge_lwm2m_value *value)
{
    const struct kedge_resources *resources = context;
    bool fits = path->ids[0] == KEDGE_LWM2M_OBJECT_FIRMWARE
                    ? kedge_object5_value_fits(path->ids[2], value)
                : path->ids[0] == KEDGE_LWM2M_OBJECT_ACCESS
                    ? kedge_access_object_fits(path, value)
                    : fits_server(resources->server, path->ids[2], value);
    return fits ? 0 : KEDGE_COAP_BAD_REQUEST;
}

static uint8_t on_rights(void *context, const struct kedge_lwm2m_path *instance)
{
    const struct kedge_resources *resources = context;
    return kedge_access_object_rights(&resources->access, instance);
}

/* A server of LwM2M 1.0 turns queue mode on and off by this; later ones are told of it alone. */
static void write_binding(struct kedge_server *server, bool queue, uint64_t at_ms)
{
    if (server->registration.older_version && server->queue.on != queue) {
        server->queue.on = queue;
        kedge_registration_renew(&server->registration, at_ms);
    }
}

static void write_server(struct kedge_resources *resources, uint16_t resource,
                         const struct kedge_lwm2m_value *written)
{
    int64_t value = written->integer;
    switch (resource) {
    case 7:
        write_binding(resources->server, is_queue(written->bytes), now_ms(resources));
        return;
    case 1:
        kedge_registration_set_lifetime(&resources->server->registration, value, now_ms(resources));
        return;
    case 2:
        resources->server->default_pmin_s = (uint32_t)value;
        return;
    case 3:
        resources->server->default_pmax_s = (uint32_t)value;
        return;
    case 5:
        resources->disable_s = (uint32_t)value;
        return;
    case 23:
        resources->server->send.muted = value != 0;
        return;
    default:
        resources->storing = value != 0;
    }
}

static uint8_t on_write(void *context, const struct kedge_lwm2m_path *path,
                        const struct kedge_lwm2m_value *value)
{
    struct kedge_resources *resources = context;
    uint8_t refused = on_refusal(context, path, value);
    if (refused != 0)
        return refused;
    if (path->ids[0] == KEDGE_LWM2M_OBJECT_FIRMWARE)
        return kedge_object5_write(resources->object5, path->ids[2], value);
    if (path->ids[0] == KEDGE_LWM2M_OBJECT_ACCESS)
        return kedge_access_object_write(&resources->access, path, value);
    write_server(resources, path->ids[2], value);
    return KEDGE_COAP_CHANGED;
}

/* A Replace of the instance leaves nothing of what it does not name, but what must be there. */
static uint8_t on_unset(void *context, const struct kedge_lwm2m_path *path)
{
    struct kedge_resources *resources = context;
    if (path->ids[0] == KEDGE_LWM2M_OBJECT_ACCESS)
        return kedge_access_object_unset(&resources->access, path);
    if (path->ids[0] == KEDGE_LWM2M_OBJECT_FIRMWARE) {
        kedge_object5_unset(resources->object5);
        return KEDGE_COAP_CHANGED;
    }
    resources->server->default_pmin_s = resources->server->default_pmax_s = 0;
    resources->server->send.muted = !resources->config->send;
    resources->disable_s = 0;
    return KEDGE_COAP_CHANGED;
}

static void on_hold(void *context)
{
    kedge_object5_hold(((struct kedge_resources *)context)->object5);
}

static uint8_t on_release(void *context, bool keep)
{
    return kedge_object5_release(((struct kedge_resources *)context)->object5, keep);
}

static uint8_t execute_server(struct kedge_resources *resources, uint16_t resource)
{
    struct kedge_registration *registration = &resources->server->registration;
    switch (resource) {
    case 4:
        kedge_log(KEDGE_LOG_INFO, "the server sends this device away for %u s",
                  (unsigned)disable_s(resources));
        kedge_registration_disable(registration, disable_s(resources), now_ms(resources));
        return KEDGE_COAP_CHANGED;
    case 8:
        kedge_registration_trigger(registration, now_ms(resources));
        return KEDGE_COAP_CHANGED;
    default:
        if (resources->bootstrap == NULL)
            return KEDGE_COAP_NOT_FOUND;
        kedge_bootstrap_trigger(resources->bootstrap);
        return KEDGE_COAP_CHANGED;
    }
}

static uint8_t execute_device(struct kedge_resources *resources, uint16_t resource)
{
    if (resource == 12) {
        kedge_object5_save(resources->object5); /* an error that is still there shows itself */
        return KEDGE_COAP_CHANGED;
    }
    kedge_log(KEDGE_LOG_INFO, "the server asks for a reboot");
    kedge_object5_reboot(resources->object5);
    return KEDGE_COAP_CHANGED;
}

static uint8_t on_execute(void *context, const struct kedge_lwm2m_path *path,
                          struct kedge_slice arguments)
{
    (void)arguments; /* none of these defines any */
    struct kedge_resources *resources = context;
    switch (path->ids[0]) {
    case KEDGE_LWM2M_OBJECT_SERVER:
        return execute_server(resources, path->ids[2]);
    case KEDGE_LWM2M_OBJECT_DEVICE:
        return execute_device(resources, path->ids[2]);
    default:
        return kedge_object5_execute(resources->object5, path->ids[2]);
    }
}

static enum kedge_rc on_attributes(void *context, const struct kedge_lwm2m_path *path,
                                   bool inherited, struct kedge_writer *out)
{
    const struct kedge_attributes *all =
        &((const struct kedge_resources *)context)->server->attributes;
    const struct kedge_attribute_values values =
        inherited ? kedge_attributes_for(all, path) : kedge_attributes_own(all, path);
    return kedge_attributes_text(&values, out);
}

void kedge_resources_look(struct kedge_resources *resources)
{
    const coap_session_t *session = resources->server->session;
    const coap_address_t *local = session != NULL ? coap_session_get_addr_local(session) : NULL;
    kedge_device_look(&resources->device, local != NULL ? &local->addr.sa : NULL);
}

struct kedge_model_hooks kedge_resources_hooks(struct kedge_resources *resources)
{
    return (struct kedge_model_hooks){.context = resources,
                                      .read = on_read,
                                      .rights = on_rights,
                                      .write = on_write,
                                      .refusal = on_refusal,
                                      .unset = on_unset,
                                      .hold = on_hold,
                                      .release = on_release,
                                      .execute = on_execute,
                                      .attributes = on_attributes,
                                      .has_bootstrap_trigger = resources->bootstrap != NULL};
}

uint8_t kedge_resources_take_block(void *context, const struct kedge_intake_block *block)
{
    struct kedge_resources *resources = context;
    return kedge_object5_take_block(resources->object5, block);
}
