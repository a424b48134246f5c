"""One coroutine function for synchronous and asynchronous code.

A public function is written once, as a coroutine function that awaits *operations* and nothing else::

    @blocking
    async def follow(from_instance: Model, to_instance: Model) -> bool: ...

    afollow = awaitable(follow)

``follow`` needs no event loop: an awaited operation passes itself to the loop below that runs the coroutine. That loop
performs the operation, blocking or awaited, and sends back its result.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator
from functools import wraps
from typing import Any, Generic, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)


class Operation(Generic[R_co]):
    """Something that a public function awaits: an operation on the graph, an SQL query, a signal."""

    __slots__ = ()

    def perform(self) -> R_co:
        """Perform the operation and return its result."""
        raise NotImplementedError

    async def aperform(self) -> R_co:
        """As :meth:`perform`, without blocking the event loop."""
        raise NotImplementedError

    def __await__(self) -> Generator[Operation[Any], Any, R_co]:
        result: R_co = yield self
        return result


def blocking(coroutine_function: Callable[P, Coroutine[Any, Any, R]]) -> Callable[P, R]:
    """Make a blocking function of a coroutine function, which may await only operations, or coroutines that do."""

    @wraps(coroutine_function)
    def function(*args: P.args, **kwargs: P.kwargs) -> R:
        steps = coroutine_function(*args, **kwargs)
        try:
            operation = steps.send(None)
            while True:
                try:
                    result = operation.perform()
                except BaseException as error:  # noqa: BLE001 the function decides, as after any other call
                    operation = steps.throw(error)
                else:
                    operation = steps.send(result)
        except StopIteration as end:
            value: R = end.value
            return value

    return function


def awaitable(function: Callable[P, R]) -> Callable[P, Coroutine[Any, Any, R]]:
    """Make the asynchronous version of a :func:`blocking` function, whose name begins with ``a``."""
    coroutine_function: Callable[P, Coroutine[Any, Any, R]] = function.__wrapped__  # type: ignore[attr-defined]

    async def twin(*args: P.args, **kwargs: P.kwargs) -> R:
        steps = coroutine_function(*args, **kwargs)
        try:
            operation = steps.send(None)
            while True:
                try:
                    result = await operation.aperform()
                except BaseException as error:  # noqa: BLE001 as above
                    operation = steps.throw(error)
                else:
                    operation = steps.send(result)
        except StopIteration as end:
            value: R = end.value
            return value

    name = function.__name__
    twin.__name__ = f"a{name}"
    twin.__qualname__ = f"{function.__qualname__.removesuffix(name)}a{name}"
    twin.__module__ = function.__module__
    twin.__annotations__ = function.__annotations__
    twin.__wrapped__ = function  # type: ignore[attr-defined]
    twin.__doc__ = f"As :func:`{name}`, for asynchronous code."
    return twin
