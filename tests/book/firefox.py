"""A headless Firefox, driven by Marionette, its own protocol (https://firefox-source-docs.mozilla.org/testing/marionette).

Playwright drives only a Firefox that it has built itself.
"""

import json
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from tests.conftest import end_all

PROGRAM = shutil.which("firefox") or shutil.which("firefox-esr")
PREFERENCES = {  # only 127.0.0.1 is in reach: all else goes to a proxy that does not listen
    "marionette.port": 0, "network.proxy.type": 1, "network.proxy.http": "127.0.0.1", "network.proxy.http_port": 9,
    "network.proxy.ssl": "127.0.0.1", "network.proxy.ssl_port": 9, "network.proxy.no_proxies_on": "127.0.0.1",
    "app.update.enabled": False, "datareporting.policy.dataSubmissionEnabled": False, "browser.shell.checkDefaultBrowser": False,
    "toolkit.telemetry.enabled": False, "browser.startup.page": 0, "services.settings.server": "data:,",
}  # fmt: skip


class Firefox:
    """``goto(url)`` and ``evaluate(function, argument)``, as Playwright's page has them."""

    def __init__(self, port, seconds):
        self.profile = tempfile.TemporaryDirectory(prefix="firefox-", ignore_cleanup_errors=True)
        lines = [f"user_pref({json.dumps(k)}, {json.dumps(v)});" for k, v in (PREFERENCES | {"marionette.port": port}).items()]
        Path(self.profile.name, "user.js").write_text("\n".join(lines), encoding="utf-8")
        command = [PROGRAM, "--headless", "--marionette", "--no-remote", "--profile", self.profile.name]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + seconds
        while True:
            try:
                self.socket = socket.create_connection(("127.0.0.1", port), timeout=seconds)
                break
            except OSError:
                if time.monotonic() > end or self.process.poll() is not None:
                    raise
                time.sleep(0.1)
        self.count = 0
        self._receive()
        self.send("WebDriver:NewSession", {})
        self.send("WebDriver:SetTimeouts", {"script": 1000 * seconds, "pageLoad": 1000 * seconds})

    def _receive(self):
        size = b""
        while not size.endswith(b":"):
            size += self._some(1)
        return json.loads(self._some(int(size[:-1])))

    def _some(self, count):
        data = b""
        while len(data) < count:
            part = self.socket.recv(count - len(data))
            if not part:
                raise ConnectionError("Firefox has gone")
            data += part
        return data

    def send(self, command, parameters):
        self.count += 1
        message = json.dumps([0, self.count, command, parameters]).encode()
        self.socket.sendall(b"%d:%s" % (len(message), message))
        _, _, error, result = self._receive()
        if error:
            raise RuntimeError(f"{command}: {error['message']}")
        return result

    def goto(self, url):
        self.send("WebDriver:Navigate", {"url": url})

    def evaluate(self, function, argument=None):
        script = f"""const [argument, done] = arguments;
            Promise.resolve(({function})(argument)).then(value => done({{value}}), error => done({{error: String(error)}}))"""
        parameters = {"script": script, "args": [argument], "newSandbox": False, "sandbox": None}
        answer = self.send("WebDriver:ExecuteAsyncScript", parameters)["value"]
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer.get("value")

    def close(self):
        self.socket.close()
        end_all(self.process)
        self.profile.cleanup()
