"""Call the functions of a request: at the pipeline's home in place, otherwise with a crossing.

All functions of a request run in one `contextvars.Context`, so that a token that one of them makes is valid in the
next. A pipeline whose home is the loop awaits its sync functions, which run in a thread. A pipeline whose home is a
thread cannot await: for an async function it yields an `OnLoop`, leaves the Context, has the function run on the loop
in that Context, and goes on with its result.
"""

from __future__ import annotations

import operator
from collections.abc import Awaitable, Callable, Coroutine, Generator
from contextvars import Context as Variables
from functools import partial, wraps
from types import CoroutineType
from typing import TYPE_CHECKING, Any, TypeVar

from ..compat.upstream import request_context, request_variable
from ..crossing.bridge import LoopRunner
from ..crossing.colour import Function
from ..crossing.coroutines import CancelledError, await_value, is_being_cancelled

if TYPE_CHECKING:
    from .context import Context

T = TypeVar("T")
#: What code of the app may raise and be answered for; KeyboardInterrupt and SystemExit end the process.
ERRORS = (Exception, CancelledError, GeneratorExit)
#: Calls a sync function in a thread, in a Context, and waits for its result: each entry has its own.
CallInThread = Callable[[Variables, Function, tuple[Any, ...], dict[str, Any]], Awaitable[Any]]


async def call_sync(func: Function, /, *args: Any, **kwargs: Any) -> Any:
    """Call a function from a pipeline in a thread."""
    try:
        value = func(*args, **kwargs)
        return await value if type(value) is OnLoop else value
    except (CancelledError, GeneratorExit) as error:
        if getattr(request_context(None), "is_abandoned", False):
            raise
        raise as_exception(error) from error


async def call_async(func: Callable[..., Awaitable[T]], /, *args: Any, **kwargs: Any) -> T:
    """Await a function from a pipeline on the loop."""
    try:
        return await func(*args, **kwargs)
    except (CancelledError, GeneratorExit) as error:
        if is_being_cancelled():
            raise
        raise as_exception(error) from error


def is_asked_for(error: BaseException, call: Function, context: Context) -> bool:
    """Tell whether an error that a pipeline meets is the cancellation of its request, and not the app's own.

    `call` is the pipeline's.
    """
    if isinstance(error, Exception):
        return False
    return is_being_cancelled() if call is call_async else context.is_abandoned


def as_exception(error: BaseException) -> Exception:
    """Make an exception of a CancelledError or GeneratorExit that code of the app raised; return any other error."""
    if not isinstance(error, CancelledError | GeneratorExit):
        return error  # type: ignore[return-value]  # KeyboardInterrupt and SystemExit, which end the process
    exception = RuntimeError(f"{type(error).__name__} was raised, but nobody has cancelled this request.")
    exception.__cause__ = error
    return exception


class OnLoop:
    """A call of an async function by a pipeline in a thread."""

    def __init__(self, runner: LoopRunner, func: Function, /, *args: Any, **kwargs: Any) -> None:
        self.runner = runner
        self.func = func
        self.args = args
        self.kwargs = kwargs

    def __await__(self) -> Generator[OnLoop, Any, Any]:
        return (yield self)


#: Runs the coroutines that sync functions return.
RETURNED = LoopRunner(suspends=True)


async def awaited(call: Function, value: Any) -> Any:
    """Return a function's value, awaited if it is a coroutine: a sync decorator may be around it."""
    while type(value) is CoroutineType:
        value = await (value if call is call_async else call(OnLoop, RETURNED, await_value, value))
    return value


def is_coroutine(value: Any) -> bool:
    """Tell whether a function returned a coroutine, or a tuple whose body is one."""
    return type(value[0] if type(value) is tuple and value else value) is CoroutineType


async def awaited_body(call: Function, value: Any) -> Any:
    """Return a function's value, with its coroutine replaced by the result."""
    return (await awaited(call, value[0]), *value[1:]) if type(value) is tuple else await awaited(call, value)


class Suspended:
    """A pipeline in a thread that waits for an async function."""

    def __init__(self, pipeline: Coroutine[Any, Any, Any], call: OnLoop) -> None:
        self._pipeline = pipeline
        self._call = call

    def go_on(self, variables: Variables | None) -> Any:
        """Run the function on the loop, then the pipeline until it ends, or waits again.

        Both run in a Context that the thread is not in; without one, the function runs in a copy of the current one.
        """
        call, run = self._call, operator.call if variables is None else variables.run
        on_loop = call.runner.run if variables is None else partial(call.runner.run_within, variables)
        try:
            value = on_loop(call.func, *call.args, **call.kwargs)
        except BaseException as error:
            return run(resume, self._pipeline, self._pipeline.throw, error)
        return run(resume, self._pipeline, self._pipeline.send, value)


def resume(pipeline: Coroutine[Any, Any, Any], go_on: Callable[[Any], Any], value: Any) -> Any:
    """Run a pipeline in a thread; return its result, or a `Suspended` if it waits for an async function."""
    try:
        waits_for = go_on(value)
    except StopIteration as stop:
        return stop.value
    if type(waits_for) is OnLoop:
        return Suspended(pipeline, waits_for)
    pipeline.close()
    raise RuntimeError(f"{pipeline!r} waited for something where there is no event loop to wake it.")


def run_until_suspended(pipeline: Coroutine[Any, Any, Any]) -> Any:
    """Begin to run a pipeline in a thread, as `resume` does."""
    return resume(pipeline, pipeline.send, None)


def run_rest(variables: Variables | None, outcome: Any) -> Any:
    """Run a pipeline in this thread to its end, and return its result; `variables` is as in `Suspended.go_on`."""
    while type(outcome) is Suspended:
        outcome = outcome.go_on(variables)
    return outcome


def run_again(pipeline: Function, context: Context, *args: Any) -> Any:
    """Run a pipeline in this thread, within a request context that was left before; as `run_rest`."""
    variables: Variables = context.variables
    variables.run(context.enter)
    try:
        return run_rest(variables, variables.run(run_until_suspended, pipeline(context, context.plan, *args)))
    finally:
        variables.run(context.leave)


def in_thread(call: CallInThread, func: Function) -> Function:
    """Make a sync function awaitable for a pipeline on the loop."""

    @wraps(func, updated=())
    async def crossing(*args: Any, **kwargs: Any) -> Any:
        return await call(request_variable.get().variables, func, args, kwargs)

    return crossing
