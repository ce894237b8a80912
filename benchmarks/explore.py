"""How quick the page of `fpsim explore` is in Chromium, and what twenty tabs do to it:  python benchmarks/explore.py

First picture: from the start of the command to the picture, in a browser that is open.  Slider: from its event to the
page that shows the new numbers, for the quantities that are exact or on a grid.  Tabs: twenty readers who ask for
pictures, films and jobs for a minute, with the memory of the server.
"""

import argparse
import contextlib
import os
import re
import shutil
import statistics
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from pathlib import Path

MOVE = """async (number) => {
  const sliders = [...document.querySelectorAll("#controls input[type=range]")].filter(one => one.offsetParent);
  const slider = sliders[number % sliders.length], before = document.body.dataset.shown, began = performance.now();
  const [low, high] = [Number(slider.min), Number(slider.max)];
  slider.value = String(low + (high - low) * (0.3 + 0.4 * Math.random()));
  slider.dispatchEvent(new Event("input", { bubbles: true }));
  const done = () => document.body.dataset.shown !== before && !document.body.classList.contains("stale");
  while (!done() && performance.now() - began < 20000) await new Promise((next) => setTimeout(next, 2));
  return (performance.now() - began) / 1000;
}"""


@contextlib.contextmanager
def served(*words: str):
    """The command in a process of its own, and its address."""
    run = [sys.executable, "-m", "fpsim", "explore", "--no-browser", "--port", "0", *words]
    with subprocess.Popen(run, stdout=subprocess.PIPE, text=True) as server:
        try:
            yield server, re.search(r"http://127\.0\.0\.1:\d+/\S*", server.stdout.readline())[0]
        finally:
            server.terminate()


def told(what: str, seconds: list[float]) -> None:
    """The least, the median and the largest of some times."""
    print(f"{what:<44} least {min(seconds):.2f} s, median {statistics.median(seconds):.2f} s, most {max(seconds):.2f} s"
          f"  ({len(seconds)} times)", flush=True)  # fmt: skip


def shown(page) -> None:
    """Wait for the picture."""
    page.wait_for_selector("body[data-shown]:not(.stale)")


def first_pictures(browser, repeats: int) -> None:
    """From the start of the command."""
    seconds, processors = [], []
    for _ in range(repeats):
        page = browser.new_page()
        began = time.perf_counter()
        with served() as (server, home):
            page.goto(home)
            shown(page)
            seconds.append(time.perf_counter() - began)
            processors.append(processor(server.pid))
            page.close()
    told("first picture", seconds)
    told("    of the server's processor", processors)


def sliders(browser, repeats: int) -> None:
    """Every preset of the story."""
    with served() as (server, home):
        page = browser.new_page()
        page.route("**/api/movie**", lambda route: route.abort())
        page.route("**/api/jobs/**", lambda route: route.fulfill(json={"id": 1, "state": "cancelled", "share": 0,
                                                                      "stage": "", "error": ""}))  # fmt: skip
        page.goto(home)
        page.wait_for_selector("#presets button")
        for key in page.evaluate("[...document.querySelectorAll('#presets button')].map(e => e.dataset.key)"):
            page.click(f"#presets button[data-key='{key}']")
            page.wait_for_selector(f"#presets button[data-key='{key}'][aria-current='step']")
            shown(page)
            began = processor(server.pid)
            told(f"slider, {key}", [page.evaluate(MOVE, k) for k in range(repeats)])
            print(f"    {(processor(server.pid) - began) / repeats:.2f} s of the server's processor each", flush=True)


def tabs(count: int, seconds: float) -> None:
    """Readers who ask as a page does; the memory of the server at the beginning and at the end."""
    with served() as (server, home):
        base, answers, ends = home.split("?")[0], Counter(), time.monotonic() + seconds

        def asked(path: str, post: bool = False) -> None:
            try:
                with urllib.request.urlopen(urllib.request.Request(base + path, method="POST" if post else "GET"),
                                            timeout=60) as answer:  # fmt: skip
                    answer.read()
                    answers[answer.status] += 1
            except urllib.error.HTTPError as error:
                answers[error.code] += 1
            except OSError as error:
                answers[type(error).__name__] += 1

        def tab(number: int) -> None:
            move = 0
            while time.monotonic() < ends:
                move += 1
                words = f"?temperature={0.05 + 0.002 * ((7 * number + move) % 97):.3f}&seed={number}"
                asked(f"api/picture{words}")
                asked(f"api/movie{words}&particles=50")
                asked(f"api/jobs/exits{words}", post=True)
                time.sleep(0.5)

        readers = [threading.Thread(target=tab, args=(number,)) for number in range(count)]
        for one in readers:
            one.start()
        memory = []
        while any(one.is_alive() for one in readers):
            time.sleep(min(5.0, seconds / 6))
            memory.append(_megabytes(server.pid))
        print(f"{count} tabs for {seconds:g} s: answers {dict(answers)}; memory {memory[0]:.0f} MB after the first "
              f"seconds, {statistics.median(memory):.0f} MB in the middle, {memory[-1]:.0f} MB at the end")  # fmt: skip


def processor(process: int) -> float:
    """Seconds of processor time that a process has had (Linux): what a busy machine does not change."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _megabytes(process: int) -> float:
    """Resident memory (Linux)."""
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{process}/status").read_text())[1]) / 1024


def main() -> None:
    """What was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", nargs="*", default=["first", "sliders", "tabs"], help="first, sliders, tabs")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--tabs", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long the tabs ask")
    given = parser.parse_args()
    from playwright.sync_api import sync_playwright

    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        browser = playwright.chromium.launch(executable_path=found, args=flags)
        browser.new_context().new_page().close()  # the browser is open before anything is timed
        if "first" in given.what:
            first_pictures(browser, given.repeats)
        if "sliders" in given.what:
            sliders(browser, given.repeats)
        browser.close()
    if "tabs" in given.what:
        tabs(given.tabs, given.seconds)


if __name__ == "__main__":
    main()
