"""FFmpeg errors as one sentence: why a source could not be opened or read, and whether it was silent."""

from __future__ import annotations

import errno
import socket

from av import error as ffmpeg
from av.error import FFmpegError

from ..options import SourceOptions
from ..sockets.descriptors import NoDescriptorError, are_free, means_none_free
from ..source_url import RefusedError, SourceError, SourceKind, has_credentials, host_of, kind_of

_NO_SUCH_HOST = frozenset({socket.EAI_NONAME, socket.EAI_NODATA})
_NEARLY = 0.95  # of a time limit: FFmpeg checks the clock every tenth of a second, and may be slightly early


def explain_opening(
    error: FFmpegError | OSError, options: SourceOptions, kind: SourceKind, elapsed_s: float
) -> SourceError:
    """Why opening failed. FFmpeg reports a time-out as wrong data, so the time it took is part of the evidence."""
    where = options.url
    if isinstance(error, (ffmpeg.HTTPUnauthorizedError, ffmpeg.HTTPForbiddenError)):
        return explain_status(401, options)
    if isinstance(error, ffmpeg.HTTPNotFoundError):
        return explain_status(404, options)
    if isinstance(error, (ffmpeg.HTTPError, ffmpeg.HTTPClientError)):
        return SourceError(f"{where} answered with an error ({error.strerror}): look at the camera's own pages")
    return _explain_rest(error, options, kind, elapsed_s)


def explain_status(status: int, options: SourceOptions) -> SourceError:
    """The error for a camera's HTTP or RTSP status."""
    if status in (401, 403):
        if has_credentials(options.url):
            return RefusedError(f"{options.url} refused the user or the password: correct them in the URL")
        return RefusedError(f"{options.url} asks for a user and a password: write them as ...://user:password@host/...")
    if status == 404:
        return SourceError(f"{options.url} is not there (404): check what follows the host in the URL")
    return SourceError(f"{options.url} answered with an error ({status}): look at the camera's own pages")


def explain_reading(error: FFmpegError, options: SourceOptions, waited_s: float) -> SourceError:
    """Why a source that was open can no longer be read."""
    if isinstance(error, TimeoutError) or was_silent(options, waited_s):
        return silence(options)
    if isinstance(error, MemoryError):
        return SourceError(f"{options.url} sent a packet larger than any picture: is it a camera?")
    return SourceError(f"{options.url} was lost ({error.strerror})")


def was_silent(options: SourceOptions, waited_s: float) -> bool:
    """Whether a source that sent nothing for so long has reached its time limit."""
    return waited_s >= _NEARLY * options.read_timeout_s


def silence(options: SourceOptions) -> SourceError:
    """The error for a source that was silent for longer than its time limit."""
    return SourceError(f"{options.url} sent nothing for {options.read_timeout_s:g} s: is the camera still on?")


def _explain_rest(
    error: FFmpegError | OSError, options: SourceOptions, kind: SourceKind, elapsed_s: float
) -> SourceError:
    """Why opening failed without an HTTP status: FFmpeg reports a lack of descriptors in several ways."""
    where = options.url
    if means_none_free(error.errno) or not are_free(1):
        return NoDescriptorError(where)
    if kind in ("rtsp", "http"):
        return _explain_network(error, options, where, elapsed_s)
    return _explain_local(error, kind, where)


def _explain_local(error: FFmpegError | OSError, kind: SourceKind, where: str) -> SourceError:
    if isinstance(error, PermissionError):
        return SourceError(f"{where} may not be read: check its permissions")
    if isinstance(error, FileNotFoundError):
        return SourceError(f"{where} does not exist: {'is it plugged in?' if kind == 'device' else 'check the path'}")
    if kind == "device":
        return SourceError(f"{where} cannot be opened ({error.strerror}): is another program using it?")
    if kind == "lavfi":
        return SourceError(f"{where} is not a filter that works ({error.strerror}): try lavfi:testsrc=rate=30")
    return SourceError(
        f"{where} cannot be read as a video or a picture ({error.strerror}): is it whole, and really one?"
    )


def _explain_network(error: FFmpegError | OSError, options: SourceOptions, where: str, elapsed_s: float) -> SourceError:
    host, _ = host_of(options.url)
    if isinstance(error, ConnectionRefusedError):
        return SourceError(f"{where} refused the connection: is the camera on, and is the port right?")
    if isinstance(error, TimeoutError) or elapsed_s >= _NEARLY * options.open_timeout_s:
        return SourceError(f"{where} did not answer within {options.open_timeout_s:g} s: is the camera on?")
    if error.errno in (errno.EHOSTUNREACH, errno.ENETUNREACH):
        return SourceError(f"{where} cannot be reached from here: check the address and the network")
    if isinstance(error, PermissionError) and options.decode_process:
        return SourceError(
            f"{where} leads to another port, which its decoder process may not reach: name its host in `redirect_hosts`"
        )
    if fault := _name_fault(host, where):
        return fault
    return _explain_answer(error, options, where)


def _explain_answer(error: FFmpegError | OSError, options: SourceOptions, where: str) -> SourceError:
    """Why a host that answers cannot be read."""
    other = "tcp" if options.transport == "udp" else "udp"
    if error.errno == errno.EPROTONOSUPPORT:
        return SourceError(f"{where} does not send over {options.transport}: write transport: {other}")
    is_end = isinstance(error, (ffmpeg.InvalidDataError, ConnectionResetError, EOFError))
    if not is_end and error.errno != errno.EIO:  # which an HTTP answer of unknown length ends with
        return SourceError(f"{where} cannot be opened ({error.strerror}): check the URL")
    cause, remedy = "hung up, or answered something that is no video", "check the port and the path"
    if kind_of(options.url) == "rtsp":
        cause += f", or has another transport than {options.transport}"
        remedy += f", or write transport: {other}"
    return SourceError(f"{where} {cause}: {remedy}")


def _name_fault(host: str, where: str) -> SourceError | None:
    """The error for a host name that cannot be resolved; None where it can, or where that is not known."""
    try:
        socket.getaddrinfo(host, None)
    except socket.gaierror as error:
        if error.errno not in _NO_SUCH_HOST:
            return SourceError(f"{where} has a host whose name cannot be looked up now ({host}): {error.strerror}")
    except UnicodeError:
        pass
    except OSError:
        return None
    else:
        return None
    return SourceError(f"{where} has an unknown host ({host}): check its spelling, or use its IP address")
