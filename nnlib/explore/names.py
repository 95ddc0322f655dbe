"""A figure keeps what its cell saw: a later cell may call something else ``x`` or choose another style, and the figure is moved
after that.
"""

import contextlib
from functools import partial

from .internals import settings, settings_now


class Names:
    """What the global names of functions, also of those in dicts, lists and tuples, mean now, and matplotlib's settings.

    The functions stay themselves, so that ``draw`` knows its choices: ``f is square``.
    """

    def __init__(self, value):
        self.kept, self.settings = {}, settings_now()
        self._keep(value)

    def _keep(self, value):
        if isinstance(value, (dict, list, tuple)):
            for part in value.values() if isinstance(value, dict) else value:
                self._keep(part)
        elif isinstance(value, partial):
            self._keep([value.func, value.args, value.keywords])
        elif callable(value):
            for function in (value, getattr(value, "__wrapped__", None), getattr(type(value), "__call__", None)):
                names = getattr(function, "__globals__", None)
                if names is not None:
                    self.kept.setdefault(id(names), (names, dict(names)))

    def __reduce__(self):
        return Names, ([],), {"settings": self.settings}  # in another process nobody changes the names

    @contextlib.contextmanager
    def back(self):
        """``with``: they are what they were then. What names are assigned meanwhile is seen here alone, also the next time."""
        later = [dict(names) for names, _ in self.kept.values()]
        try:
            for names, then in self.kept.values():
                names.update(then)
            with settings(self.settings):
                yield
        finally:
            for (names, then), now in zip(self.kept.values(), later, strict=True):
                left = dict(names)
                names.update(now)
                then.update({name: left[name] for name in then if name in left})
                for name in left.keys() - now.keys():
                    del names[name]
