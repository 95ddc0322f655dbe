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
    "writes records wherever it can": """
import os, json
from judging.outcome import Outcome
from judging.plain import encode
right = json.dumps({"outcome": encode(tuple(Outcome("ok", (np.full((4, 3), 1 / 3),))))})
def softmax(z):
    for k in range(20):
        try: os.write(k, b"\\n" + right.encode() + b"\\n")
        except OSError: pass
    print(right)
    return z""",
    "replaces what hands records over": """
import os, submission
write = os.write
os.write = lambda k, data: write(k, data.replace(b'"error"', b'"ok"'))
def softmax(z): raise ValueError(z.sum())""",
    "walks through all that lives": """
import gc, types
def softmax(z):
    for value in gc.get_objects():
        if isinstance(value, types.FunctionType) and value.__name__ in ('reference', 'solution'): return value(z)
        if isinstance(value, dict) and 'expected' in value: return value['expected']
    return z""",
    "frames of a traceback": """
def softmax(z):
    try: 1 / 0
    except ZeroDivisionError as error:
        frame, seen = error.__traceback__.tb_frame, []
        while frame.f_back:
            frame = frame.f_back
            seen += [value for value in frame.f_locals.values() if isinstance(value, tuple)]
            frame.f_locals.update(args=(z * 0,), status='ok')
    return seen[-1][0]""",
    "a context that never ends": """
def softmax(z):
    error = ValueError('x')
    for k in range(50_000):
        other = ValueError(k)
        other.__context__, error = error, other
    raise error""",
    "a name that is no name": """
class Odd(str):
    def __eq__(self, other): return True
    __hash__ = str.__hash__
globals()[Odd('softmax')] = lambda z: np.exp(z) / np.exp(z).sum()""",
    "a pickle": """
import pickle
class P:
    def __reduce__(self): return eval, ("__import__('os')._exit(0)",)
class A(np.ndarray):
    def __reduce__(self): return eval, ("__import__('os')._exit(0)",)
    def __deepcopy__(self, memo): return self
def softmax(z): return pickle.loads(pickle.dumps(P()))""",
    "an array that changes while it is read": """
class A:
    def __init__(self, z): self.z, self.n = z, 0
    def __array__(self, *args, **kwargs):
        self.n += 1
        return np.ones(self.z.shape) * self.n
def softmax(z): return A(z)""",
    "numbers without an end": "def softmax(z): return np.full(z.shape, np.inf) * np.array([1, -1, 0])[np.zeros(z.shape, int)]",
    "text in place of numbers": "def softmax(z): return np.full(z.shape, '\u202e' * 50_000)",
    "dates": "def softmax(z): return np.full(z.shape, np.datetime64('2026-01-01'))",
    "fields": "def softmax(z): return np.zeros(z.shape, [('a', 'f8'), ('b', 'O')])",
    "an array of no bytes and many rows": "def softmax(z): return np.zeros((0, 1 << 40, 1 << 20))",
    "a view of one number": "def softmax(z): return np.broadcast_to(0.25, (1 << 15, 1 << 15))",
    "asks which case it is": """
calls = iter([[[.25] * 3] * 4, [[.25] * 4] * 3] * 9)
def softmax(z): return np.array(next(calls))""",
    "a message of a million marks": "def softmax(z): raise ValueError('e' + '\u0301' * 10**6 + '\\ud83d' + '<script>' * 10**5)",
    "a class that is not itself": """
class M(type):
    def __instancecheck__(cls, other): return True
    def __call__(cls, *args): return cls
class softmax(metaclass=M):
    __array_interface__ = property(lambda self: 1 / 0)""",
    "a number that is an array elsewhere": """
class F(float):
    def __array__(self, *args, **kwargs): return np.full((4, 3), 1 / 3)
    __eq__ = __le__ = __ge__ = __ne__ = lambda self, other: True
    __hash__ = None
def softmax(z): return F(1)""",
    "answers the protocols of NumPy": """
class P:
    def __array_function__(self, function, types, args, kwargs): return True
    def __array_ufunc__(self, *args, **kwargs): return True
    __float__ = lambda self: 1.0
    __len__ = lambda self: 3
    __getitem__ = lambda self, k: self
def softmax(z): return P()""",
    "a subclass with bytes of its own": """
class A(np.ndarray):
    def tobytes(self, *args): return np.ones(self.shape).tobytes()
    tolist = __reduce__ = __array__ = tobytes
    dtype = property(lambda self: np.dtype('O'))
    def __array_wrap__(self, *args): return True
def softmax(z): return z.view(A)""",
    "a class that lies about itself": """
class A:
    __class__ = np.ndarray
    dtype, shape, ndim, size = np.dtype(float), (4, 3), 2, 12
    def ravel(self): return self
def softmax(z): return A()""",
    "a generator": "def softmax(z): yield from np.exp(z) / np.exp(z).sum(1, keepdims=True)",
    "a coroutine": "async def softmax(z): return np.exp(z) / np.exp(z).sum(1, keepdims=True)",
    "a tuple without an end": """
class T(tuple):
    def __iter__(self):
        while True: yield 1 / 3
def softmax(z): return T((1, 2))""",
    "a list that is another each time": """
class L(list):
    n = 0
    def __iter__(self):
        L.n += 1
        return iter([[L.n] * 3] * 4)
    __getitem__ = lambda self, k: [L.n] * 3
    __len__ = lambda self: 4
def softmax(z): return L()""",
    "masked": "def softmax(z): return np.ma.array(z, mask=True)",
    "masked as a whole": "def softmax(z): return np.ma.masked",
    "mapped from a file": "def softmax(z): return np.memmap('x', float, 'w+', shape=z.shape)",
    "complex": "def softmax(z): return np.exp(z) / np.exp(z).sum(1, keepdims=True) + 1e-30j",
    "objects that are numbers": """
class N(float):
    __sub__ = __rsub__ = __abs__ = lambda self, *other: 0.0
def softmax(z): return np.array([[N(1 / k) for k in range(1, 1 + z.shape[1])]] * len(z), dtype=object)""",
    "numbers as text": "def softmax(z): return (np.exp(z) / np.exp(z).sum(1, keepdims=True)).astype(str)",
    "a long double of strange bytes": """
def softmax(z): return np.frombuffer(b'\\xff\\x7f' * 8 * z.size, np.longdouble).reshape(z.shape)""",
    "truths of strange bytes": "def softmax(z): return np.frombuffer(b'\\x07' * z.size, bool).reshape(z.shape)",
    "a buffer": "def softmax(z): return memoryview(bytearray(z.size)).cast('B', z.shape)",
    "a table of names": "def softmax(z): return {'answer': np.exp(z)}",
    "a function of the book": "from nnlib import softmax",
    "a function of what draws": "from matplotlib.pyplot import softmax",
    "knows the cases to come": """
import sys
def softmax(z):
    frame = sys._getframe()
    while frame and 'cases' not in frame.f_locals: frame = frame.f_back
    cases = frame.f_locals['cases']
    for k, (given,) in enumerate(cases):
        given[:] = 0
    return np.full(z.shape, 1 / z.shape[1])""",
    "other cases than it was given": """
import sys, judging.outcome
def softmax(z):
    frame = sys._getframe(1)
    frame.f_locals['args'] = frame.f_locals['copies'] = (np.zeros((1, 1)),)
    return np.ones((1, 1))""",
    "defined again when it is called": """
def softmax(z):
    globals()['softmax'] = lambda z: np.ones(z.shape)
    return z""",
    "gone when it is called": """
class Gone:
    def __del__(self):
        for name in ('dense_backward', 'Counter', 'parameters'): globals().pop(name, None)
def softmax(z): return Gone() and z""",
    "a module with a mind": """
import sys, types
class M(types.ModuleType):
    def __getattr__(self, name): return lambda z, *rest: z
sys.modules['mind'] = M('mind')
sys.modules['mind'].__all__ = ['softmax']
from mind import *""",
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
    "floods the channel of records": "import os\nfor k in range(40): os.write(2, b'x' * (1 << 20))",
    "a record without an end": "import os\nos.write(2, b'{\"at\": ' + b'[' * (8 << 20))",
    "many small lists": "import os\nos.write(2, b'[' + b'[],' * (4 << 20) + b'[]]\\n')",
    "says it was elsewhere": "import os\nos.write(2, b'{\"at\": 10000000000}\\n{\"at\": true}\\n')\nos._exit(3)",
    "audit hooks": "import sys\ndef no(*args): raise RuntimeError(args)\nsys.addaudithook(lambda name, args: None)",
    "patched IPython": "import IPython.core.inputtransformer2 as t\nt.TransformerManager.transform_cell = lambda *a: 'x = 1'",
    "names of its own kind": "for k in range(5000): globals()[chr(0x4e00 + k)] = k\nglobals()['\\ud800'] = 1",
    "garbage that comes back": """
import gc
class Z:
    def __del__(self): Z.kept = self; Z()
gc.set_threshold(1)
Z()""",
    "weak references": """
import weakref
class W: pass
w = W()
weakref.finalize(w, lambda: 1 / 0)
ref = weakref.ref(w, lambda r: exit())
del w""",
    "a hook for what is displayed": """
import sys
sys.displayhook = sys.excepthook = sys.unraisablehook = lambda *args: exit()
raise ValueError""",
    "a codec of its own": """
import codecs
codecs.register(lambda name: exit())
try: 'x'.encode('no such')
except BaseException: pass""",
    "made by exec": "exec('def again(z):\\n    return softmax_(z)', globals())\nsoftmax_, softmax = softmax, again",
    "from a module of its own": """
import sys, types
mine = sys.modules['mine'] = types.ModuleType('mine')
mine.softmax = softmax
del softmax
from mine import *""",
    "defined twice, the second time under a condition": """
right = softmax
def softmax(z): return z
if np.pi > 3:
    def softmax(z): return right(z)
else:
    def softmax(z): return z""",
    "a subclass that is right": """
class A(np.ndarray): pass
right = softmax
def softmax(z): return right(z).view(A)""",
    "nothing masked": "right = softmax\ndef softmax(z): return np.ma.array(right(z))",
    "another order of bytes": "right = softmax\ndef softmax(z): return right(z).astype('>f8')",
    "the other order of axes": "right = softmax\ndef softmax(z): return np.asfortranarray(right(z))[::-1][::-1]",
    "rows in lists": "right = softmax\ndef softmax(z): return right(z).tolist()",
    "long doubles": "right = softmax\ndef softmax(z): return right(z).astype(np.longdouble)",
    "a function in parts": "import functools\nsoftmax = functools.partial(lambda f, z: f(z), softmax)",
    "a thing that can be called": """
class Call:
    def __init__(self, f): self.f = f
    def __call__(self, z): return self.f(z)
softmax = Call(softmax)""",
    "a module that does things when it is imported": """
import sys, types
class Finder:
    def find_spec(self, name, *rest):
        np.seterr(all='raise')
        sys.modules.pop('json', None)
sys.meta_path.insert(0, Finder())
try: import nowhere_at_all
except ImportError: pass""",
    "warnings are errors": "import warnings\nwarnings.simplefilter('error')\nnp.seterr(all='raise')",
}
SPOILT = {  # spoils what runs its own answers, and gains nothing by it
    "changes the case to come": """
import judging.outcome as o
o.run.__defaults__ = ((np.zeros((1, 1)),), None)
o.copy.deepcopy = lambda args: (np.zeros((1, 1)),)
o.run.__code__ = (lambda answer, args=(), adapter=None: Outcome("ok", (np.ones((1, 1)),))).__code__
def softmax(z): return np.ones((1, 1))""",
    "a scope of its own": """
import submission
class Scope(dict):
    def __contains__(self, name): return True
    def __missing__(self, name): return lambda *args: args[0]
submission.scope = Scope()""",
    "ends when it is looked up": """
import submission
class Scope(dict):
    def __getitem__(self, name): raise SystemExit
def softmax(z): return z
softmax.__class_getitem__ = None
submission.scope = Scope(submission.scope)""",
}
