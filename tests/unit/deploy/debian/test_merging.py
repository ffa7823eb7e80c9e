from pathlib import Path

import pytest

from deploy.debian.merging import Unmergeable, merge


def wheel(tree: Path, python: str, **files: str) -> Path:
    """An unpacked library with a compiled module for one version of Python, and further files."""
    mark = f"cpython-{python.replace('.', '')}"
    content = {
        "lib/__init__.py": "ONE = 1\n",
        f"lib/_fast.{mark}-x86_64-linux-gnu.so": f"machine code for {python}",
        "lib-1.0.dist-info/METADATA": "Name: lib\n",
        "lib-1.0.dist-info/WHEEL": f"Wheel-Version: 1.0\nTag: cp{python.replace('.', '')}-manylinux_2_17_x86_64\n",
        **files,
    }
    record = [f"{name},sha256=x,1" for name in content]
    content["lib-1.0.dist-info/RECORD"] = "\n".join([*record, "../../bin/lib,sha256=x,1", "lib-1.0.dist-info/RECORD,,"])
    content["bin/lib"] = "#!/usr/bin/python3\n"
    for name, text in content.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(text)
    return tree


def test_modules_are_shared_and_compiled_ones_lie_side_by_side(tmp_path: Path) -> None:
    merge([wheel(tmp_path / "a", "3.11"), wheel(tmp_path / "b", "3.13")], tmp_path / "site")
    found = sorted(path.relative_to(tmp_path / "site").as_posix() for path in (tmp_path / "site").rglob("*.*"))
    assert [name for name in found if name.startswith("lib/")] == [
        "lib/__init__.py",
        "lib/_fast.cpython-311-x86_64-linux-gnu.so",
        "lib/_fast.cpython-313-x86_64-linux-gnu.so",
    ]


def test_programs_of_libraries_are_left_out(tmp_path: Path) -> None:
    merge([wheel(tmp_path / "a", "3.11")], tmp_path / "site")
    assert not (tmp_path / "site" / "bin").exists()


def test_what_the_wheels_say_of_themselves_is_kept_of_both_and_true(tmp_path: Path) -> None:
    merge([wheel(tmp_path / "a", "3.11"), wheel(tmp_path / "b", "3.13")], tmp_path / "site")
    about = tmp_path / "site" / "lib-1.0.dist-info"
    assert [line for line in (about / "WHEEL").read_text().splitlines() if line.startswith("Tag")] == [
        "Tag: cp311-manylinux_2_17_x86_64",
        "Tag: cp313-manylinux_2_17_x86_64",
    ]
    recorded = (about / "RECORD").read_text().splitlines()
    names = [line.partition(",")[0] for line in recorded]
    assert len(names) == len(set(names))
    assert all((tmp_path / "site" / name).is_file() for name in names)
    assert "lib-1.0.dist-info/WHEEL,," in recorded, "its digest was that of one wheel"
    assert "lib/__init__.py,sha256=x,1" in recorded


def test_a_module_that_differs_between_versions_is_an_error_that_names_it(tmp_path: Path) -> None:
    trees = [wheel(tmp_path / "a", "3.11"), wheel(tmp_path / "b", "3.13", **{"lib/__init__.py": "ONE = 2\n"})]
    with pytest.raises(Unmergeable, match=r"lib/__init__\.py is not the same"):
        merge(trees, tmp_path / "site")


def test_nothing_of_a_library_is_executable(tmp_path: Path) -> None:
    tree = wheel(tmp_path / "a", "3.11")
    (tree / "lib" / "__init__.py").chmod(0o755)
    merge([tree], tmp_path / "site")
    assert (tmp_path / "site" / "lib" / "__init__.py").stat().st_mode & 0o777 == 0o644
