"""MCAP chunks: decompressed within a limit, and read record by record."""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

import zlib
from collections.abc import Iterator
from io import BytesIO

from lz4.frame import LZ4FrameDecompressor
from mcap.data_stream import ReadDataStream
from mcap.opcode import Opcode
from mcap.records import Channel, Chunk, Message
from zstandard import CONTENTSIZE_UNKNOWN, ZstdDecompressor, ZstdError, get_frame_parameters

MAX_CHUNK_BYTES = 64 * 2**20
"""Size of a decompressed chunk: twice the largest part of a message. Recorders close a chunk after 1 to 8 MiB."""

# The errors that changed or invalid bytes cause.
ChunkErrors = (ZstdError, ValueError, RuntimeError)


def open_chunk(content: bytes) -> Iterator[Channel | Message]:
    """The channels and messages of a chunk, whose checksum is checked first; one after another, to save memory.

    Raises:
        ChunkErrors, and those of the library: it is damaged, or larger than it says or than `MAX_CHUNK_BYTES`.
    """
    chunk = Chunk.read(ReadDataStream(BytesIO(content)))
    data = _decompressed(chunk)
    if chunk.uncompressed_crc != 0 and zlib.crc32(data) != chunk.uncompressed_crc:
        raise ValueError("the chunk's checksum does not match")
    stream = ReadDataStream(BytesIO(data))
    while stream.count < len(data):
        opcode, length = stream.read1(), stream.read8()
        if opcode == Opcode.CHANNEL:
            yield Channel.read(stream)
        elif opcode == Opcode.MESSAGE:
            yield Message.read(stream, length)
        else:
            stream.read(length)


def _decompressed(chunk: Chunk) -> bytes:
    """The content of a chunk. A few bytes may state any size, and decompress to more than they state."""
    size = chunk.uncompressed_size
    if chunk.compression == "zstd":
        stated = get_frame_parameters(chunk.data).content_size  # for which the library reserves memory
        size = size if stated == CONTENTSIZE_UNKNOWN else max(size, stated)
    if size > MAX_CHUNK_BYTES:
        raise ValueError(f"a chunk of {size} bytes is too large")
    if chunk.compression == "zstd":
        return ZstdDecompressor().decompress(chunk.data, max_output_size=max(1, size))
    if chunk.compression == "lz4":
        data: bytes = LZ4FrameDecompressor().decompress(chunk.data, max_length=size + 1)
        if len(data) != size:
            raise ValueError(f"a chunk holds other than the {size} bytes that it states")
        return data
    if chunk.compression:
        raise ValueError(f"a chunk is compressed with {chunk.compression!r}, which is unknown")
    return chunk.data
