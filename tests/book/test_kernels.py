"""Kernels that tests and commands start: reached without a port that another program could take."""

import hashlib
import os
import platform
import re

import numpy as np
import pytest

from book.arithmetic import ONE_ROUNDING
from book.execute import KERNEL_ENVIRONMENT

from book.kernels import NamedKernelManager


@pytest.mark.skipif(os.name != "posix", reason="sockets with names")
def test_kernels_started_at_once_have_sockets_of_their_own_and_leave_none():
    managers = [NamedKernelManager(kernel_name="python3") for _ in range(2)]
    clients = []
    try:
        for manager in managers:
            manager.start_kernel()
            clients.append(manager.client())
        for client in clients:
            client.start_channels()
            client.wait_for_ready(timeout=120)
        folders = {os.path.dirname(manager.ip) for manager in managers}
        assert {manager.transport for manager in managers} == {"ipc"} and len(folders) == 2
        assert all(len(os.listdir(folder)) == 5 for folder in folders)
    finally:
        for client in clients:
            client.stop_channels()
        for manager in managers:
            manager.shutdown_kernel(now=True)
    assert not any(map(os.path.exists, folders))


def test_tests_wait_for_what_they_need_and_start_kernels_that_take_no_port(root):
    # An error of any kind takes in what Python says of files that another test has left, whenever it finds them.
    luck = re.compile(
        r'wait_for_timeout\(|networkidle|start_new_kernel\(|NotebookClient\(|(simplefilter|filterwarnings)\("error"\)'
    )
    this = "test_kernels.py"
    found = [
        f"{path.name}: {match[0]}"
        for path in (root / "tests").rglob("*.py")
        if path.name != this
        for match in luck.finditer(path.read_text(encoding="utf-8"))
    ]
    assert found == []


@pytest.mark.skipif(platform.machine().lower() not in ("x86_64", "amd64"), reason="other processors, other kernels")
def test_tests_and_chapters_compute_as_on_a_processor_of_2013():
    assert ONE_ROUNDING.items() <= KERNEL_ENVIRONMENT.items()
    kinds = np.lib.introspect.opt_func_info().values()
    assert {entry["current"].split("(")[0] for kind in kinds for entry in kind.values()} == {"X86_V3", "baseline"}
    a = (np.arange(90_000, dtype=np.float32) % 997 / 997).reshape(300, 300)
    assert hashlib.sha256(a @ a).hexdigest()[:8] == "d5ebe1d8"
