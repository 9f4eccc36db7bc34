"""Values and bodies that have broken other services, and every place to put them.

The places are made from the OpenAPI document, so that a new field is attacked without a word here.
JSON documents that a strict reader must take or refuse are written after RFC 8259, in the spirit
of the known suites; no file of theirs was copied.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

from tests.api.operations import CALLS, operations

__all__ = [
    "ACCEPTED_JSON",
    "DATES",
    "LARGE_METADATA",
    "LARGE_OBJECTS",
    "LEAVES",
    "NUMBERS",
    "REFUSED_JSON",
    "STRINGS",
    "STRUCTURES",
    "Slot",
    "as_bytes",
    "header_values",
    "in_metadata",
    "path_values",
    "slots",
]

MARK = "@@place@@"

STRINGS: Mapping[str, str] = {
    "NUL": "\x00",
    "NUL inside": "a\x00b",
    "high surrogate": "\ud800",
    "low surrogate": "\udfff",
    "surrogates the wrong way round": "\udfff\ud800",
    "surrogate and text": "a\ud800b",
    "pair of surrogates": "\N{GRINNING FACE}",
    "right-to-left override": "\N{RIGHT-TO-LEFT OVERRIDE}abc",
    "zero width": "a\N{ZERO WIDTH SPACE}b\N{ZERO WIDTH JOINER}",
    "byte order mark": "\N{ZERO WIDTH NO-BREAK SPACE}a",
    "composed": "caf\N{LATIN SMALL LETTER E WITH ACUTE}",
    "decomposed": "cafe\N{COMBINING ACUTE ACCENT}",
    "many combining marks": "a" + "\N{COMBINING ACUTE ACCENT}" * 60,
    "noncharacters": "\ufdd0\uffff\U0010ffff",
    "private use": "\ue000\U000f0000",
    "line separators": "a\u2028b\u2029c\x85d",
    "controls": "\x01\x07\x08\x1b[31m\x7f",
    "empty": "",
    "spaces": "   ",
    "other spaces": "\t\r\n\N{NO-BREAK SPACE}\N{IDEOGRAPHIC SPACE}",
    "one character": "x",
    "256 bytes": "x" * 256,
    "257 bytes": "x" * 257,
    "256 characters, 512 bytes": "\N{LATIN SMALL LETTER E WITH ACUTE}" * 256,
    "128 characters, 256 bytes": "\N{LATIN SMALL LETTER E WITH ACUTE}" * 128,
    "3 kB, beyond an index entry": "k" * 3_000,
    "100 kB": "y" * 100_000,
    "path": "../../etc/passwd",
    "percent": "%00%ff%",
    "SQL": "'; DROP TABLE interactions; --",
    "SQL wildcards": "%_\\",
    "SQL comment": "a'/**/OR/**/'1'='1",
    "backslashes": "\\\\\\",
    "quotes": "\"'`",
    "template": "{{7*7}}${7*7}#{7*7}",
    "format": "%s%n%x{0}{__class__}",
    "lookup": "${jndi:ldap://127.0.0.1/a}",
    "markup": "<script>alert(1)</script>",
    "header": "a\r\nSet-Cookie: b=c",
    "formula": "=1+1|'/bin/true'!A1",
    "prototype": "__proto__",
    "null": "null",
    "not a number": "NaN",
    "number": "-1e400",
    "JSON": '{"a": [1, 2}',
    "comma": "click,view",
    "dynamic": "$.metadata.x",
    "our id": "int_" + "0" * 32,
    "someone's id": "ret_" + "f" * 32,
}

NUMBERS: Mapping[str, str] = {
    text if len(text) < 40 else f"{len(text)} digits": text
    for text in [
        "NaN", "Infinity", "-Infinity", "1e400", "-1e400", "1e-400", "-0", "-0.0", "0.0", "0",
        "-1", "1", "1.0", "1e0", "1E2", "1.5", "2147483648", "9007199254740993",
        "9223372036854775807", "9223372036854775808", "-9223372036854775808",
        "-9223372036854775809", "18446744073709551615", "18446744073709551616", "1" + "0" * 40,
        "9" * 5_000, "-" + "9" * 5_000, "0." + "1" * 5_000, "1e308", "1.7976931348623157e308",
        "1.7976931348623159e308", "5e-324", "2.2250738585072011e-308", "1e-7", "0.1e1", "1e+2",
        "01", "-01", "1.", ".5", "+1", "1e", "1e+", "--1", "0x10", "1_000", "1,5", "٣", "1/2",
        "true", "false", "null", "True", "None", "undefined",
    ]
}  # fmt: skip

DATES: tuple[str, ...] = (
    "0000-01-01T00:00:00Z",
    "0001-01-01T00:00:00Z",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59.999999Z",
    "9999-12-31T23:59:59-14:00",
    "10000-01-01T00:00:00Z",
    "+002020-01-01T00:00:00Z",
    "-0001-01-01T00:00:00Z",
    "2016-12-31T23:59:60Z",
    "2016-12-31T23:59:61Z",
    "2020-01-01T24:00:00Z",
    "2020-02-30T00:00:00Z",
    "2019-02-29",
    "2020-13-01",
    "2020-00-01",
    "2020-01-01T00:00:00",
    "2020-01-01 00:00:00",
    "2020-01-01t00:00:00z",
    "2020-01-01T00:00:00+0000",
    "2020-01-01T00:00:00+99:99",
    "2020-01-01T00:00:00+23:59:59",
    "2020-01-01T00:00:00.123456789Z",
    "2020-01-01T00:00:00,5Z",
    "2020-01-01T00:60:00Z",
    "2020-01-01T60:00:00Z",
    "20200101T000000Z",
    "2020-W01-1",
    "2020-001",
    "2020-01",
    "2020",
    "T00:00",
    "now",
    "1700000000",
    "1700000000000",
    "1e20",
    "-1",
    "2020-01-01T00:00:00Z" + " " * 30,
    "\N{ARABIC-INDIC DIGIT TWO}020-01-01",
    "\N{FULLWIDTH DIGIT TWO}020-01-01T00:00:00Z",
    "2038-01-19T03:14:08Z",
    "1582-10-10",
    "2999-01-01T00:00:00Z",
)

LEAVES: Mapping[str, str] = {
    **{f"text: {name}": json.dumps(text) for name, text in STRINGS.items()},
    **{f"number: {name}": text for name, text in NUMBERS.items()},
    **{f"date: {text.strip()}": json.dumps(text) for text in DATES},
    **{
        f"other: {text}": text
        for text in (
            "[]",
            "{}",
            "[[]]",
            '[""]',
            '{"":{}}',
            '{"a":null}',
            "[1,[2,[3]]]",
            '["a","a"]',
        )
    },
}
"""JSON to put where a value belongs, most of it wrong there."""


class Slot(NamedTuple):
    """A place in the body of an operation."""

    operation: str
    place: str
    template: bytes

    def content(self, token: str, number: int) -> bytes:
        """The body with a token in this place; what has to be new in it is numbered."""
        body = self.template.replace(b'"another"', b'"another %d"' % number)
        return body.replace(json.dumps(MARK).encode(), token.encode())


def slots(document: Mapping[str, Any]) -> Iterator[Slot]:
    """Every place in every body that the API takes."""
    for operation in operations(document):
        if operation.body is not None:
            body = CALLS[operation.id].body
            for place, changed in _places(operation.body, document, body):
                yield Slot(operation.id, place, json.dumps(changed).encode())
    for template in _FILTERS:
        body = f'{{"filters": {template}}}'
        yield Slot("search_interactions", body, body.encode())
    for template in _DOCUMENT_FILTERS:
        body = f'{{"filters": {template}}}'
        yield Slot("search_documents", body, body.encode())


_DOCUMENT_FILTERS = tuple(
    text.replace("@", json.dumps(MARK))
    for text in (
        '{"title": @}',
        '{"payload.title": {"contains": @}}',
        '{"metadata.source": {"in": [@, 1]}}',
        '{"document_id": {"gt": @}}',
        '{"field": @, "value": 1}',
        '{"NOT": [{"a.b": @}]}',
        "@",
    )
)

_FILTERS = tuple(
    text.replace("@", json.dumps(MARK))
    for text in (
        '{"user_id": @}',
        '{"position": @}',
        '{"document_score": {"gte": @}}',
        '{"occurred_at": {"lt": @}}',
        '{"timestamp": @}',
        '{"interaction_id": @}',
        '{"interaction_type": @}',
        '{"interaction_type": {"in": [@]}}',
        '{"live": @}',
        '{"metadata": @}',
        '{"metadata.a": @}',
        '{"metadata.a.b": {"ne": @}}',
        '{"metadata.a": {"in": [@, 1]}}',
        '{"metadata.a": {"contains": @}}',
        '{"query_snapshot.query": {"text": @}}',
        '{"user_id": {"gt": @}}',
        '{"user_id": {"starts_with": @}}',
        '{"user_id": "u", "metadata.a": {"regex": @}}',
        '{"user_id": "u", "metadata.a": {"words": @}}',
        '{"user_id": {"phrase": @}}',
        '{"user_id": {"exists": @}}',
        '{"field": @, "value": 1}',
        '{"field": "position", "operator": @, "value": 1}',
        '{"field": "metadata.a", "operator": "eq", "value": @}',
        '{"AND": @}',
        '{"OR": [@]}',
        '{"NOT": @}',
        '{"NOT": [{"metadata.a": @}]}',
        '{"case_sensitive": @}',
        "@",
    )
)


def _places(
    schema: Mapping[str, Any], document: Mapping[str, Any], body: Any
) -> Iterator[tuple[str, Any]]:
    """(place, the body with the mark there), for the value itself and everything in it."""
    yield "", MARK
    yield from _inner(schema, document, body)


def _inner(
    schema: Mapping[str, Any], document: Mapping[str, Any], body: Any
) -> Iterator[tuple[str, Any]]:
    schema = _resolved(schema, document)
    for option in schema.get("anyOf", ()):
        yield from _inner(option, document, body)
    if "items" in schema:
        first, *rest = body if isinstance(body, list) and body else [None]
        yield "[]", [MARK, *rest]
        for place, changed in _inner(schema["items"], document, first):
            yield f"[]{place}", [changed, *rest]
    own = body if isinstance(body, dict) else {}
    for name, inner in schema.get("properties", {}).items():
        without = {key: value for key, value in own.items() if (key, name) != _ALIAS}
        yield f".{name}", without | {name: MARK}
        for place, changed in _inner(inner, document, own.get(name)):
            yield f".{name}{place}", without | {name: changed}
    if schema.get("type") == "object" and "properties" not in schema:
        yield ".key", {MARK: 1}
        yield ".value", {"a": MARK}
        yield ".inside", {"a": {"b": [MARK]}}


_ALIAS = ("feature_id", "document_id")


def _resolved(schema: Mapping[str, Any], document: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    return schema


def header_values() -> Iterator[bytes]:
    """What headers can be made to hold; a real server refuses some of it before we see it."""
    for text in STRINGS.values():
        yield text.encode("utf-8", "surrogatepass")[:20_000]
    yield from (
        b"\xff\xfe",
        b"a" * 10_240,
        b", , ,",
        b'"',
        b"=?utf-8?q?x?=",
        b"\xc0\xaf",
        b"0",
        b"-1",
    )


def path_values() -> Iterator[str]:
    """What a part of a path, or a query parameter, can be made to hold, percent-encoded."""
    for text in STRINGS.values():
        yield quote(text.encode("utf-8", "surrogatepass")[:5_000], safe="")
    yield from ("%FF", "%C0%AF", "%", "%zz", "%u0041", "+", "a+b", "a;b", "a&b=c", "..", ".", "*")
    yield from (quote(text, safe="") for text in (*NUMBERS.values(), *DATES) if len(text) < 2_000)


def _deep(depth: int, opening: str, closing: str, inner: str = "1") -> bytes:
    return (opening * depth + inner + closing * depth).encode()


STRUCTURES: Mapping[str, bytes] = {
    "empty": b"",
    "one space": b" ",
    "only white space": b" \t\r\n" * 100,
    "null": b"null",
    "true": b"true",
    "a number": b"1",
    "a text": b'"text"',
    "an array": b"[]",
    "an array of objects": b"[{}]",
    "arrays, 100,000 deep": _deep(100_000, "[", "]"),
    "arrays, 100,000 deep, never closed": b"[" * 100_000,
    "objects, 100,000 deep": _deep(100_000, '{"a":', "}"),
    "objects, 100,000 deep, never closed": b'{"a":' * 100_000,
    "both, 50,000 deep": _deep(50_000, '[{"a":', "}]"),
    "depth in a field": b'{"metadata": ' + _deep(33, "[", "]") + b"}",
    "60,000 keys": json.dumps({f"k{n}": n for n in range(60_000)}).encode(),
    "60,000 keys in a field": b'{"metadata": '
    + json.dumps({f"k{n}": n for n in range(60_000)}).encode()
    + b"}",
    "one key 1,000 times": b"{" + b",".join([b'"a":1'] * 1_000) + b"}",
    "a key twice": b'{"feature_id": "a", "feature_id": "b"}',
    "a key twice, once escaped": b'{"feature_id": "a", "\\u0066eature_id": "b"}',
    "a key twice, deep inside": b'{"metadata": {"a": [{"b": 1, "b": 2}]}}',
    "NaN": b'{"position": NaN}',
    "Infinity": b'{"document_score": Infinity}',
    "-Infinity": b'{"document_score": -Infinity}',
    "a lone surrogate as key": b'{"\\ud800": 1}',
    "a NUL in a key": b'{"a\\u0000b": 1}',
    "a raw NUL": b'{"feature_id": "a\x00b"}',
    "NULs": b"\x00" * 100,
    "overlong slash": b'{"feature_id": "\xc0\xaf"}',
    "overlong NUL": b'{"feature_id": "\xc0\x80"}',
    "a surrogate in UTF-8": b'{"feature_id": "\xed\xa0\x80"}',
    "beyond Unicode": b'{"feature_id": "\xf4\x90\x80\x80"}',
    "cut in a character": b'{"feature_id": "\xe2\x82"}',
    "Latin-1": '{"feature_id": "é"}'.encode("latin-1"),
    "UTF-16": '{"feature_id": "a"}'.encode("utf-16"),
    "UTF-16 without a mark": '{"feature_id": "a"}'.encode("utf-16-le"),
    "UTF-32": '{"feature_id": "a"}'.encode("utf-32"),
    "byte order mark": b'\xef\xbb\xbf{"feature_id": "a"}',
    "5,000 digits": b'{"position": ' + b"9" * 5_000 + b"}",
    "500,000 digits": b'{"position": ' + b"9" * 500_000 + b"}",
    "an exponent of 5,000 digits": b'{"position": 1e' + b"9" * 5_000 + b"}",
    "trailing junk": b'{"feature_id": "a"}x',
    "trailing comma": b'{"feature_id": "a",}',
    "trailing bracket": b'{"feature_id": "a"}}',
    "trailing NUL": b'{"feature_id": "a"}\x00',
    "two documents": b'{"feature_id": "a"}{"feature_id": "b"}',
    "two documents on two lines": b'{"feature_id": "a"}\n{"feature_id": "b"}',
    "half a document": b'{"feature_id": "a", "interaction_ty',
    "single quotes": b"{'feature_id': 'a'}",
    "no quotes": b"{feature_id: 1}",
    "comments": b'{"feature_id": "a" /* b */}',
    "a form": b"feature_id=a&position=1",
    "XML": b"<?xml version='1.0'?><a/>",
    "a pickle": b"\x80\x04\x95\x05\x00\x00\x00\x00\x00\x00\x00\x8c\x01a.",
    "gzip": b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03",
    "MessagePack": b"\x81\xa1a\x01",
    "a JWT": b"eyJhbGciOiJub25lIn0.e30.",
    "a text of 900 kB": b'{"metadata": {"a": "' + b"x" * 900_000 + b'"}}',
    "escapes of 900 kB": b'{"metadata": {"a": "' + b"\\u0041" * 150_000 + b'"}}',
    "text that looks like keys": b'{"metadata": {"a": "' + b'\\":' * 200_000 + b'"}}',
}
"""Bodies that are wrong as a whole, or that ask for much work."""

LARGE_METADATA = frozenset(
    {
        "60,000 keys in a field",
        "a text of 900 kB",
        "escapes of 900 kB",
        "text that looks like keys",
    }
)
"""Those that say nothing but metadata, and have much in it: JSON, and no larger than a body may
be."""
LARGE_OBJECTS = LARGE_METADATA | {"60,000 keys"}
"""Those that are right where any object is."""

ACCEPTED_JSON: tuple[str, ...] = (
    # structure
    "[]", "{}", "[[]]", '[""]', "[[[]], []]", '{"a":[]}', '{"":0}', '{"a":{"b":{}}}', "[null]",
    "[true,false]", '[1,"a",null,{},[]]', "[ ]", "{ }", "[ 1 , 2 ]", '{ "a" : 1 , "b" : 2 }',
    "\t[\r\n1]\n", "  null  ", '{"a":1,"A":2}', '{"a":1,"a ":2}', '{"\\u00e9":1,"e\\u0301":2}',
    "[1,1]", '[{"a":1},{"a":1}]', '{"__proto__":{}}', '{"a.b":1}', '{"$ref":"#"}',
    "[" * 29 + "]" * 29,
    # scalars
    "null", "true", "false", "0", "1", "-1", "-0", "10", "123456789", "9007199254740993",
    "9223372036854775807", "-9223372036854775808", "0.0", "-0.0", "0.1", "1.0", "1.5", "-1.5",
    "0e0",
    "0e+1", "1e1", "1E1", "1e+1", "1e-1", "1E-2", "1.5e3", "123e45", "123.456e78", "1e-400",
    "5e-324", "1.7976931348623157e308", "-2.2250738585072014e-308",
    "0.1000000000000000055511151231",
    "100000000000000000000.5",
    # texts
    '""', '"a"', '" "', '"\\""', '"\\\\"', '"\\/"', '"/"', '"\\b\\f\\n\\r\\t"', '"\\u0041"',
    '"\\u00e9"', '"\\u20ac"', '"\\ud83d\\ude00"', '"\\uD834\\uDD1E"', '"\\udbff\\udfff"',
    '"\\uffff"',
    '"\\ufdd0"', '"\\u2028"', '"\\u200b"', '"\\u001f"', '"\\u007f"', '"\x7f"', '"é"', '"€"', '"😀"',
    '"\u2028"', '"\uffff"', '"\U0010ffff"', '"\ufeff"', '"\\u0022"', '"\\u005c"', '"a\\u0020b"',
    '"\\\\u0041"', '"\\\\\\u0041"', '"new\\u00A0line"', '"[1,2"', '"{\\"a\\":1"', '"// no comment"',
    '"NaN"', '"\\u0066\\u006f"',
)  # fmt: skip
"""Documents that must be taken, and come back as the same value."""

REFUSED_JSON: tuple[str | bytes, ...] = (
    # structure
    "", " ", "[", "]", "{", "}", "[1", "[1,", "[,1]", "[1,,2]", "[1,]", "[1 2]", "[1:2]", "[,]",
    "[[]", "[]]", "{\"a\"", '{"a":', '{"a":1', '{"a":1,', '{"a":1,}', '{,"a":1}', '{"a",1}',
    '{"a" 1}', '{"a"::1}', '{"a":1 "b":2}', '{"a":1,,"b":2}', "{1:1}", "{a:1}", "{'a':1}",
    "{null:1}", "{[]:1}", '{"a":}', "[}", "{]", '["a"}', '{"a":1]', "[1}", "[1;2]", "(1)", "<1>",
    '{"a":1}{"b":2}', "[][]", "[]1", "1 2", "1,2", "null null", "[1]x", "[1]\x00", "[1]#", "x[1]",
    '{"a":1,"a":1}', '{"a":1,"\\u0061":2}', '[{"a":{"b":1,"b":1}}]', '{"a":{},"a":[]}',
    "[" * 40 + "]" * 40, '{"a":' * 40 + "1" + "}" * 40, "[" * 10_000,
    # comments, and what other languages take
    "[1//a\n]", "[1/*a*/]", "#a\n1", "[1]//", "undefined", "None", "True", "TRUE", "False", "NULL",
    "nil", "nul", "nulll", "tru", "truee", "fals", "yes", "[a]", "[True]", "*", "&b", "?", "'a'",
    "`a`", "a", "$1", "u'a'", "b'a'", "<null>",
    # numbers
    "NaN", "-NaN", "nan", "Infinity", "-Infinity", "+Infinity", "inf", "-inf", "+1", "++1", "--1",
    "-", "+", "-a", "- 1", "01", "-01", "00", "-00", "1.", "-1.", "1.e1", ".1", "-.1", ".", "1..2",
    "1.2.3", "1e", "1e+", "1e-", "1E", "1ee2", "1e1.5", "1e1e1", "e1", "0e", "0e+", "0.e1", "0x1",
    "0X1F", "0b1", "0o7", "1f", "1L", "1n", "1_000", "1 000", "1,000.5", "0.1.", "1/2", "٣", "１",
    "Ⅳ", "½", "1e400", "-1e400", "1e99999", "1.8e308", "9223372036854775808",
    "-9223372036854775809",
    "18446744073709551615", "18446744073709551616", "1" + "0" * 100, "9" * 5_000, "[1e1000]",
    # texts
    '"', '"a', 'a"', '"\\"', '"\\', '"\\a"', '"\\x41"', '"\\u"', '"\\u4"', '"\\u004"', '"\\u00g0"',
    '"\\U00000041"', '"\\0"', '"\\\'"', '"\\ "', '"\\é"', '"\n"', '"\t"', '"\r"', '"\x00"',
    '"\x01"',
    '"\x1f"', '"a\nb"', '"\\\n"', '"\\ud800"', '"\\udc00"', '"\\ud800\\ud800"', '"\\udc00\\ud800"',
    '"\\ud800x"', '"\\ud800\\n"', '"\\ud800\\u0041"', '"\\uDBFF"', '"x\\uDFFF"', '{"\\ud800":1}',
    '"\\u0000"', '{"\\u0000":1}', '["a\\u0000b"]', '"a" "b"', '"a",', '["a]', '["a""b"]',
    '"\\u 041"',
    # bytes
    b'"\xff"', b'"\x80"', b'"\xc0\x80"', b'"\xc0\xaf"', b'"\xc1\xbf"', b'"\xe0\x80\xaf"',
    b'"\xf0\x80\x80\xaf"', b'"\xed\xa0\x80"', b'"\xed\xbf\xbf"', b'"\xf4\x90\x80\x80"',
    b'"\xf8\x88\x80\x80\x80"', b'"\xfc\x84\x80\x80\x80\x80"', b'"\xe2\x82"', b'"\xe2"',
    b'"\xe2\x82x"',
    b'"\xe9"', b"\xff", b"\xfe\xff", b"\xef\xbb\xbf1", b"\xef\xbb", b"\xa01", b"\xe2\x80\xa81",
    b"1\xe2\x80\xa8", b"\x0b1", b"\x0c1", b"\xc2\x851", b"[1\xc2\xa0]", b"\x001", b"1\x00",
    b"[\x00]", b'{"a\xff":1}', b"\xff\xfe[\x00]\x00", b"\x00[\x00]",
)  # fmt: skip
"""Documents that must be refused: not JSON, or JSON that two databases would not keep alike."""


def as_bytes(document: str | bytes) -> bytes:
    return document if isinstance(document, bytes) else document.encode("utf-8", "surrogatepass")


def in_metadata(document: str | bytes) -> bytes:
    """An interaction that is right but for a document inside its metadata."""
    start = b'{"feature_id": "a", "interaction_type": ["click"], "position": 0, "metadata": {"x": '
    return start + as_bytes(document) + b"}}"
