"""A real Chromium against a live server of the test database.

`page` is a fresh Chinese page 1280 px wide; `open_page(width=…, language=…, dark=…, touch=…)` makes another kind.
What goes wrong in the browser fails the test when it ends: script errors, console errors and warnings, answers of 500,
requests that leave this machine. `log_in(page, person)` gives the page that person's session without the form.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import manimgx_fonts_cjk
import pytest
from django.conf import settings
from django.test import Client
from django.urls import get_resolver
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, Response, sync_playwright

# Playwright's synchronous API keeps an event loop in this thread; Django would refuse the database because of it.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

FLAGS = [
    "--no-sandbox",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    # Maps alone are drawn by the software GPU; whole pages drawn by it took a third of the time of all journeys.
    "--disable-gpu-compositing",
    # A process for each page that a test opens would have to learn its fonts and scripts anew.
    "--process-per-site",
    # No page lives long enough for what optimising its scripts costs: a fifth of Chromium's time where axe looks.
    "--js-flags=--always-sparkplug --no-maglev --no-turbofan",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
]
LOCALES = {"zh": "zh-CN", "en": "en-US"}
# Chromium's own remarks on how software drawing performs are none of ours.
IGNORED = ("GPU stall due to ReadPixels", "Automatic fallback to software WebGL", "Failed to load resource")
FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>{fonts}</dir>
  <cachedir>{cache}</cachedir>
  <alias><family>sans-serif</family><prefer><family>Noto Sans CJK SC</family></prefer></alias>
  <alias><family>serif</family><prefer><family>Noto Sans CJK SC</family></prefer></alias>
</fontconfig>
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder is a journey."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.journey)


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """The system's Chromium, if it may be without a window, else Playwright's; with the Chinese font we bring."""
    folder = tmp_path_factory.mktemp("fonts")
    config = folder / "fonts.conf"
    config.write_text(
        FONTS.format(fonts=Path(manimgx_fonts_cjk.__file__).parent, cache=folder / "cache"), encoding="utf-8"
    )
    programs = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
    program = next(filter(None, map(shutil.which, programs)), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program, args=FLAGS, env={**os.environ, "FONTCONFIG_FILE": str(config)}
        )
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def addresses_known() -> None:
    """All code is loaded before the first page is asked for: on a busy machine that alone outlasts a page's time."""
    assert get_resolver().url_patterns


@pytest.fixture
def open_page(browser: Browser, addresses_known: None, live_server: Any) -> Iterator[Callable[..., Page]]:
    """Makes pages of a given width, language and theme, all with addresses relative to the live server."""
    contexts: list[BrowserContext] = []
    wrong: list[str] = []

    def note_request(request: Request) -> None:
        # Looked at and not intercepted: the browser keeps no files of pages whose requests are routed. Where it would
        # go elsewhere, FLAGS let it find nothing.
        parts = urlsplit(request.url)
        if parts.scheme in {"http", "https"} and parts.hostname not in {"127.0.0.1", "localhost"}:
            wrong.append(f"left this machine: {request.url}")

    def note_console(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not any(part in message.text for part in IGNORED):
            wrong.append(f"console {message.type}: {message.text}")

    def note_response(response: Response) -> None:
        if response.status >= 500:
            wrong.append(f"{response.status} {response.url}")

    def note_failure(request: Request) -> None:
        # Chromium reports a request given up by navigating away as a failure too.
        if request.failure != "net::ERR_ABORTED":
            wrong.append(f"{request.failure} {request.url}")

    def make(
        *, width: int = 1280, language: str = "zh", dark: bool = False, scripts: bool = True, touch: bool = False
    ) -> Page:
        context = browser.new_context(
            base_url=live_server.url,
            viewport={"width": width, "height": 800 if width >= 768 else 740},
            locale=LOCALES[language],
            timezone_id=settings.TIME_ZONE,
            color_scheme="dark" if dark else "light",
            java_script_enabled=scripts,
            has_touch=touch,
            is_mobile=touch,
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(15_000)
        if scripts:
            # A page can be seen before its scripts listen; nobody's hand is as quick as this one, so it waits.
            page.add_init_script("addEventListener('load', () => { document.documentElement.dataset.loaded = '' })")
            page.add_locator_handler(page.locator("html:not([data-loaded])"), lambda: page.wait_for_load_state("load"))
        page.on("console", note_console)
        page.on("pageerror", lambda problem: wrong.append(f"script: {problem}"))
        page.on("request", note_request)
        page.on("response", note_response)
        page.on("requestfailed", note_failure)
        return page

    yield make
    for context in contexts:
        context.close()
    assert not wrong, "\n".join(wrong)


@pytest.fixture
def page(open_page: Callable[..., Page]) -> Page:
    """A Chinese page 1280 px wide, nobody logged in."""
    return open_page()


@pytest.fixture
def accessible() -> Callable[[Page], None]:
    """Fails with what axe finds wrong on the page by WCAG 2.2 A and AA, or if the page is wider than its window."""
    script = (Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
    # Asked in one go, for each question takes its way; of what passes, axe need not write down every element.
    ask = """async () => {
      if (!("axe" in window)) return null;
      const tags = ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"];
      const answer = await axe.run(document, { runOnly: tags, selectors: false, resultTypes: ["violations"] });
      const found = answer.violations.map((v) => [v.id, v.nodes.map((n) => n.html)]);
      return [found, document.documentElement.scrollWidth <= window.innerWidth];
    }"""

    def check(page: Page) -> None:
        # What was seen may be the head of a page that is still on its way.
        page.wait_for_load_state("load")
        answer = page.evaluate(ask)
        if answer is None:
            page.evaluate(script)
            # What this page opens next brings it along: told beforehand it is compiled once, and not sent again.
            page.add_init_script(script)
            answer = page.evaluate(ask)
        found, fits = answer
        assert found == []
        assert fits

    return check


@pytest.fixture
def log_in(live_server: Any) -> Callable[[Page, Any], None]:
    """Gives a page the session of a person."""

    def give(page: Page, person: Any) -> None:
        client = Client()
        client.force_login(person)
        page.context.add_cookies(
            [
                {
                    "name": settings.SESSION_COOKIE_NAME,
                    "value": client.cookies[settings.SESSION_COOKIE_NAME].value,
                    "url": live_server.url,
                }
            ]
        )

    return give
