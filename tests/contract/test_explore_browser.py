"""The page of `fpsim explore` in a real browser: Chromium, driven by Playwright; neither is downloaded."""

import os
import re
import shutil
import threading
import time

import pytest

pytest.importorskip("starlette", reason="starlette (extra `explore`) is not installed")
sync_api = pytest.importorskip("playwright.sync_api", reason="playwright (a tool of developers) is not installed")
pytest.importorskip("uvicorn", reason="uvicorn (extra `explore`) is not installed")
pytest.importorskip("plotly", reason="plotly (extra `explore`) is not installed")

import fpsim  # noqa: E402
from fpsim.explore.export import export_page  # noqa: E402
from fpsim.explore.launch import opened, page_server  # noqa: E402
from fpsim.explore.presets import PRESETS  # noqa: E402
from fpsim.explore.settings import Settings  # noqa: E402

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
NEEDED = "CI" in os.environ
"""Where nothing may be skipped: there, a missing browser is a failure."""
pytestmark = [
    pytest.mark.explore,
    pytest.mark.skipif(BROWSER is None and not NEEDED, reason="no Chromium or Chrome here (sh .ci/system browser)"),
]


@pytest.fixture(scope="module")
def home():
    """A server of its own, on a free port, as `fpsim explore` starts it; what it compiles once is compiled before."""
    compiled = Settings(temperature="0.2").problem
    compiled.by_paths(50, step=0.05, step_bias=False)
    fpsim.simulate(compiled.sde, -1.0, 0.1, 0.05, paths=4)
    listener = opened("127.0.0.1", 0)
    server = page_server()
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
    server.should_exit = True
    thread.join(10)


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        started = playwright.chromium.launch(executable_path=BROWSER, args=flags)
        yield started
        started.close()


@pytest.fixture
def complaints():
    """What the console of the page says, and whom it asks that is not this machine: nothing, at the end."""
    found = []
    yield found
    assert not found


@pytest.fixture
def page(browser, complaints):
    """A page whose complaints are heard."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.on("console", lambda message: message.type in ("error", "warning") and complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: re.match(r"http://127\.0\.0\.1|data:|blob:|file:", request.url)
            or complaints.append(request.url))  # fmt: skip
    page.set_default_timeout(60_000)
    yield page
    context.close()


def shown(page) -> float:
    """The mean escape time that the page shows, once it is that of its settings."""
    page.wait_for_selector("body[data-shown]:not(.stale)")
    found = re.search(r"time ([\d.e]+)", page.inner_text("#headline"))
    assert found, page.inner_text("#headline")
    return float(found.group(1))


def until(page, condition: str, seconds: float = 60) -> None:
    """Wait for a condition in JavaScript; the page itself may evaluate no strings."""
    ends = time.monotonic() + seconds
    while not page.evaluate(condition):
        assert time.monotonic() < ends, condition
        page.wait_for_timeout(50)


def without_jobs(page) -> None:
    """Let no work run in the background, where a test does not look at it."""
    cancelled = {"id": 1, "state": "cancelled", "share": 0, "stage": "", "error": ""}
    page.route("**/api/jobs/**", lambda route: route.fulfill(json=cancelled))


MOVES = "/^t = (?!0.000)/.test(document.getElementById('film-time').textContent)"
"""Whether the film has begun."""


def exact(settings: Settings) -> float:
    return settings.problem.by_quadrature().mean


def test_every_preset_loads_and_its_particles_move(page, home):
    without_jobs(page)
    page.goto(home)
    for preset in PRESETS:
        page.click(f"#presets button[data-key='{preset.key}']")
        page.wait_for_selector(f"#presets button[data-key='{preset.key}'][aria-current='step']")
        assert shown(page) == pytest.approx(exact(preset.read()), rel=1e-5)
        assert not page.is_visible("#error") and preset.text[:40] in page.inner_text("#story")
        until(page, MOVES)
        assert page.locator("#routes tbody tr").count() >= 2 and page.locator("#critical tbody tr").count() >= 3


def test_a_slider_changes_the_numbers_and_the_address_restores_them(page, home):
    without_jobs(page)
    page.goto(f"{home}?temperature=0.1")
    before = shown(page)
    assert before == pytest.approx(exact(Settings(temperature="0.1")), rel=1e-5)
    page.get_by_label("temperature T, slider").focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    until(page, "!/temperature=0.1(&|$)/.test(location.search)")
    after = shown(page)
    pairs = dict(part.split("=") for part in page.url.partition("?")[2].split("&"))
    warmer = float(pairs["temperature"])
    assert warmer > 0.1 and after == pytest.approx(exact(Settings(temperature=pairs["temperature"])), rel=1e-5)
    other = page.context.new_page()
    other.goto(page.url)
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save this picture as SVG").first.click()
    assert saved.value.suggested_filename == "fpsim-landscape.svg"
    assert saved.value.path().read_text(encoding="utf-8").count("<path") > 200  # the particles of this moment
    assert shown(other) == after and float(other.get_by_label("temperature T", exact=True).input_value()) == warmer


def test_wrong_words_are_answered_on_the_page_and_mended(page, home, complaints):
    page.goto(f"{home}?landscape=(x**2-1)**2&temperature=0.3")
    shown(page)
    formula = page.get_by_label("formula in x, or x and y")
    formula.fill("(x**2-1)**2 + import")
    formula.blur()
    page.wait_for_selector("#error:visible")
    formula.fill("(x**2-1)**2 + 0.1*x")
    formula.blur()
    page.wait_for_selector("#error", state="hidden")
    assert len(complaints) == 1 and "400" in complaints.pop()  # Chromium's own word about the answer
    box = Settings(landscape="(x**2-1)**2 + 0.1*x", temperature="0.3")
    assert shown(page) == pytest.approx(exact(box), rel=1e-5)
    until(page, "document.querySelector('[data-job=exits]').textContent.includes('mean')")


def test_two_dimensions_bring_density_and_committor_in_the_background(page, home):
    page.goto(f"{home}?landscape=(x**2-1)**2%2By**2&temperature=0.4")
    until(page, "document.querySelector('#third .contour') !== null")
    assert "grid" in page.inner_text("#headline")


def test_on_a_phone_nothing_is_wider_than_the_screen(browser, home):
    context = browser.new_context(viewport={"width": 390, "height": 844}, color_scheme="dark")
    page = context.new_page()
    without_jobs(page)
    page.goto(home)
    page.wait_for_selector("body[data-shown]:not(.stale)")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 27)"
    unnamed = page.evaluate(
        "[...document.querySelectorAll('input,select,button')].filter(e => !e.labels?.length && "
        "!e.getAttribute('aria-label') && !e.textContent.trim()).length"
    )
    assert unnamed == 0
    context.close()


def test_an_exported_page_works_from_a_file(page, tmp_path):
    well = Settings(temperature="0.2")
    file = export_page(tmp_path / "page.html", well, steps=2)
    page.goto(file.as_uri())
    assert shown(page) == pytest.approx(exact(Settings(temperature="0.12")), rel=1e-5)
    page.focus("#stored-slider")
    page.keyboard.press("ArrowRight")
    until(page, "document.body.dataset.shown === '2'")
    assert shown(page) == pytest.approx(exact(Settings(temperature="0.14")), rel=1e-5)
    until(page, MOVES)
