"""How many objects Python allocates while something runs, counted in CPython's allocator itself."""

from __future__ import annotations

import ctypes
import functools
import shutil
import subprocess
import sysconfig
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).with_name("allocation_counter.c")


@dataclass
class Count:
    """What ``counting`` found; set when its block ends."""

    allocations: int = -1


class NoCompilerError(RuntimeError):
    """There is no C compiler, or no Python.h, to build the counter with."""


@contextmanager
def counting() -> Iterator[Count]:
    """Counts the calls of the object allocator inside the block, on all threads.

    Free lists answer without the allocator, so a lone float may go uncounted; a bytes or str never does. So if a message became an object
    anywhere on its way, the count is not 0.

    >>> with counting() as count:                                     # doctest: +SKIP
    ...     kept = [bytes(100) for _ in range(1000)]
    >>> count.allocations >= 1000                                     # doctest: +SKIP
    True
    """
    library = _library()
    count = Count()
    before = library.counter_read()
    try:
        yield count
    finally:
        count.allocations = library.counter_read() - before


@functools.cache
def _library() -> ctypes.PyDLL:
    """The counter, built and installed into this process. For good: an allocator that is in use cannot be taken out safely."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise NoCompilerError("no C compiler (cc) on this machine")
    with tempfile.TemporaryDirectory(prefix="honeyframe-") as directory:
        library_path = Path(directory) / "allocation_counter.so"
        command = [compiler, "-O2", "-shared", "-fPIC", f"-I{sysconfig.get_path('include')}", str(SOURCE), "-o", str(library_path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise NoCompilerError(done.stderr.strip().splitlines()[0] if done.stderr else "the compiler failed")
        library = ctypes.PyDLL(str(library_path))
    library.counter_read.restype = ctypes.c_ulonglong
    library.counter_install()
    return library
