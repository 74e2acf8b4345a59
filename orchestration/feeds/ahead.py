"""Working ahead: the next of a sequence is made by a thread beside while the one before is worked on.

What does not belong here: what is made.
"""

from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def ahead(made: Iterator[T], name: str) -> Generator[T]:
    """Give what is made, one after another, while the next is being made by a thread of that name. Close it before what
    it reads from. Raises what making raises, where it does."""
    with ThreadPoolExecutor(1, thread_name_prefix=name) as beside:
        coming = beside.submit(_next, made)
        while found := coming.result():
            coming = beside.submit(_next, made)
            yield found[0]


def _next(made: Iterator[T]) -> tuple[T] | None:
    return next(((one,) for one in made), None)
