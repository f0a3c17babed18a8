"""Chromium, headless, with what the page's tests ask of it."""
import importlib.util
import json
import pathlib
import shutil
import time
import urllib.parse

from selenium import webdriver
from selenium.webdriver.chrome.service import Service

DROP = """
const [data, name, type] = arguments;
const transfer = new DataTransfer();
transfer.items.add(new File([Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0))], name, { type }));
for (const kind of ["dragenter", "dragover", "drop"]) {
  document.body.dispatchEvent(new DragEvent(kind, { dataTransfer: transfer, bubbles: true, cancelable: true }));
}
"""


def program(*names):
    found = next(filter(None, map(shutil.which, names)), None)
    if not found:
        raise SystemExit(f"none of {', '.join(names)} is installed; Debian has the packages chromium and chromium-driver")
    return found


def axe_source():
    """axe-core's script, from a package that carries it; the newest that is installed."""
    for package in ("axe_playwright_python", "axe_core_python"):
        spec = importlib.util.find_spec(package)
        if spec:
            return (pathlib.Path(spec.submodule_search_locations[0]) / "axe.min.js").read_text()
    raise SystemExit("axe-core is missing: pip install -r requirements.txt")


class Browser(webdriver.Chrome):
    def __init__(self, downloads):
        options = webdriver.ChromeOptions()
        options.binary_location = program("chromium", "chromium-browser", "google-chrome")
        for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars", "--no-first-run"):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        super().__init__(options=options, service=Service(program("chromedriver")))
        self.set_script_timeout(60)
        self.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(downloads)})
        self.messages, self.hosts = [], set()

    def shape(self, width, height, scheme="light"):
        self.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False})
        self.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})

    def drop(self, data, name, kind="image/jpeg"):
        """Drops a file on the page; `data` in base64."""
        self.execute_script(DROP, data, name, kind)

    def axe(self):
        """What axe-core finds wrong, as lines."""
        if not self.execute_script("return Boolean(window.axe)"):
            self.execute_script(axe_source())
        found = self.execute_async_script("axe.run(document, { resultTypes: ['violations'] }).then(arguments[0], (error) => arguments[0]({ error: String(error) }))")
        if "error" in found:
            return [found["error"]]
        return [f"{each['id']}: {each['help']}: {node['html'][:140]} {node.get('failureSummary', '')}" for each in found["violations"] for node in each["nodes"]]

    def gather(self):
        """Takes what was logged since the last time: errors of the console, and hosts that were asked for anything."""
        self.messages += [entry["message"] for entry in self.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]
        for entry in self.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                address = urllib.parse.urlsplit(message["params"]["request"]["url"])
                if address.scheme not in ("blob", "data", "about"):
                    self.hosts.add(address.netloc)


def wait(what, condition, seconds=60):
    """Waits until a condition holds, and gives its value."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds} s in vain for {what}")
        time.sleep(0.05)
