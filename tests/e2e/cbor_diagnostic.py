"""Reads CBOR diagnostic notation (RFC 8949 section 8, RFC 8610 appendix G) back; shares no code with what writes it."""
import json
import re

import cbor2

TOKEN = re.compile(r"""\s*(?:
    /(?P<comment>[^/]*)/ | h'(?P<hex>[0-9a-f]*)' | (?P<text>"(?:[^"\\]|\\.)*") | (?P<tag>\d+)\( |
    (?P<number>-?\d+) | (?P<word>true|false|null) | (?P<mark><<|>>|[\[\]{}(),:])
)""", re.VERBOSE)
WORDS = {"true": True, "false": False, "null": None}


def tokens(text):
    at = 0
    while text[at:].strip():
        match = TOKEN.match(text, at)
        assert match, text[at:at + 60]
        at = match.end()
        if match.lastgroup != "comment":
            yield match.lastgroup, match[match.lastgroup]


def parse(text):
    """The value that the notation stands for; <<...>> becomes the bytes of its content."""
    stream = list(tokens(text))
    value, rest = item(stream)
    assert rest == [], rest
    return value


def items(stream, end, pair=False):
    found = []
    while stream[0] != ("mark", end):
        value, stream = item(stream)
        if pair:
            assert stream[0] == ("mark", ":")
            second, stream = item(stream[1:])
            value = (tuple(value) if isinstance(value, list) else value, second)
        found.append(value)
        if stream[0] == ("mark", ","):
            stream = stream[1:]
            assert stream[0] != ("mark", end)
    return found, stream[1:]


def item(stream):
    (kind, value), rest = stream[0], stream[1:]
    if kind == "hex":
        return bytes.fromhex(value), rest
    if kind == "text":
        return json.loads(value), rest
    if kind == "number":
        return int(value), rest
    if kind == "word":
        return WORDS[value], rest
    if kind == "tag":
        inner, rest = items(rest, ")")
        assert len(inner) == 1
        return cbor2.CBORTag(int(value), inner[0]), rest
    if value == "[":
        return items(rest, "]")
    if value == "{":
        pairs, rest = items(rest, "}", pair=True)
        return dict(pairs), rest
    assert value == "<<", value
    inner, rest = items(rest, ">>")
    assert len(inner) == 1
    return cbor2.dumps(inner[0], canonical=True), rest
