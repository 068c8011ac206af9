/*
 * identify.c: after a Register, and for a restored registration, the device is asked who it is. A
 * bounded number at a time, so that the return of a whole fleet does not become one burst; those
 * that a job waits for go before the others, and get its first look at the device too.
 *
 * Each instance is read in one answer where the device does that, else resource by resource.
 */
#include "updater/lwm2m/internal.h"

#include <stdlib.h>
#include <string.h>

struct identification {
    struct device *device;
    union {
        TAILQ_ENTRY(identification) next; /* while it waits */
        uint64_t handle;                  /* while it is running; 0: nothing is on its way */
    };
    uint8_t question;
    bool running;
    bool hurried; /* a job waits for it, or it has nothing proved: it starts whatever is running */
    bool counted; /* among those that are running */
    bool whole;   /* the instance is asked for, not the resource */
    bool elsewhere; /* the version is asked for where its class has it */
};

enum subject {
    OF_DEVICE,
    OF_FIRMWARE, /* asked only where object 5 is there */
    OF_LIMITS    /* only where object 26241 is, and whatever is answered will do */
};

/*
 * State before Result and both before the version, as a job reads them: a device that is idle by
 * then stays so, and its version is the one that its Result speaks of.
 */
static const struct question {
    const char *instance;
    const char *path;
    enum subject subject;
    enum kedge_lwm2m_type type;
    enum device_text text; /* of a string, or of a number of the limits */
} questions[] = {
    {"/5/0", "/5/0/3", OF_FIRMWARE, KEDGE_LWM2M_INTEGER, 0},
    {"/5/0", "/5/0/5", OF_FIRMWARE, KEDGE_LWM2M_INTEGER, 0},
    {"/3/0", "/3/0/0", OF_DEVICE, KEDGE_LWM2M_STRING, TEXT_VENDOR},
    {"/3/0", "/3/0/1", OF_DEVICE, KEDGE_LWM2M_STRING, TEXT_CLASS},
    {"/3/0", "/3/0/3", OF_DEVICE, KEDGE_LWM2M_STRING, TEXT_VERSION},
    {"/3/0", "/3/0/18", OF_DEVICE, KEDGE_LWM2M_STRING, TEXT_HARDWARE},
    {"/26241/0", "/26241/0/2", OF_LIMITS, KEDGE_LWM2M_INTEGER, TEXT_SEQUENCE_FLOOR},
    {"/26241/0", "/26241/0/3", OF_LIMITS, KEDGE_LWM2M_INTEGER, TEXT_SLOT_CAPACITY},
};

#define QUESTION_COUNT (sizeof questions / sizeof questions[0])
#define STATE_QUESTION 0u

static void start_more(struct kedge_fleet *fleet);

/* ---- the queue ---- */

static void on_timer(void *context)
{
    start_more(context);
}

/* Not at once: a Register must be answered before its sender is asked anything. */
static void start_soon(struct kedge_fleet *fleet)
{
    kedge_net_timer_arm(fleet->net, &fleet->identifications.timer, kedge_net_now_ms(fleet->net),
                        on_timer, fleet);
}

static void end(struct identification *one)
{
    struct device *device = one->device;
    struct identifications *list = &device->fleet->identifications;
    list->running -= one->counted;
    if (!one->running) {
        TAILQ_REMOVE(&list->waiting, one, next);
    } else if (one->handle != 0) {
        kedge_device_cancel(device->fleet, one->handle);
    }
    device->identification = NULL;
    free(one);
    start_soon(device->fleet);
}

void identify_stop(struct device *device)
{
    if (device->identification == NULL)
        return;
    end(device->identification);
    if (device->job != NULL)
        job_not_identified(device->job);
}

bool identify_is_asking(const struct device *device)
{
    const struct identification *one = device->identification;
    return one != NULL && (one->running || one->hurried);
}

void identify_begin(struct device *device)
{
    identify_stop(device);
    struct identification *one = calloc(1, sizeof *one);
    if (one == NULL)
        return; /* asked again with its next Update */
    one->device = device;
    device->identification = one;
    /* Those that have proved nothing are bounded in number by themselves, and silent ones among
     * them must not keep the others waiting. */
    one->hurried = device->job != NULL || !device->proven;
    if (one->hurried)
        TAILQ_INSERT_HEAD(&device->fleet->identifications.waiting, one, next);
    else
        TAILQ_INSERT_TAIL(&device->fleet->identifications.waiting, one, next);
    start_soon(device->fleet);
}

/* ---- questions and answers ---- */

static void finish(struct identification *one)
{
    struct device *device = one->device;
    struct kedge_fleet *fleet = device->fleet;
    struct kedge_device view;
    end(one);
    device->identified = true;
    device_view(device, &view);
    device->pins++;
    if (fleet->hooks.identified != NULL)
        fleet->hooks.identified(fleet->hooks.context, &view);
    if (device->job != NULL)
        job_identified(device->job);
    device->pins--;
    device_release(device);
}

/*
 * Whether an answer says anything of the device. One of 4.01 or 5.xx does not: it has not taken up
 * this server again, or cannot answer now.
 */
static bool is_telling(uint8_t code)
{
    return code == KEDGE_COAP_CONTENT || code == KEDGE_COAP_NOT_FOUND ||
           code == KEDGE_COAP_METHOD_NOT_ALLOWED || code == KEDGE_COAP_NOT_ACCEPTABLE;
}

/* What the device does not have, or says in a way that cannot be, counts as not said. */
static enum kedge_rc take_value(struct device *device, const struct question *question,
                                const struct kedge_operation_answer *answer, bool *said)
{
    struct kedge_lwm2m_value value;
    *said = operation_value(answer, question->path, question->type, &value) == KEDGE_OK;
    if (question->type == KEDGE_LWM2M_STRING)
        return device_set_text(device, question->text, *said ? value.bytes : kedge_slice(NULL, 0));
    if (question->subject == OF_LIMITS)
        return device_set_figure(device, question->text,
                                 *said && value.integer > 0 ? (uint64_t)value.integer : 0);
    int number =
        *said && value.integer >= 0 && value.integer <= UINT8_MAX ? (int)value.integer : -1;
    if (question == &questions[STATE_QUESTION])
        device->firmware_state = (int16_t)number;
    else
        device->firmware_result = (int16_t)number;
    return KEDGE_OK;
}

static enum kedge_rc take_single(struct identification *one,
                                 const struct kedge_operation_answer *answer)
{
    const struct question *question = &questions[one->question];
    bool said;
    if (question->subject != OF_LIMITS && !is_telling(answer->code))
        return KEDGE_E_REFUSED;
    if (question->subject == OF_FIRMWARE && answer->code == KEDGE_COAP_NOT_FOUND)
        one->device->links.firmware = false;
    one->question++;
    return take_value(one->device, question, answer, &said);
}

static bool is_of_instance(size_t question, const char *instance)
{
    return question < QUESTION_COUNT && strcmp(questions[question].instance, instance) == 0;
}

/* One that has nothing of what is wanted is no answer: the device is asked for each by itself. Of
 * the limits, that is what most devices say. */
static enum kedge_rc take_whole(struct identification *one,
                                const struct kedge_operation_answer *answer)
{
    const char *instance = questions[one->question].instance;
    bool is_limits = questions[one->question].subject == OF_LIMITS;
    bool whole = operation_is_whole(answer);
    bool said_some = is_limits && (whole || answer->code == KEDGE_COAP_NOT_FOUND);
    size_t next = one->question;
    for (; (whole || said_some) && is_of_instance(next, instance); next++) {
        bool said = false;
        KEDGE_TRY(take_value(one->device, &questions[next], answer, &said));
        said_some = said_some || said;
    }
    if (said_some)
        one->question = (uint8_t)next;
    else
        one->device->singly = true;
    return KEDGE_OK;
}

static void ask(struct identification *one);

static const char *version_path(const struct device *device)
{
    const struct kedge_fleet_hooks *hooks = &device->fleet->hooks;
    return hooks->version_path == NULL
               ? KEDGE_UPDATE_VERSION_PATH
               : hooks->version_path(hooks->context, device_text(device, TEXT_VENDOR),
                                     device_text(device, TEXT_CLASS));
}

static enum kedge_rc take_elsewhere(struct identification *one,
                                    const struct kedge_operation_answer *answer)
{
    struct kedge_lwm2m_value value;
    if (!is_telling(answer->code))
        return KEDGE_E_REFUSED;
    bool said =
        operation_value(answer, version_path(one->device), KEDGE_LWM2M_STRING, &value) == KEDGE_OK;
    return device_set_text(one->device, TEXT_VERSION, said ? value.bytes : kedge_slice(NULL, 0));
}

static void on_answer(void *context, enum kedge_rc rc, const struct kedge_operation_answer *answer)
{
    struct identification *one = context;
    one->handle = 0;
    if (rc == KEDGE_OK)
        device_prove(one->device);
    if (rc == KEDGE_OK)
        rc = one->elsewhere ? take_elsewhere(one, answer)
             : one->whole   ? take_whole(one, answer)
                            : take_single(one, answer);
    if (rc == KEDGE_OK)
        ask(one);
    else
        identify_stop(one->device); /* it is asked again when it is heard of again */
}

/* Last of all, when vendor and class are known. */
static void ask_elsewhere(struct identification *one)
{
    const char *path = version_path(one->device);
    if (one->elsewhere || strcmp(path, KEDGE_UPDATE_VERSION_PATH) == 0) {
        finish(one);
        return;
    }
    one->elsewhere = true;
    if (operation_read(one->device, path, on_answer, one, &one->handle) != KEDGE_OK)
        identify_stop(one->device);
}

static bool has_subject(const struct device *device, const struct question *question)
{
    return question->subject == OF_DEVICE ||
           (question->subject == OF_FIRMWARE ? device->links.firmware : device->links.limits);
}

static void ask(struct identification *one)
{
    struct device *device = one->device;
    while (one->question < QUESTION_COUNT && !has_subject(device, &questions[one->question]))
        one->question++;
    if (one->question == QUESTION_COUNT) {
        ask_elsewhere(one);
        return;
    }
    const struct question *question = &questions[one->question];
    one->whole = operation_may_be_whole(device);
    if (operation_read(device, one->whole ? question->instance : question->path, on_answer, one,
                       &one->handle) != KEDGE_OK)
        identify_stop(device);
}

static bool may_start(const struct identifications *list)
{
    const struct identification *first = TAILQ_FIRST(&list->waiting);
    return first != NULL && (list->running < KEDGE_FLEET_IDENTIFIES_MAX || first->hurried);
}

static void start_more(struct kedge_fleet *fleet)
{
    struct identifications *list = &fleet->identifications;
    while (may_start(list)) {
        struct identification *one = TAILQ_FIRST(&list->waiting);
        TAILQ_REMOVE(&list->waiting, one, next);
        one->running = true;
        one->handle = 0;
        one->counted = one->device->proven;
        list->running += one->counted;
        ask(one);
    }
}
