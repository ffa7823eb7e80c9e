"""One real browser for all tests of the page.

Where it is missing the tests skip, with what to install. A test fails if the browser's console has an error that it did not expect:
a script that failed, a file that was not there, something that the page's policy forbids.
"""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.browser.chromium import Browser, NoBrowser, started


@pytest.fixture(scope="session")
def started_browser() -> Iterator[Browser]:
    with ExitStack() as stack:
        try:
            browser = stack.enter_context(started())
        except NoBrowser as error:
            pytest.skip(str(error))
        yield browser


@pytest.fixture
def browser(started_browser: Browser) -> Iterator[Browser]:
    """The browser with an empty console, which has to be empty in the end as well."""
    started_browser.console()
    yield started_browser
    assert started_browser.console() == []
