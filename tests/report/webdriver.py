"""A small client of the W3C WebDriver protocol, for Debian's chromium."""

import base64
import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"

# No sandbox, since the tests run as root; and nothing that asks the network for anything.
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
]

KEYS = {
    "left": "\ue012",
    "up": "\ue013",
    "right": "\ue014",
    "down": "\ue015",
    "home": "\ue011",
    "end": "\ue010",
    "tab": "\ue004",
    "escape": "\ue00c",
    "enter": "\ue007",
}


class DriverError(Exception):
    pass


class Browser:
    """A chromium of its own, with an empty profile; to be used in a `with`."""

    def __init__(self, dark=False, javascript=True, limit=300):
        self.limit = limit
        self.directory = tempfile.mkdtemp(prefix="segmap-browser-")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.base = f"http://127.0.0.1:{probe.getsockname()[1]}"
        port = self.base.rsplit(":", 1)[1]
        self.driver = subprocess.Popen(
            ["/usr/bin/chromedriver", f"--port={port}"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=dict(os.environ, HOME=self.directory),
        )
        try:
            self.session = self.open_session(dark, javascript)
        except BaseException:
            self.close()
            raise

    def open_session(self, dark, javascript):
        preferences = {} if javascript else {"profile.managed_default_content_settings.javascript": 2}
        options = {
            "binary": "/usr/bin/chromium",
            "args": FLAGS + [f"--user-data-dir={self.directory}/profile"],
            "prefs": preferences,
        }
        wanted = {"browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        end = time.monotonic() + self.limit
        while True:
            try:
                answer = self.send("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
                break
            except (ConnectionError, urllib.error.URLError):
                if time.monotonic() > end or self.driver.poll() is not None:
                    raise
                time.sleep(0.1)  # until the driver listens
        self.prefix = f"/session/{answer['sessionId']}"
        self.emulate(dark)
        return answer["sessionId"]

    def emulate(self, dark=False, media=""):
        features = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.devtools("Emulation.setEmulatedMedia", {"media": media, "features": features})

    def send(self, method, path, body=None):
        data = json.dumps(body or {}).encode() if method == "POST" else None
        request = urllib.request.Request(self.base + path, data, {"Content-Type": "application/json"}, method=method)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=self.limit) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            value = json.load(error)["value"]
            raise DriverError(f"{path}: {value['error']}: {value['message']}") from None

    def post(self, path, body=None):
        return self.send("POST", self.prefix + path, body)

    def get(self, path):
        return self.send("GET", self.prefix + path)

    def devtools(self, command, parameters=None):
        return self.post("/goog/cdp/execute", {"cmd": command, "params": parameters or {}})

    def open(self, path):
        self.post("/url", {"url": "file://" + os.path.abspath(path)})

    def resize(self, width, height):
        self.devtools(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False},
        )

    def run(self, script, *args):
        return self.post("/execute/sync", {"script": script, "args": list(args)})

    def find(self, selector):
        return self.post("/element", {"using": "css selector", "value": selector})[ELEMENT]

    def text(self, selector):
        return self.get(f"/element/{self.find(selector)}/text")

    def click(self, selector):
        self.post(f"/element/{self.find(selector)}/click")

    def press(self, *keys):
        """To whatever has the focus."""
        actions = []
        for key in keys:
            value = KEYS.get(key, key)
            actions += [{"type": "keyDown", "value": value}, {"type": "keyUp", "value": value}]
        self.post("/actions", {"actions": [{"type": "key", "id": "keyboard", "actions": actions}]})

    def hover(self, x, y):
        move = {"type": "pointerMove", "duration": 0, "x": int(x), "y": int(y), "origin": "viewport"}
        self.post("/actions", {"actions": [{"type": "pointer", "id": "mouse", "actions": [move]}]})

    def log(self):
        """What the console has said since the last time."""
        return [entry for entry in self.post("/se/log", {"type": "browser"})]

    def screenshot(self, path=None):
        data = base64.b64decode(self.get("/screenshot"))
        if path:
            with open(path, "wb") as file:
                file.write(data)
        return data

    def print_pdf(self):
        """By the command below WebDriver's own, which gives up after ten seconds."""
        return base64.b64decode(self.devtools("Page.printToPDF", {"printBackground": True})["data"])

    def close(self):
        try:
            if getattr(self, "session", None):
                self.send("DELETE", self.prefix)
        except (DriverError, OSError):
            pass
        self.driver.terminate()
        self.driver.wait()
        shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def count_pdf_pages(data):
    return len(re.findall(rb"/Type\s*/Page\b", data))
