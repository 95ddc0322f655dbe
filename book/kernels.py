"""Kernels that are reached by sockets with names, where the system has them; also a plugin that gives them to nbval.

A kernel's TCP ports are chosen before it listens on them. Until it does, another program can take one, even the client
that waits for it: of some hundred starts on a busy machine, one fails with "Kernel died before replying".
"""

import os
import tempfile

from jupyter_client import AsyncKernelManager, KernelManager
from jupyter_client.connect import ConnectionFileMixin
from traitlets import default


class _Named(ConnectionFileMixin):
    """Where the kernel of a manager is to be found."""

    @default("transport")
    def _transport(self):
        return "ipc" if os.name == "posix" else "tcp"

    @default("ip")
    def _ip(self):
        if self.transport == "tcp":
            return super()._ip_default()
        self._folder = tempfile.TemporaryDirectory(prefix="kernel-")  # a socket's path has at most about 100 letters
        return os.path.join(self._folder.name, "socket")

    def cleanup_ipc_files(self):
        super().cleanup_ipc_files()
        if folder := self.__dict__.pop("_folder", None):
            folder.cleanup()


class NamedKernelManager(_Named, KernelManager):
    """A kernel for one thread."""


class AsyncNamedKernelManager(_Named, AsyncKernelManager):
    """A kernel for nbclient."""


def pytest_configure():
    import nbval.kernel
    import nbval.plugin

    nbval.kernel.KernelManager = NamedKernelManager
    words = nbval.plugin.IPyNbCell.repr_failure

    def repr_failure(self, excinfo):
        """nbval says that execution failed where the cell ran and its output is another."""
        said = words(self, excinfo)
        if "Cell outputs differ" not in str(excinfo.value):
            return said
        chapter = self.fspath.purebasename
        cure = f"{chapter}, code cell {self.cell_num + 1}: the output is not the one stored. Meant? make chapters C={chapter}"
        return said.replace("Notebook cell execution failed", cure, 1)

    nbval.plugin.IPyNbCell.repr_failure = repr_failure
