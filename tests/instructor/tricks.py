"""Tricks of the language: code that stands in a notebook which solves everything but softmax, or everything."""

UNDESERVED = {  # a softmax that is none, and earns nothing
    "loop in a finaliser of a result": """
class D(np.ndarray):
    def __del__(self):
        while True: pass
def softmax(z): return z.view(D)""",
    "loop in a comparison": """
class L(float):
    def __float__(self):
        while True: pass
    __array__ = __len__ = __float__
def softmax(z): return L()""",
    "interrupts": "def softmax(z): raise KeyboardInterrupt",
    "at exit": """
import atexit
atexit.register(lambda: globals().update(softmax=lambda z: z / z.sum(1)))
def softmax(z): return z""",
    "giant number": "def softmax(z): return 10 ** 100_000",
    "endless sequence": "import itertools\ndef softmax(z): return itertools.count()",
    "sequence of its own": """
class S:
    def __len__(self): return 1 << 40
    def __getitem__(self, k): return [k]
def softmax(z): return S()""",
    "deep lists": """
def softmax(z):
    for k in range(10**5): z = [z]
    return z""",
    "own kind of array": """
class A(np.ndarray):
    def __array_finalize__(self, other): raise SystemExit
def softmax(z): return z.view(A)""",
    "replaced builtins": """
import builtins
builtins.len = builtins.isinstance = builtins.all = lambda *a, **k: True
builtins.tuple = builtins.list = lambda *a: None
def softmax(z): return z""",
    "replaced modules": """
import sys, types
fake = types.ModuleType('x')
fake.__getattr__ = lambda name: lambda *a, **k: fake
for name in list(sys.modules):
    if 'judging' in name or name in ('numpy', 'json', 'copy'):
        sys.modules[name] = fake
def softmax(z): return z""",
    "traces": """
import sys
sys.settrace(lambda *a: 1 / 0)
sys.setprofile(lambda *a: None)
sys.addaudithook(lambda *a: None)
def softmax(z): return z""",
    "looks around": """
import gc, sys
def wanted(value, z):
    return isinstance(value, np.ndarray) and value.shape == z.shape and np.allclose(value.sum(1), 1) and value is not z
def softmax(z):
    frame = sys._getframe()
    while frame:
        for name, value in [*frame.f_locals.items(), *frame.f_globals.items()]:
            if name in ('expected', 'key', 'keys', '_keys', 'reference', 'solution') or wanted(value, z):
                return value
        frame = frame.f_back
    return next((value for value in gc.get_objects() if wanted(value, z)), z)""",
    "reads what checks it": """
import inspect, judging.judge, judging.sealed, submission
text = inspect.getsource(judging.judge) + inspect.getsource(submission)
def softmax(z): return submission.scope['text']""",
    "changes what it is given": """
import copy
copy.deepcopy = lambda x: x
def softmax(z):
    z[:] = 1 / z.shape[1]
    return z""",
    "remembers": """
seen = []
def softmax(z):
    seen.append(z)
    return seen[0] if len(seen) > 1 else z""",
    "letters that look alike": "def s\u043eftmax(z): return np.exp(z - z.max(1, keepdims=True))",
}
HARMLESS = {  # nothing is lost by it
    "loop in a finaliser": "class D:\n    def __del__(self):\n        while True: pass\nD()",
    "text that cannot be written": """
class R:
    def __repr__(self): raise ValueError
    __str__ = __format__ = __repr__
r = R()
raise ValueError(r)""",
    "no builtins": "import builtins\nfor name in dir(builtins): delattr(builtins, name)",
    "own importer": """
import sys
class F:
    def find_spec(self, *a): raise SystemExit
sys.meta_path.insert(0, F())
import wave""",
    "closes everything": """
import os, sys
sys.stdout.close()
sys.stdout = sys.stderr = None
for k in range(20):
    try: os.close(k)
    except OSError: pass
print('x')""",
    "warnings are errors": "import warnings\nwarnings.simplefilter('error')\nnp.seterr(all='raise')",
}
