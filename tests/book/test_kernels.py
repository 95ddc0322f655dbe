"""Kernels that tests and commands start: reached without a port that another program could take."""

import os
import re

import pytest

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
    luck = re.compile(r"wait_for_timeout\(|networkidle|start_new_kernel\(")
    this = "test_kernels.py"
    found = [
        f"{path.name}: {match[0]}"
        for path in (root / "tests").rglob("*.py")
        if path.name != this
        for match in luck.finditer(path.read_text(encoding="utf-8"))
    ]
    assert found == []
