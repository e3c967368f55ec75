"""Functions that Numba compiles, once for a machine: the machine code is kept in a folder, where there is one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., object])


def compile_kernel(function: Function) -> Function:
    """The function as machine code; without the interpreter's lock, and exact (no ``fastmath``).

    The code is kept beside the source, or in ``NUMBA_CACHE_DIR``. Where neither can be written every process compiles
    anew: the same answers, later. Keep functions that call one another in one file: Numba looks at the age of that one.
    """
    try:
        return cast(Function, numba.njit(nogil=True, cache=True)(function))
    except RuntimeError:  # "no locator available": there is no folder that we may write to
        return cast(Function, numba.njit(nogil=True)(function))
