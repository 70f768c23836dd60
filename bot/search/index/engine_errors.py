"""Translation of all exceptions that a search engine raises, including panics, to `EngineError`."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from bot.search.index.search_engine import EngineError

Parameters = ParamSpec("Parameters")
Returned = TypeVar("Returned")
EngineClass = TypeVar("EngineClass")


def _translate_errors(function: Callable[Parameters, Returned]) -> Callable[Parameters, Returned]:
    """Wrap a function so that it raises `EngineError` instead of any other `Exception` or a panic of the engine."""

    @wraps(function)
    def call_translating_errors(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Returned:
        try:
            return function(*args, **kwargs)
        except EngineError:
            raise
        except Exception as error:
            raise EngineError(str(error)) from error
        except BaseException as error:
            # The class of pyo3's panics cannot be imported; a damaged file of the index causes one.
            if type(error).__name__ == "PanicException":
                raise EngineError(str(error)) from error
            raise

    return call_translating_errors


def translate_engine_errors(cls: type[EngineClass]) -> type[EngineClass]:
    """Make the constructor, public methods and properties that a class itself defines raise only `EngineError`.

    It replaces all exceptions, and panics of the engine, which a damaged file of the index causes.
    """
    for attribute_name, attribute in [*vars(cls).items()]:
        if attribute_name.startswith("_") and attribute_name != "__init__":
            continue
        if isinstance(attribute, property) and attribute.fget is not None:
            setattr(cls, attribute_name, property(_translate_errors(attribute.fget), doc=attribute.__doc__))
        elif callable(attribute):
            setattr(cls, attribute_name, _translate_errors(attribute))
    return cls
