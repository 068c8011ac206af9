// links: kedge-payload
/*
 * fuzz_payload.c: frames being received. The input is a plan and frames without their digests:
 *
 *     byte 0      bit 0 encoding of the plan, bit 1 leave the digests wrong
 *     byte 1      size of the pieces that are pushed, less one
 *     bytes 2-4   image size
 *     then        frames: encoding, 3 bytes of size, data
 *
 * The chain of digests is made here, because no fuzzer would find it. The same frames in other
 * pieces must come to the same end, and the sink gets each byte once and in order.
 */
#include <kedge/payload.h>

#include "tests/fuzz/fuzz.h"

#define FRAMES_MAX 8u
#define PLAN_SIZE 5u
#define FRAME_INPUT_HEAD 4u

struct sink {
    uint64_t size;
    uint32_t crc;
    struct kedge_sha256 hash;
};

static uint8_t encoded[FRAMES_MAX * KEDGE_FRAME_MAX];
static struct kedge_payload_reader reader;

/* Puts the frames of the input down with room for their digests; how many bytes. */
static size_t lay_out(struct kedge_slice input, size_t *starts, size_t *count)
{
    size_t size = 0;
    for (*count = 0; *count < FRAMES_MAX && input.size >= FRAME_INPUT_HEAD; ++*count) {
        struct kedge_slice head = fuzz_take(&input, FRAME_INPUT_HEAD);
        size_t claimed = (size_t)head.data[1] << 16 | (size_t)head.data[2] << 8 | head.data[3];
        struct kedge_slice data =
            fuzz_take(&input, claimed < KEDGE_FRAME_IMAGE_SIZE ? claimed : KEDGE_FRAME_IMAGE_SIZE);
        starts[*count] = size;
        memset(encoded + size, 0, KEDGE_SHA256_SIZE);
        memcpy(encoded + size + KEDGE_SHA256_SIZE, head.data, head.size);
        if (data.size > 0)
            memcpy(encoded + size + KEDGE_FRAME_HEAD_SIZE, data.data, data.size);
        size += KEDGE_FRAME_HEAD_SIZE + data.size;
    }
    return size;
}

/* Each frame begins with the digest of the next; the last one with zeros. */
static void chain(const size_t *starts, size_t count, size_t size, uint8_t *first_digest)
{
    size_t end = size;
    for (size_t i = count; i-- > 0;) {
        uint8_t *before = i > 0 ? encoded + starts[i - 1] : first_digest;
        kedge_sha256(kedge_slice(encoded + starts[i], end - starts[i]), before);
        end = starts[i];
    }
}

static enum kedge_rc sink_write(void *context, uint64_t offset, struct kedge_slice bytes)
{
    struct sink *sink = context;
    FUZZ_REQUIRE(offset == sink->size);
    sink->size += bytes.size;
    FUZZ_REQUIRE(sink->size <= reader.plan.image_size);
    sink->crc = kedge_crc32(sink->crc, bytes);
    kedge_sha256_update(&sink->hash, bytes);
    return KEDGE_OK;
}

static enum kedge_rc receive(const struct kedge_payload_plan *plan, size_t size, size_t piece,
                             struct sink *sink)
{
    const struct kedge_payload_sink out = {.context = sink, .write = sink_write};
    *sink = (struct sink){0};
    kedge_sha256_init(&sink->hash);
    KEDGE_TRY(kedge_payload_begin(&reader, plan, &out));
    for (size_t at = 0; at < size; at += piece) {
        size_t left = size - at;
        KEDGE_TRY(
            kedge_payload_push(&reader, kedge_slice(encoded + at, piece < left ? piece : left)));
    }
    uint8_t digest[KEDGE_SHA256_SIZE];
    struct kedge_sha256 hash = sink->hash;
    kedge_sha256_final(&hash, digest);
    KEDGE_TRY(kedge_payload_end(&reader, digest));
    FUZZ_REQUIRE(sink->size == plan->image_size && size == plan->encoded_size);
    digest[0] ^= 1;
    FUZZ_REQUIRE(kedge_payload_end(&reader, digest) == KEDGE_E_DIGEST);
    return KEDGE_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kedge_slice input = kedge_slice(data, size);
    struct kedge_slice steer = fuzz_take(&input, PLAN_SIZE);
    size_t starts[FRAMES_MAX];
    size_t count;
    if (steer.size < PLAN_SIZE)
        return 0;
    size_t encoded_size = lay_out(input, starts, &count);
    struct kedge_payload_plan plan = {
        .encoding = (steer.data[0] & 1) != 0 ? KEDGE_FRAME_ZLIB : KEDGE_FRAME_STORED,
        .encoded_size = encoded_size,
        .image_size = (uint64_t)steer.data[2] << 16 | (uint64_t)steer.data[3] << 8 | steer.data[4]};
    bool wrong = (steer.data[0] & 2) != 0;
    if (!wrong)
        chain(starts, count, encoded_size, plan.first_frame_digest);
    struct sink whole;
    struct sink pieces;
    enum kedge_rc rc = receive(&plan, encoded_size, encoded_size + 1, &whole);
    FUZZ_REQUIRE(receive(&plan, encoded_size, 1 + (size_t)steer.data[1], &pieces) == rc);
    FUZZ_REQUIRE(whole.size == pieces.size && whole.crc == pieces.crc);
    FUZZ_REQUIRE(!wrong || whole.size == 0); /* nothing of a frame that was not checked */
    return 0;
}
