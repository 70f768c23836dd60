"""One kind of error for whatever a search engine raises, its panics among it."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from bot.search.index.search_engine import EngineError

P = ParamSpec("P")
T = TypeVar("T")
C = TypeVar("C")


def _translated(function: Callable[P, T]) -> Callable[P, T]:
    """Raise `EngineError` for whatever a function raises."""

    @wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return function(*args, **kwargs)
        except EngineError:
            raise
        except Exception as error:
            raise EngineError(str(error)) from error
        except BaseException as error:
            if type(error).__name__ == "PanicException":  # of a damaged file; it has no name to import
                raise EngineError(str(error)) from error
            raise

    return wrapped


def raises_engine_errors(cls: type[C]) -> type[C]:
    """Let every public method and property of a class, and its making, raise nothing but `EngineError`.

    The engine panics where a file of its index is damaged, also on a look-up of a single word.
    """
    for name, member in [*vars(cls).items()]:
        if name.startswith("_") and name != "__init__":
            continue
        if isinstance(member, property) and member.fget is not None:
            setattr(cls, name, property(_translated(member.fget), doc=member.__doc__))
        elif callable(member):
            setattr(cls, name, _translated(member))
    return cls
