"""Events as bytes, well-formed or not, field by field: what protobuf's own classes would never write."""

from __future__ import annotations

import struct

from hypothesis import strategies as st

Bytes = st.SearchStrategy[bytes]

VARINT, FIXED64, SIZED, GROUP, END, FIXED32 = 0, 1, 2, 3, 4, 5


def varint(number: int, extra: int = 0) -> bytes:
    """A number as a varint, in the shortest form or ``extra`` bytes longer."""
    number &= 2**64 - 1
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    for _ in range(extra):
        out[-1] |= 0x80
        out.append(0)
    return bytes(out)


def key(number: int, kind: int) -> bytes:
    """The key of a field."""
    return varint(number << 3 | kind)


def sized(number: int, body: bytes) -> bytes:
    """A field of text, bytes or a message."""
    return key(number, SIZED) + varint(len(body)) + body


def number(field: int, value: int) -> bytes:
    """A field of an integer."""
    return key(field, VARINT) + varint(value)


def float32(field: int, value: float) -> bytes:
    """A field of a float."""
    return key(field, FIXED32) + struct.pack("<f", value)


def float64(field: int, value: float) -> bytes:
    """A field of a double."""
    return key(field, FIXED64) + struct.pack("<d", value)


def _rarely(strategy: Bytes, common: Bytes, one_in: int = 12) -> Bytes:
    return st.integers(1, one_in).flatmap(lambda drawn: strategy if drawn == 1 else common)


def _message(*fields: Bytes, repeated: bool = False) -> Bytes:
    """A message: mostly each field at most once, in any order; sometimes with anything in between."""
    optional = [st.one_of(field, field, field, st.just(b"")) for field in fields]
    once = st.tuples(*optional).flatmap(lambda parts: st.permutations(list(parts)))
    often = st.lists(st.one_of(*fields), max_size=4)
    odd = st.lists(st.one_of(*fields, _STRANGE), max_size=4)
    usual = (st.one_of(once, often) if repeated else once).map(b"".join)
    return _rarely(st.one_of(often, odd).map(b"".join), usual)


_INTEGERS = st.one_of(
    st.integers(0, 300),
    st.sampled_from([1, 2**31, 2**32 - 1, 2**63 - 1, 2**63, 2**64 - 1, -1]),
    st.integers(0, 2**64 - 1),
)
_VARINTS = _rarely(
    st.one_of(
        st.tuples(_INTEGERS, st.integers(1, 12)).map(lambda drawn: varint(*drawn)),
        st.sampled_from([b"\xff" * 9 + b"\x01", b"\xff" * 9 + b"\x02", b"\xff" * 9 + b"\x7f", b"\x80" * 10, b"\x80"]),
    ),
    _INTEGERS.map(varint),
)
_DOUBLES = st.one_of(st.floats().map(lambda drawn: struct.pack("<d", drawn)), st.binary(min_size=8, max_size=8))
_FLOATS = st.one_of(
    st.floats(width=32).map(lambda drawn: struct.pack("<f", drawn)),
    st.sampled_from([b"\x01\0\x80\x7f", b"\x01\0\xc0\xff", b"\0\0\0\x80", b"\xff\xff\xff\xff", b"\0\0\xa0\xff"]),
    st.binary(min_size=4, max_size=4),
)
_STRANGE = st.one_of(
    st.tuples(st.integers(0, 40), st.integers(0, 7), st.binary(max_size=12)).map(
        lambda drawn: key(drawn[0], drawn[1]) + drawn[2]
    ),
    st.tuples(st.integers(1, 2**29 - 1), _INTEGERS).map(lambda drawn: number(*drawn)),
    st.tuples(st.integers(0, 40), st.binary(max_size=12)).map(lambda drawn: sized(*drawn)),
    st.integers(1, 20).map(lambda drawn: key(drawn, GROUP) + key(drawn, END)),
    st.tuples(st.integers(1, 17), st.integers(1, 5)).map(lambda drawn: varint(drawn[0] << 3, drawn[1]) + b"\0"),
    st.binary(max_size=6),
)
_TEXTS = _rarely(
    st.one_of(
        st.binary(max_size=6),
        st.sampled_from(
            [b"\xff", b"\xed\xa0\x80", b"\xc0\x80", b"\xf4\x90\x80\x80", "größe/∂".encode(), b"a\0b", b"\xe2\x82"]
        ),
    ),
    st.sampled_from([b"", b"a", b"b", b"loss", b"epoch_loss", b"x" * 40]),
    4,
)
_PLUGINS = _rarely(_TEXTS, st.sampled_from([b"scalars", b"scalars", b"histograms", b"text", b""]))


def _sizes(body: Bytes) -> Bytes:
    """A body with its length in front, sometimes a wrong one."""
    wrong = st.tuples(body, st.integers(-2, 3), st.integers(0, 3)).map(
        lambda drawn: varint(max(len(drawn[0]) + drawn[1], 0), drawn[2]) + drawn[0]
    )
    return _rarely(wrong, body.map(lambda drawn: varint(len(drawn)) + drawn), 40)


def _field(field: int, kind: int, content: Bytes) -> Bytes:
    return content.map(lambda drawn: key(field, kind) + drawn)


def _body(field: int, body: Bytes) -> Bytes:
    return _field(field, SIZED, _sizes(body))


def _elements(field: int, kind: int, element: Bytes) -> Bytes:
    """A repeated field of numbers: packed or not, whole or not, mostly one of them."""
    several = st.lists(element, max_size=3).map(b"".join)
    broken = st.tuples(several, st.binary(min_size=1, max_size=3)).map(b"".join)
    return st.one_of(
        _field(field, kind, element), _body(field, element), _rarely(_body(field, broken), _body(field, several))
    )


_DIMENSION = _message(_field(1, VARINT, st.one_of(st.just(b"\1"), st.just(b"\1"), _VARINTS)), _body(2, _TEXTS))
_ONES = st.lists(st.just(sized(2, b"\x08\x01")), max_size=2).map(b"".join)
_SHAPE = st.one_of(_ONES, _message(_body(2, _DIMENSION), _field(3, VARINT, _VARINTS), repeated=True))
_DTYPES = st.one_of(st.sampled_from([b"\1", b"\2"]), st.integers(0, 30).map(varint), _VARINTS)
_CONTENT = st.one_of(_FLOATS, _DOUBLES, st.binary(max_size=17))
_FIELDS = st.one_of(
    _elements(5, FIXED32, _FLOATS), _elements(6, FIXED64, _DOUBLES), _elements(9, FIXED32, _FLOATS),
    *(_elements(field, VARINT, _VARINTS) for field in (7, 10, 11, 13, 16, 17)),
    *(_body(field, st.binary(max_size=9)) for field in (8, 12, 14, 15, 18)),
)  # fmt: skip
_PLAIN_TENSOR = st.one_of(
    st.tuples(_FLOATS, _ONES).map(lambda drawn: number(1, 1) + sized(2, drawn[1]) + sized(4, drawn[0])),
    _FLOATS.map(lambda drawn: number(1, 1) + sized(5, drawn)),
    _DOUBLES.map(lambda drawn: sized(6, drawn) + number(1, 2)),
    _DOUBLES.map(lambda drawn: number(1, 2) + sized(2, b"") + key(6, FIXED64) + drawn),
)
TENSOR = st.one_of(
    _PLAIN_TENSOR,
    _message(
        _field(1, VARINT, _DTYPES), _body(2, _SHAPE), _field(3, VARINT, _VARINTS), _body(4, _CONTENT),
        _elements(5, FIXED32, _FLOATS), _elements(6, FIXED64, _DOUBLES),
    ),
    _message(_field(1, VARINT, _DTYPES), _body(2, _SHAPE), _FIELDS, _FIELDS, repeated=True),
)  # fmt: skip
_PLUGIN_DATA = _message(_body(1, _PLUGINS), _body(2, st.binary(max_size=8)))
METADATA = st.one_of(
    _PLUGINS.map(lambda drawn: sized(1, sized(1, drawn))),
    _message(_body(1, _PLUGIN_DATA), _body(2, _TEXTS), _body(3, _TEXTS), _field(4, VARINT, _VARINTS)),
)
_IMAGE = _message(
    *(_field(field, VARINT, _VARINTS) for field in (1, 2, 3)), _body(4, st.binary(max_size=20)), repeated=True
)
_HISTO = _message(
    *(_field(field, FIXED64, _DOUBLES) for field in range(1, 6)),
    *(_elements(field, FIXED64, _DOUBLES) for field in (6, 7)),
    repeated=True,
)
_WHAT = st.one_of(
    _field(2, FIXED32, _FLOATS), _field(2, FIXED32, _FLOATS), _body(8, TENSOR), _body(8, TENSOR), _body(4, _IMAGE),
    _body(5, _HISTO), _rarely(_body(3, st.binary(max_size=5)), st.just(b"")),
    _rarely(_body(6, st.binary(max_size=5)), st.just(b"")),
)  # fmt: skip
VALUE = st.one_of(
    _message(_body(1, _TEXTS), _WHAT),
    _message(_body(1, _TEXTS), _WHAT, _body(9, METADATA)),
    _message(_body(1, _TEXTS), _WHAT, _body(9, METADATA), _rarely(_body(7, _TEXTS), st.just(b""))),
)
SUMMARY = st.one_of(
    _body(1, VALUE),
    st.lists(_body(1, VALUE), max_size=3).map(b"".join),
    _message(_body(1, VALUE), repeated=True),
)
_STEPS = st.one_of(_field(2, VARINT, st.integers(-3, 300).map(varint)), _field(2, VARINT, _VARINTS))
_SESSION = _message(_field(1, VARINT, st.one_of(st.just(b"\1"), _VARINTS)), _body(2, _TEXTS), _body(3, _TEXTS))
_OTHER_EVENT = st.one_of(
    _body(3, _TEXTS), _body(4, st.binary(max_size=9)), _body(6, st.binary(max_size=5)), _body(7, _SESSION),
    _body(8, st.binary(max_size=5)), _body(9, st.binary(max_size=9)), _body(10, _message(_body(1, _TEXTS))),
)  # fmt: skip
#: The payload of a record: an event in most cases, ordinary or odd.
EVENT = st.one_of(
    _message(_field(1, FIXED64, _DOUBLES), _STEPS, _body(5, SUMMARY)),
    _message(_field(1, FIXED64, _DOUBLES), _STEPS, _body(5, SUMMARY)),
    _message(_field(1, FIXED64, _DOUBLES), _STEPS, _OTHER_EVENT),
    _message(_field(1, FIXED64, _DOUBLES), _STEPS, _body(5, SUMMARY), _OTHER_EVENT, _STRANGE),
)
