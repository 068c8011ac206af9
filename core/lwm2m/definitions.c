/*
 * definitions.c: the resources of the objects that Kedge knows, as OMA's registry has them (objects
 * 0 to 5; 5 in version 1.2). A test holds the table to the registry.
 */
#include <kedge/lwm2m_records.h>

static const struct kedge_lwm2m_definition definitions[] = {
    /* 0: Security */
    {0, 0, KEDGE_LWM2M_BOOTSTRAP_ONLY, false, KEDGE_LWM2M_STRING},
    {0, 1, KEDGE_LWM2M_BOOTSTRAP_ONLY, false, KEDGE_LWM2M_BOOLEAN},
    {0, 2, KEDGE_LWM2M_BOOTSTRAP_ONLY, false, KEDGE_LWM2M_INTEGER},
    {0, 3, KEDGE_LWM2M_BOOTSTRAP_ONLY, false, KEDGE_LWM2M_OPAQUE},
    {0, 4, KEDGE_LWM2M_BOOTSTRAP_ONLY, false, KEDGE_LWM2M_OPAQUE},
    {0, 5, KEDGE_LWM2M_BOOTSTRAP_ONLY, false, KEDGE_LWM2M_OPAQUE},
    {0, 6, KEDGE_LWM2M_BOOTSTRAP_ONLY, false, KEDGE_LWM2M_INTEGER},
    {0, 7, KEDGE_LWM2M_BOOTSTRAP_ONLY, false, KEDGE_LWM2M_OPAQUE},
    {0, 8, KEDGE_LWM2M_BOOTSTRAP_ONLY, false, KEDGE_LWM2M_OPAQUE},
    {0, 9, KEDGE_LWM2M_BOOTSTRAP_ONLY, false, KEDGE_LWM2M_STRING},
    {0, 10, KEDGE_LWM2M_BOOTSTRAP_ONLY, false, KEDGE_LWM2M_INTEGER},
    {0, 11, KEDGE_LWM2M_BOOTSTRAP_ONLY, false, KEDGE_LWM2M_INTEGER},
    {0, 12, KEDGE_LWM2M_BOOTSTRAP_ONLY, false, KEDGE_LWM2M_INTEGER},
    {0, 13, KEDGE_LWM2M_BOOTSTRAP_ONLY, false, KEDGE_LWM2M_UNSIGNED},
    {0, 14, KEDGE_LWM2M_BOOTSTRAP_ONLY, false, KEDGE_LWM2M_STRING},
    {0, 15, KEDGE_LWM2M_BOOTSTRAP_ONLY, false, KEDGE_LWM2M_UNSIGNED},
    {0, 16, KEDGE_LWM2M_BOOTSTRAP_ONLY, true, KEDGE_LWM2M_UNSIGNED},
    {0, 17, KEDGE_LWM2M_BOOTSTRAP_ONLY, false, KEDGE_LWM2M_OBJECT_LINK},
    {0, 18, KEDGE_LWM2M_BOOTSTRAP_ONLY, true, KEDGE_LWM2M_UNSIGNED},
    {0, 19, KEDGE_LWM2M_BOOTSTRAP_ONLY, true, KEDGE_LWM2M_UNSIGNED},
    {0, 20, KEDGE_LWM2M_BOOTSTRAP_ONLY, true, KEDGE_LWM2M_UNSIGNED},
    {0, 21, KEDGE_LWM2M_BOOTSTRAP_ONLY, true, KEDGE_LWM2M_UNSIGNED},
    {0, 22, KEDGE_LWM2M_BOOTSTRAP_ONLY, false, KEDGE_LWM2M_UNSIGNED},
    {0, 23, KEDGE_LWM2M_BOOTSTRAP_ONLY, false, KEDGE_LWM2M_UNSIGNED},
    {0, 24, KEDGE_LWM2M_BOOTSTRAP_ONLY, false, KEDGE_LWM2M_UNSIGNED},
    {0, 25, KEDGE_LWM2M_BOOTSTRAP_ONLY, true, KEDGE_LWM2M_STRING},
    {0, 26, KEDGE_LWM2M_BOOTSTRAP_ONLY, false, KEDGE_LWM2M_OBJECT_LINK},
    {0, 27, KEDGE_LWM2M_BOOTSTRAP_ONLY, true, KEDGE_LWM2M_OBJECT_LINK},
    {0, 28, KEDGE_LWM2M_BOOTSTRAP_ONLY, false, KEDGE_LWM2M_INTEGER},
    {0, 29, KEDGE_LWM2M_BOOTSTRAP_ONLY, false, KEDGE_LWM2M_INTEGER},
    {0, 30, KEDGE_LWM2M_BOOTSTRAP_ONLY, false, KEDGE_LWM2M_STRING},
    /* 1: Server */
    {1, 0, KEDGE_LWM2M_R, false, KEDGE_LWM2M_INTEGER},
    {1, 1, KEDGE_LWM2M_RW, false, KEDGE_LWM2M_INTEGER},
    {1, 2, KEDGE_LWM2M_RW, false, KEDGE_LWM2M_INTEGER},
    {1, 3, KEDGE_LWM2M_RW, false, KEDGE_LWM2M_INTEGER},
    {1, 4, KEDGE_LWM2M_E, false, KEDGE_LWM2M_NOTHING},
    {1, 5, KEDGE_LWM2M_RW, false, KEDGE_LWM2M_INTEGER},
    {1, 6, KEDGE_LWM2M_RW, false, KEDGE_LWM2M_BOOLEAN},
    {1, 7, KEDGE_LWM2M_RW, false, KEDGE_LWM2M_STRING},
    {1, 8, KEDGE_LWM2M_E, false, KEDGE_LWM2M_NOTHING},
    {1, 9, KEDGE_LWM2M_E, false, KEDGE_LWM2M_NOTHING},
    {1, 10, KEDGE_LWM2M_RW, false, KEDGE_LWM2M_OBJECT_LINK},
    {1, 11, KEDGE_LWM2M_R, false, KEDGE_LWM2M_UNSIGNED},
    {1, 12, KEDGE_LWM2M_R, false, KEDGE_LWM2M_TIME},
    {1, 13, KEDGE_LWM2M_R, false, KEDGE_LWM2M_UNSIGNED},
    {1, 14, KEDGE_LWM2M_RW, false, KEDGE_LWM2M_UNSIGNED},
    {1, 15, KEDGE_LWM2M_R, false, KEDGE_LWM2M_BOOLEAN},
    {1, 16, KEDGE_LWM2M_R, false, KEDGE_LWM2M_BOOLEAN},
    {1, 17, KEDGE_LWM2M_RW, false, KEDGE_LWM2M_UNSIGNED},
    {1, 18, KEDGE_LWM2M_RW, false, KEDGE_LWM2M_UNSIGNED},
    {1, 19, KEDGE_LWM2M_RW, false, KEDGE_LWM2M_UNSIGNED},
    {1, 20, KEDGE_LWM2M_RW, false, KEDGE_LWM2M_UNSIGNED},
    {1, 21, KEDGE_LWM2M_RW, false, KEDGE_LWM2M_BOOLEAN},
    {1, 22, KEDGE_LWM2M_RW, false, KEDGE_LWM2M_STRING},
    {1, 23, KEDGE_LWM2M_RW, false, KEDGE_LWM2M_BOOLEAN},
    {1, 24, KEDGE_LWM2M_RW, true, KEDGE_LWM2M_OBJECT_LINK},
    {1, 25, KEDGE_LWM2M_RW, true, KEDGE_LWM2M_STRING},
    {1, 26, KEDGE_LWM2M_RW, false, KEDGE_LWM2M_INTEGER},
    {1, 27, KEDGE_LWM2M_RW, false, KEDGE_LWM2M_UNSIGNED},
    /* 2: Access Control */
    {2, 0, KEDGE_LWM2M_R, false, KEDGE_LWM2M_INTEGER},
    {2, 1, KEDGE_LWM2M_R, false, KEDGE_LWM2M_INTEGER},
    {2, 2, KEDGE_LWM2M_RW, true, KEDGE_LWM2M_INTEGER},
    {2, 3, KEDGE_LWM2M_RW, false, KEDGE_LWM2M_INTEGER},
    /* 3: Device */
    {3, 0, KEDGE_LWM2M_R, false, KEDGE_LWM2M_STRING},
    {3, 1, KEDGE_LWM2M_R, false, KEDGE_LWM2M_STRING},
    {3, 2, KEDGE_LWM2M_R, false, KEDGE_LWM2M_STRING},
    {3, 3, KEDGE_LWM2M_R, false, KEDGE_LWM2M_STRING},
    {3, 4, KEDGE_LWM2M_E, false, KEDGE_LWM2M_NOTHING},
    {3, 5, KEDGE_LWM2M_E, false, KEDGE_LWM2M_NOTHING},
    {3, 6, KEDGE_LWM2M_R, true, KEDGE_LWM2M_INTEGER},
    {3, 7, KEDGE_LWM2M_R, true, KEDGE_LWM2M_INTEGER},
    {3, 8, KEDGE_LWM2M_R, true, KEDGE_LWM2M_INTEGER},
    {3, 9, KEDGE_LWM2M_R, false, KEDGE_LWM2M_INTEGER},
    {3, 10, KEDGE_LWM2M_R, false, KEDGE_LWM2M_INTEGER},
    {3, 11, KEDGE_LWM2M_R, true, KEDGE_LWM2M_INTEGER},
    {3, 12, KEDGE_LWM2M_E, false, KEDGE_LWM2M_NOTHING},
    {3, 13, KEDGE_LWM2M_RW, false, KEDGE_LWM2M_TIME},
    {3, 14, KEDGE_LWM2M_RW, false, KEDGE_LWM2M_STRING},
    {3, 15, KEDGE_LWM2M_RW, false, KEDGE_LWM2M_STRING},
    {3, 16, KEDGE_LWM2M_R, false, KEDGE_LWM2M_STRING},
    {3, 17, KEDGE_LWM2M_R, false, KEDGE_LWM2M_STRING},
    {3, 18, KEDGE_LWM2M_R, false, KEDGE_LWM2M_STRING},
    {3, 19, KEDGE_LWM2M_R, false, KEDGE_LWM2M_STRING},
    {3, 20, KEDGE_LWM2M_R, false, KEDGE_LWM2M_INTEGER},
    {3, 21, KEDGE_LWM2M_R, false, KEDGE_LWM2M_INTEGER},
    {3, 22, KEDGE_LWM2M_R, true, KEDGE_LWM2M_OBJECT_LINK},
    /* 4: Connectivity Monitoring */
    {4, 0, KEDGE_LWM2M_R, false, KEDGE_LWM2M_INTEGER},
    {4, 1, KEDGE_LWM2M_R, true, KEDGE_LWM2M_INTEGER},
    {4, 2, KEDGE_LWM2M_R, false, KEDGE_LWM2M_INTEGER},
    {4, 3, KEDGE_LWM2M_R, false, KEDGE_LWM2M_INTEGER},
    {4, 4, KEDGE_LWM2M_R, true, KEDGE_LWM2M_STRING},
    {4, 5, KEDGE_LWM2M_R, true, KEDGE_LWM2M_STRING},
    {4, 6, KEDGE_LWM2M_R, false, KEDGE_LWM2M_INTEGER},
    {4, 7, KEDGE_LWM2M_R, true, KEDGE_LWM2M_STRING},
    {4, 8, KEDGE_LWM2M_R, false, KEDGE_LWM2M_INTEGER},
    {4, 9, KEDGE_LWM2M_R, false, KEDGE_LWM2M_INTEGER},
    {4, 10, KEDGE_LWM2M_R, false, KEDGE_LWM2M_INTEGER},
    {4, 11, KEDGE_LWM2M_R, false, KEDGE_LWM2M_INTEGER},
    {4, 12, KEDGE_LWM2M_R, false, KEDGE_LWM2M_INTEGER},
    {4, 13, KEDGE_LWM2M_R, false, KEDGE_LWM2M_INTEGER},
    /* 5: Firmware Update */
    {5, 0, KEDGE_LWM2M_W, false, KEDGE_LWM2M_OPAQUE},
    {5, 1, KEDGE_LWM2M_RW, false, KEDGE_LWM2M_STRING},
    {5, 2, KEDGE_LWM2M_E, false, KEDGE_LWM2M_NOTHING},
    {5, 3, KEDGE_LWM2M_R, false, KEDGE_LWM2M_INTEGER},
    {5, 5, KEDGE_LWM2M_R, false, KEDGE_LWM2M_INTEGER},
    {5, 6, KEDGE_LWM2M_R, false, KEDGE_LWM2M_STRING},
    {5, 7, KEDGE_LWM2M_R, false, KEDGE_LWM2M_STRING},
    {5, 8, KEDGE_LWM2M_R, true, KEDGE_LWM2M_INTEGER},
    {5, 9, KEDGE_LWM2M_R, false, KEDGE_LWM2M_INTEGER},
    {5, 10, KEDGE_LWM2M_E, false, KEDGE_LWM2M_NOTHING},
    {5, 11, KEDGE_LWM2M_RW, false, KEDGE_LWM2M_INTEGER},
    {5, 12, KEDGE_LWM2M_R, false, KEDGE_LWM2M_TIME},
    {5, 13, KEDGE_LWM2M_RW, false, KEDGE_LWM2M_UNSIGNED},
    {5, 14, KEDGE_LWM2M_RW, false, KEDGE_LWM2M_BOOLEAN},
    /* 26241: why the last update failed, how much of a package has come, the lowest sequence number
       that is taken, and how large an image may be */
    {KEDGE_LWM2M_OBJECT_KEDGE, 0, KEDGE_LWM2M_R, false, KEDGE_LWM2M_STRING},
    {KEDGE_LWM2M_OBJECT_KEDGE, 1, KEDGE_LWM2M_R, false, KEDGE_LWM2M_INTEGER},
    {KEDGE_LWM2M_OBJECT_KEDGE, 2, KEDGE_LWM2M_R, false, KEDGE_LWM2M_INTEGER},
    {KEDGE_LWM2M_OBJECT_KEDGE, 3, KEDGE_LWM2M_R, false, KEDGE_LWM2M_INTEGER},
};

/* In the order of their ids. */
const struct kedge_lwm2m_definition *kedge_lwm2m_definition(uint16_t object, uint16_t resource)
{
    size_t low = 0, high = sizeof definitions / sizeof definitions[0];
    uint32_t wanted = (uint32_t)object << 16 | resource;
    while (low < high) {
        size_t middle = (low + high) / 2;
        const struct kedge_lwm2m_definition *found = &definitions[middle];
        uint32_t key = (uint32_t)found->object << 16 | found->resource;
        if (key == wanted)
            return found;
        if (key < wanted)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}
