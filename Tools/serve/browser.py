#!/usr/bin/env python3
"""Uses the page of `deblurdiff serve` as a person would, in Chromium.

    browser.py http://127.0.0.1:7860                        # a server that runs
    browser.py --program .build/release/deblurdiff --model Models/small.ddiff.safetensors

Photographs are dropped, watched, compared, downloaded, cancelled and forgotten; the page is reloaded in the middle, and where this script starts the server, the server is killed in
the middle. Pictures of the page at three widths in both colour schemes go to --out. Ends with status 1 where anything is not as it should be: also an error in the browser's console, a
request to another host, or a finding of axe-core.
"""
import argparse
import base64
import io
import json
import pathlib
import sys
import tempfile
import time
import traceback
import urllib.error
import urllib.request

from PIL import Image
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver import ActionChains, Keys
from selenium.webdriver.common.by import By

from chromium import Browser, wait
from server import Server

ROOT = pathlib.Path(__file__).resolve().parents[2]
WIDTHS = {390: 844, 820: 1180, 1440: 900}


def photograph(turned=False):
    """The repository's blurred cat as a JPEG."""
    image = Image.open(ROOT / "Models/cat-blurred.png").convert("RGB")
    out = io.BytesIO()
    (image.transpose(Image.Transpose.ROTATE_90) if turned else image).save(out, "JPEG", quality=92)
    return out.getvalue()


class Test:
    def __init__(self, address, token, out, server=None):
        self.address, self.token, self.out, self.server = address.rstrip("/"), token, out, server
        out.mkdir(parents=True, exist_ok=True)
        self.downloads = tempfile.TemporaryDirectory()
        self.browser = Browser(self.downloads.name)
        self.failures = []
        self.steps_for = lambda seconds: 100

    # The server, without the page.

    def answers(self):
        try:
            return self.get("/")
        except urllib.error.URLError:
            return None

    def get(self, path):
        request = urllib.request.Request(self.address + path, headers={"Authorization": f"Bearer {self.token}"} if self.token else {})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.read()

    def job(self, name):
        return json.loads(self.get(f"/v1/jobs/{name}"))

    # The page.

    def find(self, selector):
        return self.browser.find_element(By.CSS_SELECTOR, selector)

    def text(self, selector):
        return self.browser.execute_script("return document.querySelector(arguments[0])?.textContent ?? ''", selector)

    def press(self, words):
        """Clicks the button with these words, which the page may be putting in place of another at this moment."""
        def click():
            try:
                for each in self.browser.find_elements(By.TAG_NAME, "button"):
                    if each.is_displayed() and each.is_enabled() and each.text.strip() == words:
                        each.click()
                        return True
            except StaleElementReferenceException:
                pass
            return False
        wait(f"the button '{words}'", click)

    def open(self):
        self.browser.get(self.address + "/" + (f"#token={self.token}" if self.token else ""))
        wait("the page", lambda: self.browser.execute_script("return document.documentElement.dataset.ready"))

    def state(self):
        return self.browser.execute_script("const job = document.getElementById('job'); return job.hidden ? null : job.dataset.state")

    def looked(self):
        return self.browser.execute_script("return new URLSearchParams(location.hash.slice(1)).get('job')")

    def pictures(self, name):
        for width, height in WIDTHS.items():
            for scheme in ("light", "dark"):
                self.browser.shape(width, height, scheme)
                time.sleep(0.25)
                self.browser.save_screenshot(str(self.out / f"{name}-{width}-{scheme}.png"))
                wide = self.browser.execute_script("return document.documentElement.scrollWidth")
                self.check(wide <= width, f"{name} at {width} pixels is {wide} wide")
        self.browser.shape(1440, 900)

    def accessible(self, name):
        for scheme in ("light", "dark"):
            self.browser.shape(1440, 900, scheme)
            time.sleep(0.3)
            for line in self.browser.axe():
                self.check(False, f"{name}, {scheme}: {line}")
        self.browser.shape(1440, 900)

    def check(self, holds, words):
        if not holds:
            print(f"  FAILED: {words}", flush=True)
            self.failures.append(words)

    def restore(self, data, name, steps=None, explain=False):
        """Drops a photograph and sends it; gives the job's id."""
        self.browser.drop(base64.b64encode(data).decode(), name)
        wait("the photograph on the tray", lambda: name in self.text(".tiles"))
        self.browser.execute_script("for (const each of document.querySelectorAll('.tray details')) each.open = true")
        field = self.find("#option-steps")
        field.clear()
        if steps:
            field.send_keys(str(steps), Keys.TAB)
        else:
            field.send_keys(Keys.TAB)
        for box in self.browser.find_elements(By.ID, "option-explain"):
            if box.is_selected() != explain:
                box.click()
        wait("an estimate", lambda: "Takes" in self.text(".tray .summary"))
        before = self.looked()
        self.press("Restore")
        return wait("the job", lambda: self.looked() != before and self.state() and self.looked())

    # What people do.

    def invites(self):
        wait("an answer of the server", self.answers)
        self.open()
        self.check("Drop photographs here, paste them, or choose files" in self.text(".invitation"), "an empty page does not invite")
        self.accessible("empty")
        self.pictures("1-empty")

    def restores(self):
        data = photograph()
        self.browser.drop(base64.b64encode(data).decode(), "A cat.jpg")
        wait("an estimate for each preset", lambda: all(each.text for each in self.browser.find_elements(By.CSS_SELECTOR, ".preset .time")))
        self.accessible("tray")
        self.pictures("2-tray")
        self.press("Never mind")
        job = self.restore(data, "A cat.jpg", 40, explain=True)
        seen = set()
        wait("the progress of a job", lambda: seen.add(self.text(".live p")) or any("Step" in each for each in seen) or self.state() == "done")
        wait("the result", lambda: self.state() == "done", 300)
        self.check(any("Step" in each for each in seen), f"no step was shown, only {sorted(seen)}")
        self.check(self.get(f"/v1/jobs/{job}/input") == data, "the server has another photograph than was dropped")
        wait("both pictures", lambda: self.browser.execute_script("return document.querySelectorAll('.layer img').length") == 2)
        wait("the label of the result", lambda: self.text(".tag.after") == "After")
        self.press("Download")
        name = self.job(job)["result"]["name"]
        file = pathlib.Path(self.downloads.name) / name
        wait("the download", lambda: file.exists() and file.stat().st_size > 0)
        time.sleep(0.3)
        self.check(file.read_bytes() == self.get(f"/v1/jobs/{job}/result"), "the download is not the result")
        record = self.job(job)
        each = max(record["seconds"] / 40, 1e-3)
        self.steps_for = lambda seconds: max(20, min(1000, int(seconds / each)))

    def compares(self):
        time.sleep(1.2)
        knob = self.find(".knob")
        value = lambda: int(knob.get_attribute("aria-valuenow"))
        clip = lambda: self.browser.execute_script("return document.querySelector('.layer').style.clipPath")
        zoom = lambda: int(self.text(".tools .zoom").split()[0])
        self.check(value() == 50, f"the divider begins at {value()} %")
        start = clip()
        knob.send_keys(Keys.ARROW_LEFT, Keys.ARROW_LEFT)
        self.check(value() == 46 and clip() != start, "the left arrow does not move the divider")
        knob.send_keys(Keys.END)
        self.check(value() == 100, "End does not move the divider to the right edge")
        ActionChains(self.browser).drag_and_drop_by_offset(knob, -200, 0).perform()
        self.check(0 < value() < 90, f"the mouse does not move the divider, it is at {value()} %")
        fit = zoom()
        knob.send_keys("1")
        self.check(zoom() == 100, f"'1' shows {zoom()} %, not 100 %")
        knob.send_keys("+", "+")
        self.check(zoom() > 100, "'+' does not zoom")
        knob.send_keys("0")
        self.check(zoom() == fit, "'0' does not fit")
        surface = self.find(".surface")
        self.browser.execute_script(
            "const box = arguments[0].getBoundingClientRect();"
            "for (let k = 0; k < 12; k += 1) arguments[0].dispatchEvent(new WheelEvent('wheel', { deltaY: -120, clientX: box.x + 100, clientY: box.y + 100, bubbles: true, cancelable: true }))", surface)
        self.check(zoom() > fit, "the wheel does not zoom")
        place = lambda: self.browser.execute_script("return document.querySelector('.layer img').style.transform")
        before = place()
        ActionChains(self.browser).move_to_element_with_offset(surface, -200, 120).click_and_hold().move_by_offset(-60, -40).release().perform()
        self.check(place() != before, "dragging does not pan a picture that is zoomed")
        knob.send_keys("0", Keys.HOME, *([Keys.PAGE_UP] * 5))
        wait("guidance and blur map", lambda: self.browser.find_elements(By.CSS_SELECTOR, ".choices button"))
        wait("their pictures", lambda: self.browser.execute_script("return [...document.querySelectorAll('.choices canvas')].every((each) => each.width > 96)"), 30)
        self.accessible("done")
        self.pictures("4-done")
        choices = self.browser.find_elements(By.CSS_SELECTOR, ".choices button")
        self.check(len(choices) > 1, "neither guidance nor blur map can be chosen")
        if len(choices) > 1:
            choices[1].click()
            wait("guidance on the right side", lambda: self.text(".tag.after") != "After")
            self.pictures("5-guidance")
            self.browser.find_elements(By.CSS_SELECTOR, ".choices button")[0].click()
            wait("the result on the right side", lambda: self.text(".tag.after") == "After")

    def cancels(self):
        job = self.restore(photograph(True), "Second.jpg", self.steps_for(60))
        wait("its start", lambda: self.state() == "running" and "Step" in self.text(".live p"))
        wait("a preview", lambda: self.browser.execute_script("return document.querySelectorAll('.layer img').length") == 2)
        self.accessible("running")
        self.pictures("3-running")
        self.press("Cancel")
        wait("the end of a cancelled job", lambda: self.state() == "cancelled", 30)
        self.check(self.job(job)["state"] == "cancelled", "the server did not cancel the job")
        self.check("Cancelled" in self.text(".notes"), "the page does not say that the job was cancelled")

    def goes_on(self):
        job = self.restore(photograph(), "Third.jpg", self.steps_for(15))
        wait("some steps", lambda: self.state() == "running" and "Step" in self.text(".live p"))
        self.browser.refresh()
        wait("the same job after a reload", lambda: self.state() == "running" and self.looked() == job)
        first = wait("its progress", lambda: "Step" in self.text(".live p") and self.text(".live p"))
        wait("more progress", lambda: self.state() != "running" or self.text(".live p") != first)
        wait("its result", lambda: self.state() == "done", 120)
        self.check(len(self.get(f"/v1/jobs/{job}/result")) > 0, "there is no result after a reload")

    def survives(self):
        """The server is killed in the middle and started again."""
        job = self.restore(photograph(), "Fourth.jpg", self.steps_for(25))
        wait("some steps", lambda: self.state() == "running" and "Step" in self.text(".live p"))
        self.browser.gather()
        self.server.kill()
        wait("a word about it", lambda: self.find("#connection").is_displayed(), 20)
        self.pictures("7-away")
        self.server.start(self.server.port)
        wait("its return", lambda: not self.find("#connection").is_displayed(), 40)
        wait("the result after a restart", lambda: self.state() == "done", 200)
        self.check(self.job(job)["state"] == "done", "the server lost a job")
        # The browser itself writes each refused connection to its console.
        self.browser.get_log("browser")

    def refuses(self):
        self.browser.drop(base64.b64encode(b"no image at all").decode(), "Letter.jpg")
        self.press("Restore")
        wait("the server's words", lambda: len(self.text(".tile.refused .note")) > 10)
        self.accessible("refused")
        self.pictures("6-refused")
        self.find(".tile .away").click()
        # The browser writes the answer's status to its console, as it should.
        self.browser.messages += [line["message"] for line in self.browser.get_log("browser") if "status of 422" not in line["message"]]

    def forgets(self):
        self.find(".item").click()
        job = wait("a job", self.looked)
        self.press("Forget")
        wait("a question", lambda: self.find("dialog").is_displayed())
        self.accessible("dialog")
        self.find("dialog .danger").click()
        wait("its end", lambda: self.looked() != job)
        try:
            self.job(job)
            self.check(False, "the server has not forgotten")
        except urllib.error.HTTPError as error:
            self.check(error.code == 404, f"a forgotten job answers {error.code}")

    def works_by_keyboard(self):
        """Everything that can be used is reached with Tab, has a name, and shows that it has the focus."""
        self.find("#home").send_keys(Keys.NULL)
        reached = []
        for _ in range(60):
            ActionChains(self.browser).send_keys(Keys.TAB).perform()
            here = self.browser.execute_script("""
                const element = document.activeElement;
                if (element === document.body) return null;
                const style = getComputedStyle(element), around = element.closest(".preset") && getComputedStyle(element.closest(".preset"));
                const name = element.getAttribute("aria-label") || element.textContent || element.labels?.[0]?.textContent || element.title;
                const isMarked = [style, around].some((each) => each && each.outlineStyle !== "none" && parseFloat(each.outlineWidth) >= 2);
                const box = element.getBoundingClientRect();
                return { name: name?.trim() ?? "", isMarked, tag: element.tagName, isSeen: box.width > 4 && box.height > 4 };""")
            if here is None:
                break
            reached.append(here)
            self.check(here["name"], f"a {here['tag']} without a name is reached by Tab")
            self.check(here["isMarked"] and here["isSeen"], f"'{here['name']}' does not show that it has the focus")
        self.check(any("Divider" in each["name"] for each in reached), f"Tab does not reach the divider, only {[each['name'] for each in reached]}")
        self.check(any(each["name"] == "Download" for each in reached), "Tab does not reach the download")

    def looks_back(self):
        self.browser.execute_script("[...document.querySelectorAll('li[data-state=done] .item')].at(-1).click()")
        wait("a result", lambda: self.state() == "done" and self.find(".knob").is_displayed())

    def run(self):
        scenes = [self.invites, self.restores, self.compares, self.cancels, self.goes_on, *([self.survives] if self.server else []), self.refuses, self.forgets, self.looks_back, self.works_by_keyboard]
        try:
            for scene in scenes:
                began = time.monotonic()
                scene()
                print(f"{scene.__name__}: {time.monotonic() - began:.1f} s", flush=True)
        except Exception as error:
            traceback.print_exc()
            self.browser.save_screenshot(str(self.out / "failure.png"))
            self.failures.append(str(error) or type(error).__name__)
        finally:
            self.browser.gather()
            for message in self.browser.messages:
                self.check(False, f"console: {message}")
            host = self.address.split("//")[1]
            self.check(self.browser.hosts == {host}, f"requests went to {sorted(self.browser.hosts)}, not only to {host}")
            self.browser.quit()
        return self.failures


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("address", nargs="?")
    parser.add_argument("--program", type=pathlib.Path)
    parser.add_argument("--model", type=pathlib.Path)
    parser.add_argument("--token")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "out/serve")
    arguments = parser.parse_args()
    if bool(arguments.address) == bool(arguments.program):
        parser.error("name either an address or --program")
    with tempfile.TemporaryDirectory() as data:
        server = Server(arguments.program, arguments.model, data, ["--token", arguments.token] if arguments.token else []) if arguments.program else None
        try:
            failures = Test(server.address if server else arguments.address, arguments.token, arguments.out, server).run()
        finally:
            if server:
                server.stop()
    print(f"{len(failures)} failures" if failures else "all as it should be")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
