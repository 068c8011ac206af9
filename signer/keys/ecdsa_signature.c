/* ecdsa_signature.c: see ecdsa_signature.h. */
#include "signer/keys/ecdsa_signature.h"

#include <string.h>

#include "signer/keys/der.h"

#define NUMBER_SIZE 32u

static enum kedge_rc take_number(struct kedge_cursor *cursor, uint8_t number[NUMBER_SIZE])
{
    struct kedge_slice digits;
    KEDGE_TRY(kedge_der_take(cursor, KEDGE_DER_INTEGER, &digits));
    if (digits.size == 0)
        return KEDGE_E_MALFORMED;
    if (digits.data[0] >= 0x80)
        return KEDGE_E_LIMIT; /* negative */
    /* X.690 section 8.3.2: a leading zero only where the sign needs it. */
    if (digits.size > 1 && digits.data[0] == 0 && digits.data[1] < 0x80)
        return KEDGE_E_MALFORMED;
    if (digits.data[0] == 0)
        digits = kedge_slice(digits.data + 1, digits.size - 1);
    if (digits.size > NUMBER_SIZE)
        return KEDGE_E_LIMIT;
    memset(number, 0, NUMBER_SIZE);
    if (digits.size > 0)
        memcpy(number + NUMBER_SIZE - digits.size, digits.data, digits.size);
    return KEDGE_OK;
}

enum kedge_rc kedge_ecdsa_signature_from_der(struct kedge_slice der,
                                             uint8_t signature[KEDGE_SIGNATURE_SIZE])
{
    uint8_t numbers[2 * NUMBER_SIZE];
    struct kedge_cursor outer = kedge_cursor(der), cursor;
    KEDGE_TRY(kedge_der_enter(&outer, KEDGE_DER_SEQUENCE, &cursor));
    KEDGE_TRY(kedge_der_end(&outer));
    KEDGE_TRY(take_number(&cursor, numbers));
    KEDGE_TRY(take_number(&cursor, numbers + NUMBER_SIZE));
    KEDGE_TRY(kedge_der_end(&cursor));
    memcpy(signature, numbers, sizeof numbers);
    return KEDGE_OK;
}
