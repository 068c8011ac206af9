# Writes the C source that holds the dashboard's files (see assets.h).
#   LISTING   lines "name|file[,file...]"   TYPES   "ending;type;..."   OUT   the file to write
set(work ${OUT}.work)
file(MAKE_DIRECTORY ${work})

# The libraries' modules find each other as files beside each other; what is a script for a page alone
# becomes a module.
function(adapt name text out)
    string(REPLACE "from\"preact\"" "from\"./preact.js\"" text "${text}")
    string(REGEX REPLACE "\n//# sourceMappingURL=[^\n]*" "" text "${text}")
    if(name STREQUAL "uplot.js")
        string(APPEND text "\nexport default uPlot;\n")
    endif()
    set(${out} "${text}" PARENT_SCOPE)
endfunction()

# The bytes of a file as the inside of an array.
function(bytes_of file out)
    file(READ ${file} hex HEX)
    string(REGEX REPLACE "(..)" "0x\\1," hex "${hex}")
    string(REGEX REPLACE "(................................................................................)" "\\1\n" hex "${hex}")
    set(${out} "${hex}" PARENT_SCOPE)
endfunction()

set(arrays "")
set(rows "")
set(number 0)
file(STRINGS ${LISTING} entries)
foreach(entry ${entries})
    string(REGEX MATCH "^([^|]*)\\|(.*)$" _ "${entry}")
    set(name ${CMAKE_MATCH_1})
    string(REPLACE "," ";" parts "${CMAKE_MATCH_2}")
    set(text "")
    foreach(part ${parts})
        file(READ ${part} piece)
        string(APPEND text "${piece}")
    endforeach()
    adapt("${name}" "${text}" text)
    file(WRITE ${work}/${name} "${text}")
    execute_process(COMMAND gzip -9 -n -c ${work}/${name} OUTPUT_FILE ${work}/${name}.gz COMMAND_ERROR_IS_FATAL ANY)
    file(SHA256 ${work}/${name} digest)
    string(SUBSTRING ${digest} 0 32 digest)
    string(REGEX REPLACE "^.*\\." "" ending ${name})
    list(FIND TYPES ${ending} index)
    math(EXPR index "${index} + 1")
    list(GET TYPES ${index} type)
    string(REGEX REPLACE "^(text/.*)$" "\\1; charset=utf-8" type ${type})
    bytes_of(${work}/${name} plain)
    bytes_of(${work}/${name}.gz packed)
    string(APPEND arrays "static const uint8_t plain_${number}[] = {\n${plain}};\n"
        "static const uint8_t packed_${number}[] = {\n${packed}};\n")
    string(APPEND rows "    {\"${name}\", \"${type}\", \"${digest}\", plain_${number}, "
        "sizeof(plain_${number}), packed_${number}, sizeof(packed_${number})},\n")
    math(EXPR number "${number} + 1")
endforeach()
file(REMOVE_RECURSE ${work})

# An array of C has at least one element: an empty row ends the table.
file(WRITE ${OUT} "/* Made by updater/web/embed.cmake. */\n#include \"updater/web/assets.h\"\n\n"
    "${arrays}\nconst struct kedge_web_asset kedge_web_assets[] = {\n${rows}    {0}};\n"
    "const size_t kedge_web_asset_count = ${number};\n")
