/* model_resources.c: see model_parts.h. */
#include "agent/client/model_parts.h"

#include <kedge/lwm2m_records.h>

#define R KEDGE_LWM2M_R
#define RW KEDGE_LWM2M_RW
#define W KEDGE_LWM2M_W
#define E KEDGE_LWM2M_E
#define SERVER KEDGE_LWM2M_OBJECT_SERVER
#define ACCESS KEDGE_LWM2M_OBJECT_ACCESS
#define DEVICE KEDGE_LWM2M_OBJECT_DEVICE
#define NETWORK KEDGE_LWM2M_OBJECT_CONNECTIVITY
#define FIRMWARE KEDGE_LWM2M_OBJECT_FIRMWARE

/* Sorted by object and resource. */
static const struct model_resource resources[] = {
    {SERVER, 0, R},   /* short server id */
    {SERVER, 1, RW},  /* lifetime */
    {SERVER, 2, RW},  /* default pmin */
    {SERVER, 3, RW},  /* default pmax */
    {SERVER, 4, E},   /* disable */
    {SERVER, 5, RW},  /* disable timeout */
    {SERVER, 6, RW},  /* notification storing */
    {SERVER, 7, RW},  /* binding */
    {SERVER, 8, E},   /* registration update trigger */
    {SERVER, 9, E},   /* bootstrap-request trigger */
    {SERVER, 23, RW}, /* mute send */
    {ACCESS, 0, R},   /* which object */
    {ACCESS, 1, R},   /* which instance of it */
    {ACCESS, 2, RW},  /* who may do what, by Short Server ID */
    {ACCESS, 3, RW},  /* owner */
    {DEVICE, 0, R},   /* manufacturer: the vendor's domain */
    {DEVICE, 1, R},   /* model: the class */
    {DEVICE, 2, R},   /* serial number */
    {DEVICE, 3, R},   /* firmware version */
    {DEVICE, 4, E},   /* reboot */
    {DEVICE, 10, R},  /* memory free */
    {DEVICE, 11, R},  /* error code */
    {DEVICE, 12, E},  /* reset error code */
    {DEVICE, 13, R},  /* current time */
    {DEVICE, 14, R},  /* UTC offset */
    {DEVICE, 15, R},  /* time zone */
    {DEVICE, 16, R},  /* supported binding */
    {DEVICE, 17, R},  /* device type */
    {DEVICE, 18, R},  /* hardware version */
    {DEVICE, 19, R},  /* software version */
    {DEVICE, 21, R},  /* memory total */
    {NETWORK, 0, R},  /* bearer in use */
    {NETWORK, 1, R},  /* bearers that there are */
    {NETWORK, 2, R},  /* signal strength */
    {NETWORK, 4, R},  /* IP addresses */
    {FIRMWARE, KEDGE_FIRMWARE_PACKAGE, W},
    {FIRMWARE, KEDGE_FIRMWARE_PACKAGE_URI, RW},
    {FIRMWARE, KEDGE_FIRMWARE_UPDATE, E},
    {FIRMWARE, KEDGE_FIRMWARE_STATE, R},
    {FIRMWARE, KEDGE_FIRMWARE_RESULT, R},
    {FIRMWARE, KEDGE_FIRMWARE_PACKAGE_NAME, R},
    {FIRMWARE, KEDGE_FIRMWARE_PACKAGE_VERSION, R},
    {FIRMWARE, KEDGE_FIRMWARE_PROTOCOLS, R},
    {FIRMWARE, KEDGE_FIRMWARE_DELIVERY, R},
    {FIRMWARE, KEDGE_FIRMWARE_CANCEL, E},
    {FIRMWARE, KEDGE_FIRMWARE_SEVERITY, RW},
    {FIRMWARE, KEDGE_FIRMWARE_LAST_STATE_CHANGE_TIME, R},
    {FIRMWARE, KEDGE_FIRMWARE_MAXIMUM_DEFER_PERIOD, RW},
    {KEDGE_LWM2M_OBJECT_KEDGE, 0, R}, /* why the last update failed */
    {KEDGE_LWM2M_OBJECT_KEDGE, 1, R}, /* how much of the package has come */
    {KEDGE_LWM2M_OBJECT_KEDGE, 2, R}, /* the lowest sequence number that is taken */
    {KEDGE_LWM2M_OBJECT_KEDGE, 3, R}, /* how large an image may be */
};
#define RESOURCE_COUNT (sizeof resources / sizeof resources[0])

const struct model_resource *kedge_model_resources(size_t *count)
{
    *count = RESOURCE_COUNT;
    return resources;
}

static bool begins_object(size_t i)
{
    return i == 0 || resources[i - 1].object != resources[i].object;
}

uint16_t kedge_model_instances(uint16_t object)
{
    uint16_t others = 0;
    bool found = false;
    for (size_t i = 0; i < RESOURCE_COUNT; i++) {
        found = found || resources[i].object == object;
        if (begins_object(i) && resources[i].object != ACCESS)
            others++;
    }
    if (!found)
        return 0;
    return object == ACCESS ? others : 1;
}

bool kedge_model_access(uint16_t instance, uint16_t *object)
{
    uint16_t at = 0;
    for (size_t i = 0; i < RESOURCE_COUNT; i++)
        if (begins_object(i) && resources[i].object != ACCESS && at++ == instance) {
            *object = resources[i].object;
            return true;
        }
    return false;
}

const struct model_resource *kedge_model_find(uint16_t object, uint16_t id)
{
    for (size_t i = 0; i < RESOURCE_COUNT; i++)
        if (resources[i].object == object && resources[i].id == id)
            return &resources[i];
    return NULL;
}

/* Memory free, the time, and how far a download is. */
bool kedge_model_moves(const struct model_resource *resource)
{
    return (resource->object == DEVICE && (resource->id == 10 || resource->id == 13)) ||
           (resource->object == KEDGE_LWM2M_OBJECT_KEDGE && resource->id == 1);
}

/* Every resource of the table is in core's definitions: a test goes through them. */
bool kedge_model_is_multiple(const struct model_resource *resource)
{
    return kedge_lwm2m_definition(resource->object, resource->id)->multiple;
}

enum kedge_lwm2m_type kedge_model_type(const struct model_resource *resource)
{
    return kedge_lwm2m_definition(resource->object, resource->id)->type;
}
