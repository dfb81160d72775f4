"""Unpacking and decoding: declared, strict, bounded, never guessed."""

from __future__ import annotations

import codecs
import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from orchestration.contract import Export
from orchestration.readers.base import Limits, Refusal

CHUNK = 2**20
GZIP_MAGIC = b"\x1f\x8b"


@dataclass(frozen=True)
class Utf8File:
    """A file of valid UTF-8 without NUL; text starts at byte `start`."""

    path: Path
    start: int
    size: int
    carriage_returns: int
    line_feeds: int
    pairs: int
    # Byte positions in `path` are byte positions in the unpacked original.
    same_bytes: bool

    @property
    def is_empty(self) -> bool:
        return self.size <= self.start


def unpacked(path: Path, compression: str, limits: Limits) -> Iterator[bytes]:
    """Chunks of the file's content; gzip by declaration, its checksum verified.

    Raises Refusal `truncated`, `crc`, `compression`, `too_large` or `ratio`.
    """
    if compression == "none":
        with path.open("rb") as file:
            first = file.read(CHUNK)
            if first.startswith(GZIP_MAGIC):
                raise Refusal(
                    "compression",
                    "is packed with gzip, which the contract does not say: declare "
                    "compression: gzip",
                )
            yield from _bounded(_chunks(first, file), path, limits, packed=False)
        return
    try:
        with path.open("rb") as plain:
            magic = plain.read(2)
        if not magic:
            return
        if magic != GZIP_MAGIC:
            raise Refusal(
                "compression", "is not packed with gzip, as the contract says"
            )
        with gzip.open(path, "rb") as file:
            yield from _bounded(_chunks(b"", file), path, limits, packed=True)
    except EOFError as error:
        raise Refusal(
            "truncated", "ends inside its gzip stream: deliver it again"
        ) from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise Refusal(
            "crc", "is damaged inside its gzip stream: deliver it again"
        ) from error


def _chunks(first: bytes, file: object) -> Iterator[bytes]:
    chunk = first or file.read(CHUNK)  # type: ignore[attr-defined]
    while chunk:
        yield chunk
        chunk = file.read(CHUNK)  # type: ignore[attr-defined]


def _bounded(
    chunks: Iterator[bytes], path: Path, limits: Limits, *, packed: bool
) -> Iterator[bytes]:
    total = 0
    size = path.stat().st_size
    for chunk in chunks:
        total += len(chunk)
        if total > limits.unpacked:
            raise Refusal(
                "too_large",
                f"is larger than {limits.unpacked} bytes (TAKT_LIMIT_UNPACKED)",
            )
        # The first chunk is free: a tiny file may well unfold to 200 times its size.
        if packed and total > CHUNK and total > size * limits.ratio:
            raise Refusal(
                "ratio",
                f"unfolds to more than {limits.ratio} times its size "
                "(TAKT_LIMIT_RATIO)",
            )
        yield chunk


def unpack_to(path: Path, compression: str, limits: Limits, target: Path) -> Path:
    """The unpacked file: `path` itself where nothing is packed."""
    if compression == "none":
        for _ in unpacked(path, compression, limits):
            break
        return path
    with target.open("wb") as out:
        for chunk in unpacked(path, compression, limits):
            out.write(chunk)
    return target


def to_utf8(path: Path, export: Export, limits: Limits, target: Path) -> Utf8File:
    """Decode by the declared encoding; write UTF-8 to `target` unless it is already.

    Raises Refusal `encoding` with the byte position where decoding failed, for a
    byte order mark that was not declared, for U+FFFD (a character someone lost
    before us) and for NUL; `record_too_long` where no line ends in sight.
    """
    plain = export.compression == "none"
    same = export.encoding in {"utf-8", "utf-8-sig"}
    content = unpacked(path, export.compression, limits)
    if same and plain:
        return _measure(content, export, limits, path, None)
    return _measure(content, export, limits, target, target)


def _measure(
    content: Iterator[bytes],
    export: Export,
    limits: Limits,
    result: Path,
    target: Path | None,
) -> Utf8File:
    same = export.encoding in {"utf-8", "utf-8-sig"}
    lines = _LineEnds(limits)
    start = size = 0
    out = target.open("wb") if target else None
    try:
        for utf8 in _decoded(content, export.encoding):
            if size == 0 and same and utf8.startswith(codecs.BOM_UTF8):
                start = _allowed_bom(export)
            lines.see(utf8)
            size += len(utf8)
            if out:
                out.write(utf8)
    finally:
        if out:
            out.close()
    lines.end()
    return Utf8File(
        result, start, size, lines.returns, lines.feeds, lines.pairs, same_bytes=same
    )


def _allowed_bom(export: Export) -> int:
    if export.encoding == "utf-8":
        raise Refusal(
            "encoding",
            "begins with a byte order mark: declare encoding: utf-8-sig",
        )
    return len(codecs.BOM_UTF8)


def _decoded(content: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    """Chunks as UTF-8; whole characters only for encodings other than UTF-8."""
    name = "utf-8" if encoding == "utf-8-sig" else encoding
    decoder = codecs.getincrementaldecoder(name)("strict")
    done = 0
    pending = 0
    first = True
    for chunk in content:
        if first and encoding == "utf-16":
            _needs_utf16_bom(chunk)
        first = False
        text = _step(decoder, chunk, done - pending, encoding, final=False)
        done += len(chunk)
        pending = len(decoder.getstate()[0])
        _check_text(text, done)
        yield chunk if name == "utf-8" else text.encode("utf-8")
    _step(decoder, b"", done - pending, encoding, final=True)


def _step(
    decoder: codecs.IncrementalDecoder,
    chunk: bytes,
    at: int,
    encoding: str,
    *,
    final: bool,
) -> str:
    try:
        return decoder.decode(chunk, final)
    except UnicodeDecodeError as error:
        raise Refusal(
            "encoding",
            f"is not {encoding}, as the contract says: undecodable from byte "
            f"{at + error.start} on",
        ) from None


def _needs_utf16_bom(chunk: bytes) -> None:
    if not chunk.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise Refusal(
            "encoding", "has no byte order mark, so it is not utf-16 as declared"
        )


def _check_text(text: str, done: int) -> None:
    if "\0" in text:
        raise Refusal("nul", f"holds a NUL character before byte {done}")
    if "\ufffd" in text:
        raise Refusal(
            "encoding",
            f"holds U+FFFD before byte {done}: an earlier program already lost "
            "characters; export again",
        )


class _LineEnds:
    """Counts CR, LF and CRLF over chunks, and how far away the next line end is."""

    def __init__(self, limits: Limits) -> None:
        self.returns = self.feeds = self.pairs = 0
        self._ends_with_return = False
        self._without = 0
        self._most = 2 * limits.record + CHUNK

    def see(self, chunk: bytes) -> None:
        self.returns += chunk.count(b"\r")
        self.feeds += chunk.count(b"\n")
        self.pairs += chunk.count(b"\r\n")
        if self._ends_with_return and chunk.startswith(b"\n"):
            self.pairs += 1
        self._ends_with_return = chunk.endswith(b"\r")
        last = max(chunk.rfind(b"\n"), chunk.rfind(b"\r"))
        self._without = (
            self._without + len(chunk) if last < 0 else len(chunk) - 1 - last
        )
        if self._without > self._most:
            self.end()

    def end(self) -> None:
        if self._without > self._most:
            raise Refusal(
                "record_too_long",
                "holds a line longer than the largest record (TAKT_LIMIT_RECORD)",
            )
