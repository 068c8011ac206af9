# Makes ${OUT}, a C file that holds the bytes of ${DOCUMENT}.
file(READ ${DOCUMENT} digits HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${digits}")
string(REGEX REPLACE "(0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,)" "\\1\n" bytes "${bytes}")
file(WRITE ${OUT} "/* Made by document.cmake. */\n#include \"updater/api/openapi.h\"\n\n"
    "const char openapi_document[] = {\n${bytes}};\n"
    "const size_t openapi_document_size = sizeof(openapi_document);\n")
