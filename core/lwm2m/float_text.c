/*
 * float_text.c: numbers of double precision in decimal, exactly: no library function for it is
 * free of a locale, of the heap and of an operating system.
 *
 * Method: a number is a ratio of two natural numbers of many limbs. Read: digits * 10^e is brought
 * to a quotient of 63 or 64 bits, of which the upper 53 (fewer below the normal range) are kept and
 * the rest, with the remainder, rounds half to even (IEEE 754 section 4.3.1); few digits with a
 * small exponent, as most numbers have, need none of that. Written are the fewest digits, at most
 * 17, that read back as the same number.
 */
#include "core/lwm2m/values.h"

#include <string.h>

/*
 * The greatest numbers here: 10^370 (1230 bits) shifted by 64 more; 40 digits (133 bits) by 10^310
 * (1030 bits); a mantissa of 53 bits by 2^1023 or by 10^341.
 */
#define LIMBS 48u
#define DIGITS_MAX 40u      /* of a number that is read; more are KEDGE_E_LIMIT */
#define DIGITS_ENOUGH 17    /* any double is told from its neighbours by so many */
#define DECIMAL_HIGH 310    /* digits before the point: beyond every double */
#define DECIMAL_LOW (-330)  /* zeros behind the point: rounds to 0 */
#define EXPONENT_MAX 100000 /* of what is read at all */
#define MANTISSA_BITS 53
#define EXPONENT_BIAS 1023

struct natural {
    uint32_t limbs[LIMBS]; /* the lowest first */
};

static void set(struct natural *n, uint64_t value)
{
    memset(n, 0, sizeof *n);
    n->limbs[0] = (uint32_t)value;
    n->limbs[1] = (uint32_t)(value >> 32);
}

static void multiply_add(struct natural *n, uint32_t factor, uint32_t addend)
{
    uint64_t carry = addend;
    for (size_t i = 0; i < LIMBS; i++) {
        carry += (uint64_t)n->limbs[i] * factor;
        n->limbs[i] = (uint32_t)carry;
        carry >>= 32;
    }
}

static void times_ten_to(struct natural *n, int exponent)
{
    for (int i = 0; i < exponent; i++)
        multiply_add(n, 10, 0);
}

static void shift_left(struct natural *n, unsigned bits)
{
    for (; bits >= 32; bits -= 32) {
        memmove(n->limbs + 1, n->limbs, (LIMBS - 1) * sizeof n->limbs[0]);
        n->limbs[0] = 0;
    }
    multiply_add(n, 1u << bits, 0);
}

static void halve(struct natural *n)
{
    for (size_t i = 0; i < LIMBS; i++)
        n->limbs[i] = n->limbs[i] >> 1 | (i + 1 < LIMBS ? n->limbs[i + 1] << 31 : 0);
}

static int bit_length(const struct natural *n)
{
    for (size_t i = LIMBS; i-- > 0;)
        for (int bit = 31; bit >= 0; bit--)
            if ((n->limbs[i] >> bit & 1u) != 0)
                return (int)i * 32 + bit + 1;
    return 0;
}

static int compare(const struct natural *a, const struct natural *b)
{
    for (size_t i = LIMBS; i-- > 0;)
        if (a->limbs[i] != b->limbs[i])
            return a->limbs[i] < b->limbs[i] ? -1 : 1;
    return 0;
}

static void subtract(struct natural *n, const struct natural *less)
{
    uint64_t borrow = 0;
    for (size_t i = 0; i < LIMBS; i++) {
        uint64_t difference = (uint64_t)n->limbs[i] - less->limbs[i] - borrow;
        n->limbs[i] = (uint32_t)difference;
        borrow = difference >> 63;
    }
}

/* The quotient, which must fit into 64 bits; the remainder stays in `n`. */
static uint64_t divide(struct natural *n, const struct natural *divisor)
{
    struct natural shifted = *divisor;
    uint64_t quotient = 0;
    shift_left(&shifted, 63);
    for (int bit = 63; bit >= 0; bit--) {
        quotient <<= 1;
        if (compare(n, &shifted) >= 0) {
            subtract(n, &shifted);
            quotient |= 1;
        }
        halve(&shifted);
    }
    return quotient;
}

static bool is_zero(const struct natural *n)
{
    return bit_length(n) == 0;
}

/* ---- reading ---- */

/* Rounds to `keep` bits, half to even; `sticky` says that more follows behind the last bit. */
static uint64_t round_to(uint64_t bits, int length, int keep, bool sticky)
{
    int drop = length - keep;
    if (drop > length)
        return 0; /* less than half of the least number there is */
    uint64_t kept = drop < 64 ? bits >> drop : 0;
    uint64_t half = (uint64_t)1 << (drop - 1);
    uint64_t rest = drop < 64 ? bits & ((half << 1) - 1) : bits;
    bool up = rest > half || (rest == half && (sticky || (kept & 1) != 0));
    return kept + (up ? 1 : 0);
}

/* bits * 2^-shift as a double; `bits` has 63 or 64 of them. */
static enum kedge_rc assemble(uint64_t bits, int length, int shift, bool sticky, double *number)
{
    int exponent = length - 1 - shift;
    bool normal = exponent > -EXPONENT_BIAS;
    int keep = normal ? MANTISSA_BITS : MANTISSA_BITS - (1 - EXPONENT_BIAS - exponent);
    uint64_t mantissa = round_to(bits, length, keep, sticky);
    /* The leading bit of a normal number adds one to the exponent, and so does a carry. */
    uint64_t all = normal ? ((uint64_t)(exponent + EXPONENT_BIAS - 1) << (MANTISSA_BITS - 1)) : 0;
    if (exponent > EXPONENT_BIAS || (all += mantissa) >= (uint64_t)0x7FF << 52)
        return KEDGE_E_LIMIT;
    memcpy(number, &all, sizeof *number);
    return KEDGE_OK;
}

static enum kedge_rc from_decimal(const struct natural *digits, int exponent, double *number)
{
    struct natural numerator = *digits;
    struct natural divisor;
    set(&divisor, 1);
    times_ten_to(exponent > 0 ? &numerator : &divisor, exponent > 0 ? exponent : -exponent);
    int shift = 63 - (bit_length(&numerator) - bit_length(&divisor));
    shift_left(shift > 0 ? &numerator : &divisor, (unsigned)(shift > 0 ? shift : -shift));
    uint64_t quotient = divide(&numerator, &divisor);
    int length = quotient >> 63 != 0 ? 64 : 63;
    return assemble(quotient, length, shift, !is_zero(&numerator), number);
}

/* Both numbers are exact, and one operation on them rounds once (IEEE 754 section 5.4.1). */
static bool is_exact(const struct natural *digits, int exponent, double *number)
{
    static const double tens[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                  1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                  1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    const int most = (int)(sizeof tens / sizeof tens[0]) - 1;
    if (bit_length(digits) > MANTISSA_BITS || exponent < -most || exponent > most)
        return false;
    double whole = (double)((uint64_t)digits->limbs[1] << 32 | digits->limbs[0]);
    *number = exponent < 0 ? whole / tens[-exponent] : whole * tens[exponent];
    return true;
}

static size_t take_digits(struct kedge_cursor *cursor, struct natural *digits, size_t *significant)
{
    size_t count = 0;
    while (kedge_cursor_left(cursor) > 0) {
        uint8_t c = cursor->bytes.data[cursor->offset];
        if (c < '0' || c > '9')
            break;
        *significant += *significant > 0 || c != '0';
        if (*significant <= DIGITS_MAX)
            multiply_add(digits, 10, (uint32_t)(c - '0'));
        cursor->offset++;
        count++;
    }
    return count;
}

static enum kedge_rc take_exponent(struct kedge_cursor *cursor, int *exponent)
{
    uint64_t magnitude;
    *exponent = 0;
    if (!kedge_cursor_accept(cursor, 'e') && !kedge_cursor_accept(cursor, 'E'))
        return KEDGE_OK;
    bool negative = kedge_cursor_accept(cursor, '-');
    if (!negative)
        (void)kedge_cursor_accept(cursor, '+');
    while (kedge_cursor_left(cursor) > 1 && cursor->bytes.data[cursor->offset] == '0')
        cursor->offset++; /* "1e05" is a number */
    KEDGE_TRY(kedge_cursor_decimal(cursor, EXPONENT_MAX, &magnitude));
    *exponent = negative ? -(int)magnitude : (int)magnitude;
    return KEDGE_OK;
}

enum kedge_rc kedge_lwm2m_float_read(struct kedge_slice text, double *number)
{
    struct kedge_cursor cursor = kedge_cursor(text);
    struct natural digits;
    size_t significant = 0, fraction = 0;
    int exponent;
    set(&digits, 0);
    bool negative = kedge_cursor_accept(&cursor, '-');
    size_t start = cursor.offset;
    size_t whole = take_digits(&cursor, &digits, &significant);
    if (whole == 0 || (whole > 1 && text.data[start] == '0'))
        return KEDGE_E_MALFORMED;
    if (kedge_cursor_accept(&cursor, '.')) {
        fraction = take_digits(&cursor, &digits, &significant);
        if (fraction == 0)
            return KEDGE_E_MALFORMED;
    }
    KEDGE_TRY(take_exponent(&cursor, &exponent));
    if (kedge_cursor_left(&cursor) > 0)
        return KEDGE_E_MALFORMED;
    if (significant > DIGITS_MAX || fraction > EXPONENT_MAX)
        return KEDGE_E_LIMIT;
    exponent -= (int)fraction;
    *number = 0;
    if (significant > 0 && exponent + (int)significant > DECIMAL_HIGH)
        return KEDGE_E_LIMIT;
    if (significant > 0 && exponent + (int)significant > DECIMAL_LOW &&
        !is_exact(&digits, exponent, number))
        KEDGE_TRY(from_decimal(&digits, exponent, number));
    if (negative)
        *number = -*number;
    return KEDGE_OK;
}

/* ---- writing ---- */

struct parts {
    bool negative;
    uint64_t mantissa;
    int exponent; /* of two: the number is mantissa * 2^exponent */
};

static struct parts take_apart(double number)
{
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    int biased = (int)(bits >> 52 & 0x7FF);
    uint64_t fraction = bits & (((uint64_t)1 << 52) - 1);
    return (struct parts){.negative = bits >> 63 != 0,
                          .mantissa = biased == 0 ? fraction : fraction | (uint64_t)1 << 52,
                          .exponent = (biased == 0 ? 1 : biased) - EXPONENT_BIAS - 52};
}

/* The number divided by 10^scale, rounded half to even. */
static uint64_t scaled(const struct parts *parts, int scale)
{
    struct natural numerator, divisor;
    set(&numerator, parts->mantissa);
    set(&divisor, 1);
    times_ten_to(scale > 0 ? &divisor : &numerator, scale > 0 ? scale : -scale);
    shift_left(parts->exponent > 0 ? &numerator : &divisor,
               (unsigned)(parts->exponent > 0 ? parts->exponent : -parts->exponent));
    uint64_t quotient = divide(&numerator, &divisor);
    shift_left(&numerator, 1);
    int order = compare(&numerator, &divisor);
    return quotient + (order > 0 || (order == 0 && (quotient & 1) != 0) ? 1 : 0);
}

static uint64_t ten_to(int exponent)
{
    uint64_t power = 1;
    for (int i = 0; i < exponent; i++)
        power *= 10;
    return power;
}

/* Where the first of its digits stands: floor(log10(number)). */
static int leading_place(const struct parts *parts)
{
    struct natural mantissa;
    set(&mantissa, parts->mantissa);
    /* 1233/4096 is a little less than log10(2): too low by two at most, which shows. */
    int log2 = bit_length(&mantissa) - 1 + parts->exponent;
    int place = log2 * 1233 / 4096 - (log2 < 0 ? 2 : 0);
    while (scaled(parts, place - DIGITS_ENOUGH + 1) >= ten_to(DIGITS_ENOUGH))
        place++;
    return place;
}

static bool reads_back(const struct parts *parts, uint64_t digits, int exponent)
{
    struct natural natural;
    double number;
    set(&natural, digits);
    if (from_decimal(&natural, exponent, &number) != KEDGE_OK)
        return false;
    struct parts again = take_apart(number);
    return again.mantissa == parts->mantissa && again.exponent == parts->exponent;
}

static enum kedge_rc put_zeros(struct kedge_writer *out, int count)
{
    for (int i = 0; i < count; i++)
        KEDGE_TRY(kedge_writer_u8(out, '0'));
    return KEDGE_OK;
}

/* `digits` * 10^exponent with a point, zeros or an exponent where they belong. */
static enum kedge_rc put_decimal(struct kedge_writer *out, uint64_t digits, int exponent)
{
    uint8_t bytes[20];
    struct kedge_writer text = kedge_writer(bytes, sizeof bytes);
    KEDGE_TRY(kedge_writer_decimal(&text, digits));
    int count = (int)text.size;
    int point = count + exponent; /* digits before it */
    if (exponent >= 0 && point <= DIGITS_ENOUGH) {
        KEDGE_TRY(kedge_writer_put(out, kedge_writer_slice(&text)));
        return put_zeros(out, exponent);
    }
    if (point <= 0 && point > -5) {
        KEDGE_TRY(kedge_writer_put(out, kedge_slice_text("0.")));
        KEDGE_TRY(put_zeros(out, -point));
        return kedge_writer_put(out, kedge_writer_slice(&text));
    }
    bool plain = point > 0 && point <= DIGITS_ENOUGH;
    size_t before = plain ? (size_t)point : 1;
    KEDGE_TRY(kedge_writer_put(out, kedge_slice(bytes, before)));
    if (text.size > before)
        KEDGE_TRY(kedge_writer_u8(out, '.'));
    KEDGE_TRY(kedge_writer_put(out, kedge_slice(bytes + before, text.size - before)));
    if (plain)
        return KEDGE_OK;
    KEDGE_TRY(kedge_writer_put(out, kedge_slice_text(point - 1 < 0 ? "e-" : "e")));
    return kedge_writer_decimal(out, (uint64_t)(point - 1 < 0 ? 1 - point : point - 1));
}

enum kedge_rc kedge_lwm2m_float_write(double number, struct kedge_writer *out)
{
    struct kedge_writer at = *out;
    struct parts parts = take_apart(number);
    if (!kedge_lwm2m_float_finite(number))
        return KEDGE_E_LIMIT;
    if (parts.negative && parts.mantissa != 0)
        KEDGE_TRY(kedge_writer_u8(&at, '-'));
    uint64_t digits = 0;
    int exponent = 0;
    if (parts.mantissa != 0) {
        int place = leading_place(&parts);
        for (int count = 1; count <= DIGITS_ENOUGH; count++) {
            exponent = place - count + 1;
            digits = scaled(&parts, exponent);
            if (reads_back(&parts, digits, exponent))
                break;
        }
        for (; digits % 10 == 0; exponent++)
            digits /= 10;
    }
    KEDGE_TRY(put_decimal(&at, digits, exponent));
    *out = at;
    return KEDGE_OK;
}

bool kedge_lwm2m_float_finite(double number)
{
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    return (bits >> 52 & 0x7FF) != 0x7FF;
}
