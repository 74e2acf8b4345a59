"""Working ahead: the next of a sequence is made by a thread beside while the one before is worked on, or looked at.

What does not belong here: what is made.
"""

from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Generic, TypeVar

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


class Coming(Generic[T]):
    """A sequence of which some can be looked at before they are taken.

    What making them raises is raised by whoever takes what was to come, after those before it; not by looking.
    """

    def __init__(self, of: Iterable[T]) -> None:
        self._of, self._seen = iter(of), deque[T]()
        self._failure: Exception | None = None

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        if self._seen:
            return self._seen.popleft()
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure
        return next(self._of)

    def ahead(self, at_most: int) -> Sequence[T]:
        """Return those that come next."""
        try:
            while len(self._seen) < at_most and self._failure is None:
                self._seen.append(next(self._of))
        except StopIteration:
            pass
        except Exception as error:  # noqa: BLE001 - whatever it is, `__next__` raises it in its turn
            self._failure = error
        return list(islice(self._seen, at_most))
