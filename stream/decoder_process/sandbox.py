"""The sandbox of a decoder process: no file system, no other processes, bounded memory, by Landlock and seccomp."""

from __future__ import annotations

import ctypes
import os
import resource
import struct
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

from .syscall_filter import filter_program, knows_machine

MAX_MEMORY = 2 * 2**30
"""Bytes of address space that decoding may take, beside what the process has from the start."""

_MAX_DESCRIPTORS = 64
# What the C library reads to find a host's address; all else of the file system is closed.
_RESOLVER_FILES = (
    *("/etc/hosts", "/etc/resolv.conf", "/etc/nsswitch.conf", "/etc/host.conf", "/etc/gai.conf", "/etc/services"),
)

# Numbers of linux/landlock.h, linux/prctl.h and linux/seccomp.h; the calls' numbers are the same on all machines.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_ASK_VERSION, _PATH_RULE, _PORT_RULE = 1, 1, 2
_READ_FILE, _BIND_TCP, _CONNECT_TCP, _ALL_SCOPES = 1 << 2, 1 << 0, 1 << 1, 3
_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}  # how many there are, by version
_NET_SINCE, _SCOPES_SINCE = 4, 6
_PR_SET_NO_NEW_PRIVS, _PR_SET_DUMPABLE, _PR_SET_SECCOMP = 38, 4, 22
_MODE_FILTER, _INSTRUCTION_BYTES = 2, 8


class SandboxError(RuntimeError):
    """The kernel refused part of the sandbox although it has it."""


@cache
def landlock_version() -> int:
    """Which Landlock this kernel has; 0 is none."""
    return max(0, _call(_CREATE_RULESET, None, 0, _ASK_VERSION))


def missing_protection() -> str | None:
    """What of the sandbox this computer lacks, and what follows; None where all is there."""
    has_landlock, has_seccomp = landlock_version() > 0, _has_seccomp()
    if has_landlock and has_seccomp:
        return None
    if has_seccomp:  # which lets no file be opened at all
        return "the kernel has no Landlock, so decoder processes find hosts by DNS alone, and may connect to any port"
    what = "no seccomp" if has_landlock else "neither Landlock nor seccomp"
    follows = "start programs" if has_landlock else "open files and start programs"
    return f"the kernel has {what}, so a decoder process that was taken over may {follows}"


def enter_sandbox(ports: Sequence[int], own_port: int) -> None:
    """Close the file system and most system calls for this process, which must have one thread, for ever.

    Args:
        ports: to which it may connect by TCP, where the kernel can see to that; any, where none is named.
        own_port: the only one on which it may listen, and that it may connect to as well.

    Raises:
        SandboxError: the kernel has a part of it, and refuses it.
    """
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + MAX_MEMORY, size + MAX_MEMORY))
    resource.setrlimit(resource.RLIMIT_NOFILE, (_MAX_DESCRIPTORS, _MAX_DESCRIPTORS))
    for nothing in (resource.RLIMIT_CORE, resource.RLIMIT_FSIZE):
        resource.setrlimit(nothing, (0, 0))
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    _prctl(_PR_SET_DUMPABLE, 0)
    if landlock_version():
        _close_file_system(ports, own_port)
    if _has_seccomp():
        program = filter_program(os.getpid(), may_open=landlock_version() > 0)
        instructions = ctypes.create_string_buffer(program, len(program))
        filter_ = ctypes.create_string_buffer(
            struct.pack("=HxxxxxxQ", len(program) // _INSTRUCTION_BYTES, ctypes.addressof(instructions))
        )
        _prctl(_PR_SET_SECCOMP, _MODE_FILTER, ctypes.addressof(filter_))


def _close_file_system(ports: Sequence[int], own_port: int) -> None:
    version = landlock_version()
    rights = (1 << _FILE_RIGHTS.get(version, 16)) - 1
    scopes = _ALL_SCOPES if version >= _SCOPES_SINCE else 0
    net = (_BIND_TCP | (_CONNECT_TCP if ports else 0)) if version >= _NET_SINCE else 0
    length = 24 if version >= _SCOPES_SINCE else 16 if version >= _NET_SINCE else 8
    ruleset = _ruleset(struct.pack("=QQQ", rights, net, scopes)[:length])
    for path in _RESOLVER_FILES:
        with suppress(OSError):  # not every computer has all of them
            file = os.open(path, os.O_PATH | os.O_CLOEXEC)
            try:
                _check(_call(_ADD_RULE, ruleset, _PATH_RULE, struct.pack("=Qi", _READ_FILE, file), 0))
            finally:
                os.close(file)
    for port in {*ports, own_port} if net else ():
        allowed = net & (_CONNECT_TCP | (_BIND_TCP if port == own_port else 0))
        if allowed:
            _check(_call(_ADD_RULE, ruleset, _PORT_RULE, struct.pack("=QQ", allowed, port), 0))
    try:
        _check(_call(_RESTRICT_SELF, ruleset, 0))
    finally:
        os.close(ruleset)


def _ruleset(attributes: bytes) -> int:
    return _check(_call(_CREATE_RULESET, attributes, len(attributes), 0))


def _check(result: int) -> int:
    if result < 0:
        raise SandboxError(f"Landlock refuses the sandbox: {os.strerror(ctypes.get_errno())}")
    return result


def _has_seccomp() -> bool:
    return knows_machine() and Path("/proc/sys/kernel/seccomp").is_dir()


def _call(number: int, *arguments: bytes | int | None) -> int:
    wide = [ctypes.c_long(value) if isinstance(value, int) else value for value in arguments]
    return int(_libc().syscall(ctypes.c_long(number), *wide))


def _prctl(option: int, *values: int) -> None:
    wide = [ctypes.c_ulong(value) for value in (*values, 0, 0, 0)[:4]]
    if _libc().prctl(option, *wide) != 0:
        raise SandboxError(f"prctl refuses option {option}: {os.strerror(ctypes.get_errno())}")


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
