"""The picture of the page in docs/explore.md, taken by Chromium:  python docs/explore_picture.py."""

import io
import shutil
import threading
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from fpsim.explore.launch import opened, page_server


def main() -> None:
    """Serve, look, write."""
    listener = opened("127.0.0.1", 0)
    threading.Thread(target=page_server().run, kwargs={"sockets": [listener]}, daemon=True).start()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1200, "height": 1120})
        page.goto(f"http://127.0.0.1:{listener.getsockname()[1]}/#sharp-flat")
        page.wait_for_selector("#survival .legend >> text=paths", timeout=60_000)
        page.click("#again")
        page.wait_for_timeout(6000)
        picture = Image.open(io.BytesIO(page.screenshot()))
        browser.close()
    picture.convert("RGB").quantize(128).save(Path(__file__).with_name("explore.png"), optimize=True)


if __name__ == "__main__":
    main()
