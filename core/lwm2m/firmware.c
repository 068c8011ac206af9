/*
 * firmware.c: the state table of object 5 (OMA LwM2M object 5, version 1.1), total over state and
 * event.
 *
 * What the object's definition says: a valid URI or a package leads from Idle to Downloading and
 * sets Result to 0; the complete package leads to Downloaded; a download that fails leads to Idle
 * with its Result; Update is legal in Downloaded alone and sets Result to 0, or, where it is put
 * off, leaves the device in Downloaded with 11; the two resets lead to Idle with 0, Cancel to Idle
 * with 10, and neither once the update has begun; success leads to Idle with 1.
 *
 * Where it is silent or leaves a choice: a URI or a package outside Idle is 4.00 (a server resets
 * or cancels first; 4.05 for a package while Updating), a reset while Updating 4.05, Cancel in
 * Idle 4.05 (there is nothing to cancel). An update that fails before the reboot goes back to
 * Downloaded, because the package is still good; one that was rolled back goes to Idle, because
 * it is not. Events of the device's own that come when their state has passed change nothing.
 */
#include <kedge/lwm2m.h>

#define KEEP (-1)
#define FROM_EVENT (-2)

#define ACCEPT(state, result, drop)                                 \
    {                                                               \
        KEDGE_FIRMWARE_ACCEPT, KEDGE_FIRMWARE_##state, result, drop \
    }
#define REFUSE(state)                                                   \
    {                                                                   \
        KEDGE_FIRMWARE_BAD_REQUEST, KEDGE_FIRMWARE_##state, KEEP, false \
    }
#define NOT_NOW(state)                                                         \
    {                                                                          \
        KEDGE_FIRMWARE_METHOD_NOT_ALLOWED, KEDGE_FIRMWARE_##state, KEEP, false \
    }
#define LATE(state)                                                \
    {                                                              \
        KEDGE_FIRMWARE_IGNORE, KEDGE_FIRMWARE_##state, KEEP, false \
    }

static const struct kedge_firmware_transition
    transitions[KEDGE_FIRMWARE_STATE_COUNT][KEDGE_FIRMWARE_EVENT_COUNT] = {
        [KEDGE_FIRMWARE_IDLE] =
            {
                [KEDGE_FIRMWARE_URI_WRITTEN] = ACCEPT(DOWNLOADING, KEDGE_RESULT_INITIAL, false),
                [KEDGE_FIRMWARE_URI_EMPTY] = ACCEPT(IDLE, KEDGE_RESULT_INITIAL, false),
                [KEDGE_FIRMWARE_PACKAGE_WRITTEN] = ACCEPT(DOWNLOADING, KEDGE_RESULT_INITIAL, false),
                [KEDGE_FIRMWARE_PACKAGE_NUL] = ACCEPT(IDLE, KEDGE_RESULT_INITIAL, false),
                [KEDGE_FIRMWARE_DOWNLOAD_DONE] = LATE(IDLE),
                [KEDGE_FIRMWARE_DOWNLOAD_FAILED] = LATE(IDLE),
                [KEDGE_FIRMWARE_UPDATE_EXECUTED] = NOT_NOW(IDLE),
                [KEDGE_FIRMWARE_UPDATE_DEFERRED] = NOT_NOW(IDLE),
                [KEDGE_FIRMWARE_CANCEL_EXECUTED] = NOT_NOW(IDLE),
                [KEDGE_FIRMWARE_INSTALL_FAILED] = LATE(IDLE),
                [KEDGE_FIRMWARE_TRIAL_CONFIRMED] = LATE(IDLE),
                [KEDGE_FIRMWARE_TRIAL_ROLLED_BACK] = LATE(IDLE),
            },
        [KEDGE_FIRMWARE_DOWNLOADING] =
            {
                [KEDGE_FIRMWARE_URI_WRITTEN] = REFUSE(DOWNLOADING),
                [KEDGE_FIRMWARE_URI_EMPTY] = ACCEPT(IDLE, KEDGE_RESULT_INITIAL, true),
                [KEDGE_FIRMWARE_PACKAGE_WRITTEN] = REFUSE(DOWNLOADING),
                [KEDGE_FIRMWARE_PACKAGE_NUL] = ACCEPT(IDLE, KEDGE_RESULT_INITIAL, true),
                [KEDGE_FIRMWARE_DOWNLOAD_DONE] = ACCEPT(DOWNLOADED, KEDGE_RESULT_INITIAL, false),
                [KEDGE_FIRMWARE_DOWNLOAD_FAILED] = ACCEPT(IDLE, FROM_EVENT, true),
                [KEDGE_FIRMWARE_UPDATE_EXECUTED] = NOT_NOW(DOWNLOADING),
                [KEDGE_FIRMWARE_UPDATE_DEFERRED] = NOT_NOW(DOWNLOADING),
                [KEDGE_FIRMWARE_CANCEL_EXECUTED] = ACCEPT(IDLE, KEDGE_RESULT_CANCELED, true),
                [KEDGE_FIRMWARE_INSTALL_FAILED] = LATE(DOWNLOADING),
                [KEDGE_FIRMWARE_TRIAL_CONFIRMED] = LATE(DOWNLOADING),
                [KEDGE_FIRMWARE_TRIAL_ROLLED_BACK] = LATE(DOWNLOADING),
            },
        [KEDGE_FIRMWARE_DOWNLOADED] =
            {
                [KEDGE_FIRMWARE_URI_WRITTEN] = REFUSE(DOWNLOADED),
                [KEDGE_FIRMWARE_URI_EMPTY] = ACCEPT(IDLE, KEDGE_RESULT_INITIAL, true),
                [KEDGE_FIRMWARE_PACKAGE_WRITTEN] = REFUSE(DOWNLOADED),
                [KEDGE_FIRMWARE_PACKAGE_NUL] = ACCEPT(IDLE, KEDGE_RESULT_INITIAL, true),
                [KEDGE_FIRMWARE_DOWNLOAD_DONE] = LATE(DOWNLOADED),
                [KEDGE_FIRMWARE_DOWNLOAD_FAILED] = LATE(DOWNLOADED),
                [KEDGE_FIRMWARE_UPDATE_EXECUTED] = ACCEPT(UPDATING, KEDGE_RESULT_INITIAL, false),
                [KEDGE_FIRMWARE_UPDATE_DEFERRED] = ACCEPT(DOWNLOADED, KEDGE_RESULT_DEFERRED, false),
                [KEDGE_FIRMWARE_CANCEL_EXECUTED] = ACCEPT(IDLE, KEDGE_RESULT_CANCELED, true),
                [KEDGE_FIRMWARE_INSTALL_FAILED] = LATE(DOWNLOADED),
                [KEDGE_FIRMWARE_TRIAL_CONFIRMED] = LATE(DOWNLOADED),
                [KEDGE_FIRMWARE_TRIAL_ROLLED_BACK] = LATE(DOWNLOADED),
            },
        [KEDGE_FIRMWARE_UPDATING] =
            {
                [KEDGE_FIRMWARE_URI_WRITTEN] = REFUSE(UPDATING),
                [KEDGE_FIRMWARE_URI_EMPTY] = NOT_NOW(UPDATING),
                [KEDGE_FIRMWARE_PACKAGE_WRITTEN] = NOT_NOW(UPDATING),
                [KEDGE_FIRMWARE_PACKAGE_NUL] = NOT_NOW(UPDATING),
                [KEDGE_FIRMWARE_DOWNLOAD_DONE] = LATE(UPDATING),
                [KEDGE_FIRMWARE_DOWNLOAD_FAILED] = LATE(UPDATING),
                [KEDGE_FIRMWARE_UPDATE_EXECUTED] = NOT_NOW(UPDATING),
                [KEDGE_FIRMWARE_UPDATE_DEFERRED] = NOT_NOW(UPDATING),
                [KEDGE_FIRMWARE_CANCEL_EXECUTED] = NOT_NOW(UPDATING),
                [KEDGE_FIRMWARE_INSTALL_FAILED] = ACCEPT(DOWNLOADED, KEDGE_RESULT_FAILED, false),
                [KEDGE_FIRMWARE_TRIAL_CONFIRMED] = ACCEPT(IDLE, KEDGE_RESULT_SUCCESS, true),
                [KEDGE_FIRMWARE_TRIAL_ROLLED_BACK] = ACCEPT(IDLE, KEDGE_RESULT_FAILED, true),
            },
};

const struct kedge_firmware_transition *kedge_firmware_transition(enum kedge_firmware_state state,
                                                                  enum kedge_firmware_event event)
{
    static const struct kedge_firmware_transition nothing = {KEDGE_FIRMWARE_IGNORE,
                                                             KEDGE_FIRMWARE_IDLE, KEEP, false};
    if ((unsigned)state >= KEDGE_FIRMWARE_STATE_COUNT ||
        (unsigned)event >= KEDGE_FIRMWARE_EVENT_COUNT)
        return &nothing;
    return &transitions[state][event];
}

const char *kedge_firmware_state_name(enum kedge_firmware_state state)
{
    static const char *const names[KEDGE_FIRMWARE_STATE_COUNT] = {
        [KEDGE_FIRMWARE_IDLE] = "idle",
        [KEDGE_FIRMWARE_DOWNLOADING] = "downloading",
        [KEDGE_FIRMWARE_DOWNLOADED] = "downloaded",
        [KEDGE_FIRMWARE_UPDATING] = "updating",
    };
    return (unsigned)state < KEDGE_FIRMWARE_STATE_COUNT ? names[state] : "unknown";
}

const char *kedge_firmware_result_name(int result)
{
    static const char *const names[] = {
        [KEDGE_RESULT_INITIAL] = "initial value",
        [KEDGE_RESULT_SUCCESS] = "firmware updated successfully",
        [KEDGE_RESULT_NO_FLASH] = "not enough flash memory",
        [KEDGE_RESULT_NO_RAM] = "out of RAM",
        [KEDGE_RESULT_CONNECTION_LOST] = "connection lost",
        [KEDGE_RESULT_INTEGRITY] = "integrity check failure",
        [KEDGE_RESULT_UNSUPPORTED_PACKAGE] = "unsupported package type",
        [KEDGE_RESULT_INVALID_URI] = "invalid URI",
        [KEDGE_RESULT_FAILED] = "firmware update failed",
        [KEDGE_RESULT_UNSUPPORTED_PROTOCOL] = "unsupported protocol",
        [KEDGE_RESULT_CANCELED] = "firmware update cancelled",
        [KEDGE_RESULT_DEFERRED] = "firmware update deferred",
    };
    return result >= 0 && result < (int)(sizeof names / sizeof names[0]) ? names[result]
                                                                         : "unknown";
}
