/*
 * names.h: which names may be given to things, so that no two of them look the same because of what
 * nobody can see. By RFC 8264 (PRECIS) with Unicode as GLib knows it. Pure.
 *
 * Held to it is what people and programs give by the API. What devices say of themselves, and what
 * is in the store already, is taken and shown as it is: kedge_utf8_printable() is for that.
 */
#ifndef KEDGE_UPDATER_API_NAMES_H
#define KEDGE_UPDATER_API_NAMES_H

/**
 * names_text_fault() says what about `text` nobody could see, in words that stand behind a field's
 * name ("must have no ..."); NULL: nothing. A text is UTF-8 in the composed form (NFC) without
 *
 * - control characters, line ends, and what turns the direction of the text behind it;
 * - characters that are not shown: Default_Ignorable_Code_Point and format characters (categories
 *   M and Other of RFC 8264 section 9), and U+2800, a pattern without dots;
 * - characters that look like nothing in particular: private use, unassigned;
 * - spaces other than U+0020 (RFC 8265 section 4.2.2 makes one of them).
 *
 * U+200C and U+200D, which Persian, Hindi and others are written with, may stand where they can be
 * seen (RFC 5892, Appendix A.1 and A.2): behind a virama; U+200C also between two letters of
 * U+0620..U+06FF that would be joined without it.
 */
const char *names_text_fault(const char *text);

/**
 * names_fault() is names_text_fault() for what things are told apart by: a name has no space at its
 * ends either, and none beside another (RFC 8266 section 2.1).
 */
const char *names_fault(const char *name);

#endif
