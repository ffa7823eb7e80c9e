"""A real browser, Debian's Chromium, without a window, driven through its own driver: for the tests of the page and its pictures."""

import base64
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

WAIT_S = 60.0
"""For whatever the page is to show; a loaded machine may need it."""
AXE = Path(__file__).parent / "axe" / "axe.min.js"
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


class NoBrowser(Exception):  # noqa: N818  # it says what is the case
    """There is no Chromium, or no driver for it."""


class Browser:
    """The browser, as the tests use it. Its waits raise AssertionError."""

    def __init__(self, driver: Any) -> None:
        self._driver = driver

    def open(self, url: str, *, width: int = 1280, is_dark: bool = False) -> None:
        """The page at this address, as somebody opens it who was never there."""
        size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500}
        scheme = {"name": "prefers-color-scheme", "value": "dark" if is_dark else "light"}
        self._driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        self._driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        self.leave()
        self._driver.get(url)

    def leave(self) -> None:
        """Nobody looks at the page any more."""
        self._driver.get("about:blank")

    def run(self, script: str, *arguments: object) -> Any:
        """What a script returns, in the page; a promise is awaited."""
        wrapped = f"const done = arguments[arguments.length - 1]; (async () => {{ {script} }})().then(done, (e) => done(`${{e}}`))"
        return self._driver.execute_async_script(wrapped, *arguments)

    def text(self, selector: str = "main") -> str:
        """The text that is shown."""
        found: str = self.run("return document.querySelector(arguments[0])?.innerText ?? ''", selector)
        return found

    def until(self, condition: Callable[[], Any], what: str) -> Any:
        """Wait for a condition; returns what it gave."""
        from selenium.common.exceptions import TimeoutException
        from selenium.webdriver.support.ui import WebDriverWait

        try:
            return WebDriverWait(self._driver, WAIT_S, poll_frequency=0.05).until(lambda _: condition())
        except TimeoutException:
            raise AssertionError(f"waited {WAIT_S} s for {what}; the page says: {self.text('body')[:2000]}") from None

    def until_says(self, *texts: str, selector: str = "main") -> str:
        """Wait until all of these stand in it; returns its text."""
        self.until(lambda: all(text in self.text(selector) for text in texts), f"{texts} in {selector}")
        return self.text(selector)

    def click(self, selector: str) -> None:
        """As with the mouse."""
        self._driver.find_element("css selector", selector).click()

    def click_on(self, words: str) -> None:
        """The first button with exactly these words."""
        self._driver.find_element("xpath", f"//button[normalize-space()='{words}']").click()

    def type_into(self, selector: str, words: str) -> None:
        """In place of what stands there."""
        field = self._driver.find_element("css selector", selector)
        field.clear()
        field.send_keys(words)

    def choose_file(self, selector: str, path: Path) -> None:
        """In a field for files, visible or not."""
        self._driver.find_element("css selector", selector).send_keys(str(path))

    def keep_downloads(self, directory: Path) -> None:
        """What is downloaded from now on is kept there."""
        behaviour = {"behavior": "allow", "downloadPath": str(directory)}
        self._driver.execute_cdp_cmd("Browser.setDownloadBehavior", behaviour)

    def network(self, *, is_cut: bool = False, latency_ms: int = 0, bytes_per_s: int = -1) -> None:
        """The network between the browser and the station, as all of this says, until it is called again."""
        self._driver.execute_cdp_cmd("Network.enable", {})
        conditions = {"offline": is_cut, "latency": latency_ms}
        speeds = {"downloadThroughput": bytes_per_s, "uploadThroughput": bytes_per_s}
        self._driver.execute_cdp_cmd("Network.emulateNetworkConditions", conditions | speeds)

    def forget(self) -> None:
        """Nothing is left of any session."""
        self._driver.delete_all_cookies()
        self._driver.execute_cdp_cmd("Network.clearBrowserCookies", {})

    @contextmanager
    def offline(self) -> Iterator[None]:
        """Without a network until the end of the block."""
        self._driver.execute_cdp_cmd("Network.enable", {})
        cut = {"latency": 0, "downloadThroughput": 0, "uploadThroughput": 0}
        self._driver.execute_cdp_cmd("Network.emulateNetworkConditions", {"offline": True, **cut})
        try:
            yield
        finally:
            through = dict.fromkeys(cut, -1) | {"latency": 0}
            self._driver.execute_cdp_cmd("Network.emulateNetworkConditions", {"offline": False, **through})

    def press(self, *keys: str) -> None:
        """As on the keyboard, wherever the focus is."""
        self._driver.switch_to.active_element.send_keys(*keys)

    def violations(self) -> list[str]:
        """What axe-core finds against the accessibility guidelines, and the best practice."""
        self._driver.execute_script(AXE.read_text(encoding="utf-8"))
        found = self.run("return (await axe.run(document, arguments[0])).violations", RULES)
        assert isinstance(found, list), found
        return [f"{rule['id']}: {[node['html'][:200] for node in rule['nodes']]}" for rule in found]

    def console(self) -> list[str]:
        """The errors and warnings since it was asked last."""
        return [entry["message"] for entry in self._driver.get_log("browser")]

    def picture(self) -> bytes:
        """The whole page as PNG."""
        taken = self._driver.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True})
        return base64.b64decode(taken["data"])


@contextmanager
def started() -> Iterator[Browser]:
    """A browser until the end of the block. Raises NoBrowser."""
    binary, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if binary is None or driver is None:
        raise NoBrowser("needs Chromium: as root, apt-get install chromium chromium-driver")
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-dev-shm-usage",
        "--disable-gpu",
        "--hide-scrollbars",
        "--lang=en-GB",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    running = webdriver.Chrome(options, Service(driver))
    try:
        running.set_script_timeout(WAIT_S)
        running.set_page_load_timeout(WAIT_S)
        yield Browser(running)
    finally:
        running.quit()
