"""API error: why a request cannot be answered, as an HTTP status, a code for programs and a sentence for people."""

from __future__ import annotations


class ApiError(RuntimeError):
    """A request that cannot be answered.

    Args:
        status: the HTTP status.
        code: for programs.
        message: one sentence: what is wrong and what to do.
        retry_after_s: after how many seconds the same request may succeed; None where waiting does not help.
    """

    def __init__(self, status: int, code: str, message: str, retry_after_s: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.retry_after_s = retry_after_s


def bad_request(message: str) -> ApiError:
    """The error of a request that says something impossible."""
    return ApiError(422, "bad_request", message)
