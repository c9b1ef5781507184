"""A seccomp filter for a decoder process: the system calls that reading and decoding a stream need, and no others."""

from __future__ import annotations

import platform
import socket
import struct

# Numbers of linux/filter.h, linux/seccomp.h and linux/audit.h.
_LOAD, _EQUAL, _ANY_BIT, _AND, _RETURN = 0x20, 0x15, 0x45, 0x54, 0x06
_ALLOW, _KILL, _ERROR = 0x7FFF_0000, 0x8000_0000, 0x0005_0000
_EPERM, _EACCES, _ENOSYS = 1, 13, 38
_ARCHITECTURES = {"x86_64": 0xC000_003E, "aarch64": 0xC000_00B7}
_NUMBER_AT, _ARCHITECTURE_AT, _ARGUMENTS_AT = 0, 4, 16
_CLONE_THREAD, _PROT_EXEC, _PR_SET_NAME = 0x10000, 4, 15
_FIONREAD, _FIONBIO = 0x541B, 0x5421
_FASTOPEN, _SOCKET_TYPE = 0x2000_0000, 0xF

# Numbers of system calls: (x86_64, aarch64), None where the machine has no such call.
_Numbers = dict[str, tuple[int, int | None]]
_ANY: _Numbers = {
    "read": (0, 63),
    "write": (1, 64),
    "readv": (19, 65),
    "writev": (20, 66),
    "pread64": (17, 67),
    "lseek": (8, 62),
    "close": (3, 57),
    "dup": (32, 23),
    "fcntl": (72, 25),
    "pipe2": (293, 59),
    "stat": (4, None),
    "fstat": (5, 80),
    "lstat": (6, None),
    "newfstatat": (262, 79),
    "statx": (332, 291),
    "access": (21, None),
    "faccessat": (269, 48),
    "faccessat2": (439, 439),
    "getcwd": (79, 17),
    "readlink": (89, None),
    "readlinkat": (267, 78),
    "poll": (7, None),
    "ppoll": (271, 73),
    "select": (23, None),
    "pselect6": (270, 72),
    "eventfd2": (290, 19),
    "epoll_create1": (291, 20),
    "epoll_ctl": (233, 21),
    "epoll_wait": (232, None),
    "epoll_pwait": (281, 22),
    "connect": (42, 203),
    "bind": (49, 200),
    "listen": (50, 201),
    "accept": (43, 202),
    "accept4": (288, 242),
    "getsockname": (51, 204),
    "getpeername": (52, 205),
    "getsockopt": (55, 209),
    "setsockopt": (54, 208),
    "shutdown": (48, 210),
    "recvfrom": (45, 207),
    "recvmsg": (47, 212),
    "recvmmsg": (299, 243),
    "munmap": (11, 215),
    "mremap": (25, 216),
    "madvise": (28, 233),
    "brk": (12, 214),
    "futex": (202, 98),
    "set_robust_list": (273, 99),
    "rseq": (334, 293),
    "membarrier": (324, 283),
    "sched_yield": (24, 124),
    "sched_getaffinity": (204, 123),
    "exit": (60, 93),
    "exit_group": (231, 94),
    "restart_syscall": (219, 128),
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "rt_sigtimedwait": (128, 137),
    "sigaltstack": (131, 132),
    "clock_gettime": (228, 113),
    "clock_getres": (229, 114),
    "clock_nanosleep": (230, 115),
    "nanosleep": (35, 101),
    "gettimeofday": (96, 169),
    "time": (201, None),
    "times": (100, 153),
    "getrusage": (98, 165),
    "getpid": (39, 172),
    "gettid": (186, 178),
    "getppid": (110, 173),
    "getuid": (102, 174),
    "geteuid": (107, 175),
    "getgid": (104, 176),
    "getegid": (108, 177),
    "uname": (63, 160),
    "sysinfo": (99, 179),
    "getrandom": (318, 278),
}
_OPEN: _Numbers = {"open": (2, None), "openat": (257, 56)}
_BY_ARGUMENT: _Numbers = {
    "sendto": (44, 206),
    "sendmsg": (46, 211),
    "sendmmsg": (307, 269),
    "socket": (41, 198),
    "clone": (56, 220),
    "clone3": (435, 435),
    "tgkill": (234, 131),
    "prctl": (157, 167),
    "mmap": (9, 222),
    "mprotect": (10, 226),
    "ioctl": (16, 29),
    "prlimit64": (302, 261),
}


def knows_machine() -> bool:
    """Whether there is a filter for this kind of processor."""
    return platform.machine() in _ARCHITECTURES


def filter_program(pid: int, *, may_open: bool) -> bytes:
    """The filter as BPF instructions. What it does not allow fails with EPERM.

    Args:
        pid: of the process that it is for; signals to any other fail.
        may_open: let files be opened, since something else says which.
    """
    column = list(_ARCHITECTURES).index(platform.machine())
    numbers = {name: call[column] for name, call in (_ANY | _OPEN).items()}
    checked = {name: call[column] for name, call in _BY_ARGUMENT.items()}
    if not may_open:
        for name in _OPEN:
            numbers.pop(name)
    program = [
        *(_load(_ARCHITECTURE_AT), _jump(_EQUAL, _ARCHITECTURES[platform.machine()], 1, 0), _end(_KILL)),
        _load(_NUMBER_AT),
    ]
    for number in numbers.values():
        if number is not None:
            program += [_jump(_EQUAL, number, 0, 1), _end(_ALLOW)]
    # TCP and UDP over IPv4 and IPv6: of other sockets Landlock does not know the ports.
    internet = [
        *_require(0, socket.AF_INET, socket.AF_INET6),
        *_require(1, socket.SOCK_STREAM, socket.SOCK_DGRAM, mask=_SOCKET_TYPE),
        *_require(2, 0, socket.IPPROTO_TCP, socket.IPPROTO_UDP),
    ]
    program += _case(checked["socket"], [*internet, _end(_ALLOW)])
    for name, flags in (("sendto", 3), ("sendmsg", 2), ("sendmmsg", 3)):  # which would connect past Landlock
        program += _case(checked[name], [_load(_argument(flags)), _jump(_ANY_BIT, _FASTOPEN, 1, 0), _end(_ALLOW)])
    program += _case(checked["clone"], [_load(_argument(0)), _jump(_ANY_BIT, _CLONE_THREAD, 0, 1), _end(_ALLOW)])
    program += _case(checked["clone3"], [], _ENOSYS)  # its flags lie in memory; the C library then calls clone
    program += _case(checked["tgkill"], [*_require(0, pid), _end(_ALLOW)])
    program += _case(checked["prctl"], [*_require(0, _PR_SET_NAME), _end(_ALLOW)])
    program += _case(checked["ioctl"], [*_require(1, _FIONREAD, _FIONBIO), _end(_ALLOW)])
    for name in ("mmap", "mprotect"):  # no memory becomes code
        program += _case(checked[name], [_load(_argument(2)), _jump(_ANY_BIT, _PROT_EXEC, 1, 0), _end(_ALLOW)])
    reads_only = [_load(_argument(2)), _jump(_EQUAL, 0, 0, 3), _load(_argument(2) + 4), _jump(_EQUAL, 0, 0, 1)]
    program += _case(checked["prlimit64"], [*reads_only, _end(_ALLOW)])
    if not may_open:
        for name in _OPEN:
            program += _case(_OPEN[name][column], [], _EACCES)
    return b"".join([*program, _end(_ERROR | _EPERM)])


def _case(number: int | None, steps: list[bytes], error: int = _EPERM) -> list[bytes]:
    """What is done for one call: the steps, and where they fall through, an error."""
    if number is None:
        return []
    return [_jump(_EQUAL, number, 0, len(steps) + 1), *steps, _end(_ERROR | error)]


def _require(argument: int, *values: int, mask: int | None = None) -> list[bytes]:
    """Go on where the argument's lower half, or what of it the mask leaves, is one of the values."""
    masked = [] if mask is None else [struct.pack("=HBBI", _AND, 0, 0, mask)]
    checks = [_jump(_EQUAL, value, len(values) - row, 0) for row, value in enumerate(values)]
    return [_load(_argument(argument)), *masked, *checks, _end(_ERROR | _EPERM)]


def _argument(number: int) -> int:
    """Where the lower half of an argument lies, on a machine whose lower half comes first."""
    return _ARGUMENTS_AT + 8 * number


def _load(offset: int) -> bytes:
    return struct.pack("=HBBI", _LOAD, 0, 0, offset)


def _jump(test: int, value: int, if_true: int, if_false: int) -> bytes:
    return struct.pack("=HBBI", test, if_true, if_false, value)


def _end(action: int) -> bytes:
    return struct.pack("=HBBI", _RETURN, 0, 0, action)
