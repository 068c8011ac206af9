/*
 * keys.h: the map keys of envelope, manifest and common, from the IANA registry "Software Update
 * for the Internet of Things (SUIT)" and draft-ietf-suit-manifest-37, section 11.
 */
#ifndef KEDGE_CORE_SUIT_KEYS_H
#define KEDGE_CORE_SUIT_KEYS_H

#define SUIT_TAG_ENVELOPE 107u
#define SUIT_DIGEST_SHA256 (-16)

#define SUIT_ENVELOPE_WRAPPER 2u
#define SUIT_ENVELOPE_MANIFEST 3u
#define SUIT_PAYLOAD_FETCH 16u /* in the envelope and in the manifest alike, as the next two */
#define SUIT_INSTALL 20u
#define SUIT_TEXT 23u

#define SUIT_MANIFEST_VERSION 1u
#define SUIT_MANIFEST_SEQUENCE 2u
#define SUIT_MANIFEST_COMMON 3u
#define SUIT_MANIFEST_REFERENCE_URI 4u
#define SUIT_MANIFEST_SET_VERSION 6u /* draft-ietf-suit-update-management */
#define SUIT_MANIFEST_VALIDATE 7u
#define SUIT_MANIFEST_LOAD 8u
#define SUIT_MANIFEST_INVOKE 9u

#define SUIT_COMMON_COMPONENTS 2u
#define SUIT_COMMON_SHARED_SEQUENCE 4u

/* draft-ietf-suit-update-management: the comparisons of the version condition. */
#define SUIT_VERSION_GREATER 1u
#define SUIT_VERSION_GREATER_EQUAL 2u
#define SUIT_VERSION_EQUAL 3u
#define SUIT_VERSION_LESSER_EQUAL 4u
#define SUIT_VERSION_LESSER 5u

/* SUIT_Rep_Policy of each condition and directive: record success and failure, with system info. */
#define SUIT_REPORT_ALL 15u

#define SUIT_SEQUENCE_STEPS_MAX 64u

#endif
