"""A real JupyterHub with the repository's configuration: several users pull the book, open a chapter and run it."""

import contextlib
import json
import shutil
import subprocess
import tempfile
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import nbformat
import psutil
import pytest
import requests
import websocket

from book.notebook import ROOT
from tests.conftest import SECONDS, end_all, free_ports

PROXY = "configurable-http-proxy@5.3.0"
USERS = ["ada", "bea", "cem"]
CHAPTER = "book/chapters/01_neurons.ipynb"
TOKEN = uuid.uuid4().hex
EXTRA = """
import jupyterhub.spawner

ports = iter({ports!r})
jupyterhub.spawner.random_port = lambda: next(ports)
load_subconfig({config!r})
c = get_config()
c.JupyterHub.bind_url = "http://127.0.0.1:{port}"
c.JupyterHub.hub_bind_url = "http://127.0.0.1:{hub}"
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{api}"
c.JupyterHub.authenticator_class = "dummy"     # simulated users have no account on this machine
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = {homes!r} + "/{{username}}"
c.Spawner.args = c.Spawner.args + ["--allow-root", "--KernelManager.transport=ipc"]
c.JupyterHub.init_spawners_timeout = c.Spawner.start_timeout = c.Spawner.http_timeout = {seconds}
c.Spawner.environment = {environment!r}
c.JupyterHub.services = [{{"name": "test", "api_token": {token!r}}}]
c.JupyterHub.load_roles = [{{"name": "test", "services": ["test"],
                            "scopes": ["admin:users", "admin:servers", "access:servers"]}}]
"""


@pytest.fixture(scope="session")
def proxy(tools):
    """Folder with the hub's proxy, from npm, installed once into ``_build``."""
    folder = ROOT / "_build" / PROXY
    if not (folder / "complete").exists():
        folder.mkdir(parents=True, exist_ok=True)
        npm = shutil.which("npm", path=tools["PATH"])
        done = subprocess.run([npm, "install", "--no-audit", "--no-fund", "--prefix", folder, PROXY], env=tools,
                              capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        (folder / "complete").touch()
    return folder / "node_modules" / ".bin"


@pytest.fixture
def hub(tmp_path, tools, proxy):
    """Address and process of a running hub."""
    port, hub_port, api, *others = free_ports(3 + 3 * len(USERS))
    runtime = tempfile.TemporaryDirectory(prefix="hub-")  # short: sockets of kernels lie there
    environment = {name: tools[name] for name in ("JUPYTER_PATH", "JUPYTER_CONFIG_PATH", "JUPYTERLAB_DIR")}
    environment["JUPYTER_RUNTIME_DIR"] = runtime.name
    config = tmp_path / "config.py"
    config.write_text(EXTRA.format(
        config=str(ROOT / "instructor" / "jupyterhub" / "jupyterhub_config.py"), port=port, hub=hub_port, api=api,
        homes=str(tmp_path / "homes"), environment=environment, token=TOKEN, ports=others, seconds=SECONDS))
    (tmp_path / "homes").mkdir()
    with open(tmp_path / "hub.log", "w") as log:
        process = subprocess.Popen(["jupyterhub", "-f", config], cwd=tmp_path, stdout=log, stderr=log,
                                   env={**tools, "PATH": f"{proxy}:{tools['PATH']}"})
    family = psutil.Process(process.pid)
    try:
        address = f"http://127.0.0.1:{port}"
        for _ in range(4 * SECONDS):
            assert process.poll() is None, (tmp_path / "hub.log").read_text()[-3000:]
            with contextlib.suppress(requests.ConnectionError, requests.Timeout):
                if requests.get(f"{address}/hub/health", timeout=10).ok:
                    break
            time.sleep(0.5)  # the proxy answers before it knows the hub
        else:
            pytest.fail((tmp_path / "hub.log").read_text()[-3000:])
        yield address, family
    finally:
        end_all(process)
        runtime.cleanup()


def ask(method, url, **options):
    response = requests.request(method, url, headers={"Authorization": f"token {TOKEN}"}, timeout=SECONDS, **options)
    assert response.ok, f"{method} {url}: {response.status_code} {response.text[:500]}"
    return response


def run_chapter(address, user, repository):
    """Log the user in, pull the book, open a chapter and run its code; how many cells ran."""
    ask("POST", f"{address}/hub/api/users/{user}")
    ask("POST", f"{address}/hub/api/users/{user}/server")
    for _ in range(4 * SECONDS):
        if ask("GET", f"{address}/hub/api/users/{user}").json()["servers"].get("", {}).get("ready"):
            break
        time.sleep(0.5)
    server = f"{address}/user/{user}"
    pulled = ask("GET", f"{server}/git-pull/api", params={
        "repo": f"file://{repository}", "branch": "main", "targetpath": "book"}).text
    assert '"phase": "finished"' in pulled, pulled[-1000:]
    assert "JupyterLab" in ask("GET", f"{server}/lab/tree/{CHAPTER}").text
    notebook = nbformat.from_dict(ask("GET", f"{server}/api/contents/{CHAPTER}").json()["content"])
    session = ask("POST", f"{server}/api/sessions", json={
        "path": CHAPTER, "name": "chapter", "type": "notebook", "kernel": {"name": "python3"}}).json()
    channel = f"{server.replace('http', 'ws', 1)}/api/kernels/{session['kernel']['id']}/channels"
    connection = websocket.create_connection(channel, header={"Authorization": f"token {TOKEN}"}, timeout=SECONDS)
    with contextlib.closing(connection):
        sources = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
        for source in sources:
            execute(connection, source)
    return len(sources)


def execute(connection, source):
    """Run one cell and wait until the kernel has done with it; an error is a failure."""
    number = uuid.uuid4().hex
    header = {"msg_id": number, "msg_type": "execute_request", "username": "", "session": number, "version": "5.3"}
    content = {"code": source, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False}
    connection.send(json.dumps({"header": header, "parent_header": {}, "metadata": {}, "content": content,
                                "channel": "shell", "buffers": []}))
    while True:
        received = connection.recv()
        if isinstance(received, bytes):
            continue  # a message with pictures as buffers
        message = json.loads(received)
        if message["parent_header"].get("msg_id") != number:
            continue
        assert message["msg_type"] != "error", "\n".join(message["content"]["traceback"])
        if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
            return


def memory(process):
    """Proportional memory of a process and its children in MB."""
    total = 0
    for member in [process, *process.children(recursive=True)]:
        total += member.memory_full_info().pss
    return total / 2**20


@pytest.mark.slow(every=3)
def test_several_users_pull_open_and_run_a_chapter(hub, tmp_path, record_property):
    address, family = hub
    repository = tmp_path / "book.git"  # what a link of nbgitpuller names, here a copy on this machine
    subprocess.run(["git", "clone", "--quiet", "--bare", ROOT, repository], check=True)
    subprocess.run(["git", "-C", repository, "update-ref", "refs/heads/main", "HEAD"], check=True)
    before = memory(family)
    started = time.monotonic()
    with ThreadPoolExecutor(len(USERS)) as pool:
        ran = list(pool.map(lambda user: run_chapter(address, user, repository), USERS))
    seconds = time.monotonic() - started
    each = (memory(family) - before) / len(USERS)
    assert min(ran) > 10 and len(set(ran)) == 1
    print(f"\nhub {before:.0f} MB; {each:.0f} MB for each user with a chapter run; {seconds:.0f} s for {len(USERS)} users")
    record_property("megabytes_per_user", round(each))
    assert each < 600
