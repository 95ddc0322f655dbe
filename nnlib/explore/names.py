"""A figure keeps the names that its cell saw: a later cell may call something else ``x``, and the figure is moved after that."""

import contextlib


class Names:
    """What the global names of functions, also of those in dicts, lists and tuples, mean now.

    The functions stay themselves, so that ``draw`` knows its choices: ``f is square``.
    """

    def __init__(self, value):
        self.kept = {}
        self._keep(value)

    def _keep(self, value):
        names = getattr(value, "__globals__", None)
        if names is not None:
            self.kept.setdefault(id(names), (names, dict(names)))
        elif isinstance(value, (dict, list, tuple)):
            for part in value.values() if isinstance(value, dict) else value:
                self._keep(part)

    def __reduce__(self):
        return Names, ([],)  # in another process nobody changes them

    @contextlib.contextmanager
    def back(self):
        """``with``: names mean what they meant then. What they are assigned meanwhile is seen here alone, also the next time."""
        later = [dict(names) for names, _ in self.kept.values()]
        try:
            for names, then in self.kept.values():
                names.update(then)
            yield
        finally:
            for (names, then), now in zip(self.kept.values(), later, strict=True):
                left = dict(names)
                names.update(now)
                then.update({name: left[name] for name in then if name in left})
                for name in left.keys() - now.keys():
                    del names[name]
