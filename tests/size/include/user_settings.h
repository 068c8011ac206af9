/*
 * user_settings.h: wolfCrypt as a device without an operating system needs it to verify firmware.
 * WOLFSSL_USER_SETTINGS has wolfSSL's headers read this.
 */
#ifndef KEDGE_SIZE_USER_SETTINGS_H
#define KEDGE_SIZE_USER_SETTINGS_H

#define WOLFCRYPT_ONLY
#define SINGLE_THREADED
#define NO_FILESYSTEM
#define NO_WRITEV
#define NO_MAIN_DRIVER
#define NO_DEV_RANDOM
#define WC_NO_RNG
#define NO_ASN
#define NO_RSA
#define NO_DH
#define NO_DSA
#define NO_DES3
#define NO_RC4
#define NO_MD4
#define NO_MD5
#define NO_PWDBASED
#define HAVE_ECC
#define HAVE_ED25519
#define WOLFSSL_SHA512
#define WOLFSSL_SP_MATH_ALL
#define WOLFSSL_ECDSA_DETERMINISTIC_K
#define TFM_TIMING_RESISTANT
#define ECC_TIMING_RESISTANT
#define SIZEOF_LONG_LONG 8

#endif
