"""A filter of system calls (Linux seccomp): what takes no part in counting ballots is refused by the kernel.

The numbers are those of the kernel's tables `syscall_64.tbl` (x86_64) and `asm-generic/unistd.h` (aarch64); the filter
is classic BPF over `struct seccomp_data`, as `seccomp(2)` has it.
"""

import ctypes
import platform
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL, _NOT_PERMITTED, _NOT_THERE = 0x7FFF0000, 0x80000000, 0x00050000 | 1, 0x00050000 | 38
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16
_WRITING = 0x1 | 0x2 | 0x40 | 0x200
"""O_WRONLY, O_RDWR, O_CREAT and O_TRUNC."""
_X32 = 0x40000000
_NO_NEW_PRIVILEGES, _SECCOMP, _FILTER_MODE = 38, 22, 2

Instruction = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Table:
    """An architecture's numbers: what is refused, what is said not to exist, and what opens files (number, flags)."""

    audit_number: int
    refused: tuple[int, ...]
    absent: tuple[int, ...]
    opening: tuple[tuple[int, int], ...]


# In each: processes and programs; signals and tracing; network and messages between processes; files changed;
# limits, priorities and what else reaches beyond the process. `clone3` and `openat2` hide their flags from a filter.
_TABLES = {
    "x86_64": Table(
        0xC000003E,
        (
            *(56, 57, 58, 59, 322, 109, 112, 272, 308, 165, 161, 155),
            *(62, 200, 234, 129, 297, 424, 434, 101, 310, 311),
            *(41, 53, 425, 29, 68, 64, 240),
            *(
                76,
                82,
                83,
                84,
                85,
                86,
                87,
                88,
                90,
                92,
                94,
                133,
                258,
                259,
                260,
                263,
                264,
                265,
                266,
                268,
                280,
                316,
                319,
                452,
            ),
            *(160, 302, 141, 142, 144, 203, 321, 298, 323, 248, 249, 250),
        ),
        (435, 437),
        ((2, 1), (257, 2)),
    ),
    "aarch64": Table(
        0xC00000B7,
        (
            *(220, 221, 281, 154, 157, 97, 268, 40, 51, 41),
            *(129, 130, 131, 138, 240, 424, 434, 117, 270, 271),
            *(198, 199, 425, 194, 186, 190, 180),
            *(45, 33, 34, 35, 36, 37, 38, 53, 54, 88, 276, 279, 452),
            *(164, 261, 140, 118, 119, 122, 280, 241, 282, 217, 218, 219),
        ),
        (435, 437),
        ((56, 2),),
    ),
}


def refuse_system_calls() -> bool:
    """Refuse from now on, in this process for good, whatever changes files, starts or reaches anything else.

    Returns:
        Whether the filter is in force: it is not where the kernel or the machine has none.
    """
    table = _TABLES.get(platform.machine())
    if platform.system() != "Linux" or table is None:
        return False
    library = ctypes.CDLL(None, use_errno=True)
    if library.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0) != 0:
        return False
    program = program_of(table)
    code = b"".join(struct.pack("HBBI", *instruction) for instruction in program)
    buffer = ctypes.create_string_buffer(code, len(code))
    header = ctypes.create_string_buffer(struct.pack("@HP", len(program), ctypes.addressof(buffer)))
    return bool(library.prctl(_SECCOMP, _FILTER_MODE, header, 0, 0) == 0)


def program_of(table: Table) -> Sequence[Instruction]:
    """Write the filter of an architecture; a program of another one is ended."""
    program: list[Instruction] = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, table.audit_number),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
        (_AT_LEAST, 0, 1, _X32),
        (_RETURN, 0, 0, _NOT_PERMITTED),
    ]
    program += _answers(table.refused, _NOT_PERMITTED)
    program += _answers(table.absent, _NOT_THERE)
    for number, place in table.opening:
        program += [
            (_EQUAL, 0, 4, number),
            (_LOAD, 0, 0, _ARGUMENTS + 8 * place),
            (_ANY_BIT, 0, 1, _WRITING),
            (_RETURN, 0, 0, _NOT_PERMITTED),
            (_RETURN, 0, 0, _ALLOW),
        ]
    return [*program, (_RETURN, 0, 0, _ALLOW)]


def _answers(numbers: Iterable[int], answer: int) -> list[Instruction]:
    return [instruction for number in numbers for instruction in ((_EQUAL, 0, 1, number), (_RETURN, 0, 0, answer))]
