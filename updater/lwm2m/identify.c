/*
 * identify.c: after a Register, and for a restored registration, the device is asked who it is. A
 * bounded number at a time, so that the return of a whole fleet does not become one burst.
 */
#include "updater/lwm2m/internal.h"

#include <stdlib.h>

struct identification {
    struct device *device;
    struct identification *previous, *next; /* while it waits */
    bool running;
    size_t question;
    uint64_t handle;
};

static const struct question {
    const char *path;
    bool of_firmware; /* asked only where object 5 is there */
    enum kedge_lwm2m_type type;
    enum device_text text; /* of a string */
} questions[] = {
    {"/3/0/0", false, KEDGE_LWM2M_STRING, TEXT_VENDOR},
    {"/3/0/1", false, KEDGE_LWM2M_STRING, TEXT_CLASS},
    {"/3/0/3", false, KEDGE_LWM2M_STRING, TEXT_VERSION},
    {"/3/0/18", false, KEDGE_LWM2M_STRING, TEXT_HARDWARE},
    {"/5/0/3", true, KEDGE_LWM2M_INTEGER, 0},
    {"/5/0/5", true, KEDGE_LWM2M_INTEGER, 0},
};

#define QUESTION_COUNT (sizeof questions / sizeof questions[0])
#define STATE_QUESTION 4u

static void start_more(struct kedge_fleet *fleet);

/* ---- the queue ---- */

static void unlink_waiting(struct identifications *list, struct identification *one)
{
    *(one->previous ? &one->previous->next : &list->first) = one->next;
    *(one->next ? &one->next->previous : &list->last) = one->previous;
    one->previous = one->next = NULL;
}

static void link_last(struct identifications *list, struct identification *one)
{
    one->previous = list->last;
    one->next = NULL;
    *(list->last ? &list->last->next : &list->first) = one;
    list->last = one;
}

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

void identify_stop(struct device *device)
{
    struct identification *one = device->identification;
    struct identifications *list = &device->fleet->identifications;
    if (one == NULL)
        return;
    if (one->handle != 0)
        kedge_device_cancel(device->fleet, one->handle);
    if (one->running)
        list->running--;
    else
        unlink_waiting(list, one);
    device->identification = NULL;
    free(one);
    start_soon(device->fleet);
}

void identify_begin(struct device *device)
{
    identify_stop(device);
    struct identification *one = calloc(1, sizeof *one);
    if (one == NULL)
        return; /* asked again with its next Update */
    one->device = device;
    device->identification = one;
    link_last(&device->fleet->identifications, one);
    start_soon(device->fleet);
}

/* ---- questions and answers ---- */

static void finish(struct identification *one)
{
    struct device *device = one->device;
    struct kedge_fleet *fleet = device->fleet;
    struct kedge_device view;
    identify_stop(device);
    device->identified = true;
    device_view(device, &view);
    if (fleet->hooks.identified != NULL)
        fleet->hooks.identified(fleet->hooks.context, &view);
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
static enum kedge_rc take_answer(struct device *device, size_t index,
                                 const struct kedge_operation_answer *answer)
{
    const struct question *question = &questions[index];
    struct kedge_lwm2m_value value;
    bool said = operation_value(answer, question->path, question->type, &value) == KEDGE_OK;
    if (question->type == KEDGE_LWM2M_STRING)
        return device_set_text(device, question->text, said ? value.bytes : kedge_slice(NULL, 0));
    if (answer->code == KEDGE_COAP_NOT_FOUND)
        device->links.firmware = false;
    int number = said && value.integer >= 0 && value.integer <= UINT8_MAX ? (int)value.integer : -1;
    if (index == STATE_QUESTION)
        device->firmware_state = number;
    else
        device->firmware_result = number;
    return KEDGE_OK;
}

static void ask(struct identification *one);

static void on_answer(void *context, enum kedge_rc rc, const struct kedge_operation_answer *answer)
{
    struct identification *one = context;
    one->handle = 0;
    if (rc == KEDGE_OK && !is_telling(answer->code))
        rc = KEDGE_E_REFUSED;
    if (rc == KEDGE_OK)
        rc = take_answer(one->device, one->question, answer);
    if (rc != KEDGE_OK) {
        identify_stop(one->device); /* it is asked again when it is heard of again */
        return;
    }
    one->question++;
    ask(one);
}

static void ask(struct identification *one)
{
    struct device *device = one->device;
    while (one->question < QUESTION_COUNT && questions[one->question].of_firmware &&
           !device->links.firmware)
        one->question++;
    if (one->question == QUESTION_COUNT)
        finish(one);
    else if (operation_read(device, questions[one->question].path, on_answer, one, &one->handle) !=
             KEDGE_OK)
        identify_stop(device);
}

static void start_more(struct kedge_fleet *fleet)
{
    struct identifications *list = &fleet->identifications;
    while (list->first != NULL && list->running < KEDGE_FLEET_IDENTIFIES_MAX) {
        struct identification *one = list->first;
        unlink_waiting(list, one);
        one->running = true;
        list->running++;
        ask(one);
    }
}
