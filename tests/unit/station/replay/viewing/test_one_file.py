"""The page in one file: nothing but what it names by its digest runs, and nothing comes from anywhere else."""

import base64
import re
from hashlib import sha256

from station.page_files import page_files
from station.replay.viewing.one_file import document, one_script
from tests.kept_pages import kept_in


def test_it_holds_what_it_was_given() -> None:
    assert kept_in(document(b'{"a": "</script><script>alert(1)</script>"}'))["a"].startswith("</script>")
    assert b"alert(1)" not in document(b'"</script><script>alert(1)</script>"')


def test_its_policy_names_every_script_and_the_style_by_digest() -> None:
    text = document(b"{}").decode()
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]+)"', text)
    scripts = re.findall(r"<script(?: id=\"uplot\")?>(.*?)</script>", text, re.DOTALL)
    styles = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    assert (len(scripts), len(styles), text.count("<script")) == (2, 1, 3)
    digests = {base64.b64encode(sha256(each.encode()).digest()).decode() for each in (*scripts, *styles)}
    assert digests == set(re.findall(r"'sha256-([^']+)'", policy))
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert text.index("Content-Security-Policy") < text.index("<title>")
    assert re.findall(r'\b(?:src|href)="(?!data:|#)', text.partition("<body>")[0]) == []
    assert re.findall(r"https?://(?!github.com/leeoniya)", text.replace("http://www.w3.org/", "")) == []


def test_every_module_of_the_page_is_in_its_script_before_those_that_import_it() -> None:
    script = one_script()
    made = re.findall(r'^modules\["([^"]+)"\] = ', script, re.MULTILINE)
    assert len(made) == len(set(made))
    modules = {name for name in page_files() if name.endswith((".js", ".mjs")) and not name.endswith("iife.min.js")}
    assert set(made) == modules - {"app.js"}
    for place, part in enumerate(script.split('\nmodules["')[1:]):
        used = set(re.findall(r'= modules\["([^"]+)"\];', part.partition("beginKept")[0]))
        assert used <= set(made[:place]), made[place]
    assert re.findall(r"^(?:import|export)\b.*", script, re.MULTILINE) == []
    assert "sourceMappingURL" not in script
