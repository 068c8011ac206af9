/*
 * token_proxy.c: a PKCS#11 module in front of another one (PROXY_MODULE), for tests: it notes each
 * signature that is asked for in PROXY_LOG, and spoils it when PROXY_SPOIL is set.
 */
#define _GNU_SOURCE
#include <wolfssl/options.h>

#include <wolfssl/wolfcrypt/pkcs11.h>

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

static CK_FUNCTION_LIST *behind;
static CK_FUNCTION_LIST in_front;

static CK_RV sign(CK_SESSION_HANDLE session, CK_BYTE_PTR data, CK_ULONG data_size,
                  CK_BYTE_PTR signature, CK_ULONG_PTR signature_size)
{
    CK_RV rv = behind->C_Sign(session, data, data_size, signature, signature_size);
    FILE *log = fopen(getenv("PROXY_LOG"), "a");
    if (log == NULL || fprintf(log, "sign %lu\n", data_size) < 0 || fclose(log) != 0)
        return CKR_MECHANISM_INVALID;
    if (rv == CKR_OK && signature != NULL && getenv("PROXY_SPOIL") != NULL)
        signature[*signature_size - 1] ^= 1;
    return rv;
}

CK_RV C_GetFunctionList(CK_FUNCTION_LIST_PTR_PTR list);

CK_RV C_GetFunctionList(CK_FUNCTION_LIST_PTR_PTR list)
{
    void *module = dlopen(getenv("PROXY_MODULE"), RTLD_NOW | RTLD_LOCAL);
    CK_C_GetFunctionList get;
    if (module == NULL)
        return CKR_MECHANISM_INVALID;
    *(void **)&get = dlsym(module, "C_GetFunctionList");
    if (get == NULL || get(&behind) != CKR_OK)
        return CKR_MECHANISM_INVALID;
    in_front = *behind;
    in_front.C_Sign = sign;
    *list = &in_front;
    return CKR_OK;
}
