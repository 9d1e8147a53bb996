"""boost-histogram's own tests of indexing, setting and plotting, on histograms in files.

They come from its source distribution, of the version that is installed, fetched by pip once and kept in the
user's cache. What differs on purpose is listed here and explained in docs/rationale.md.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import boost_histogram as bh
import pytest

FILES = ("test_histogram_indexing.py", "test_histogram_set.py", "test_plottable_protocol.py")
#: Tests that fail, with the heading of docs/rationale.md that says why.
DIFFERENT = {
    "test_get_1D_histogram": "Views follow the histogram",
    "test_get_1D_slice": "Metadata is bool, int, float and str",
    "test_string_index_raises": "Labels are indices",
    "test_setting_histogram_mismatch": "Messages name the axis",
    "test_set_array_slice_mismatch_not_at_start": "Messages name the axis",
    "test_plottible_histogram_simple_var_invalidate_inplace": "Arithmetic is lazy",
    "test_vectorized_get_multicell_storage": "MultiCell storage",
    "test_vectorized_set_multicell": "MultiCell storage",
}
HERE = Path(__file__).parent
RATIONALE = HERE.parents[1] / "docs" / "rationale.md"


@pytest.fixture(scope="module")
def sources() -> Path:
    """The folder of boost-histogram's tests."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "hugehist-tests"
    name = f"boost_histogram-{bh.__version__}"
    archive = cache / f"{name}.tar.gz"
    if not archive.exists():
        wanted = ["--no-deps", "--no-binary", "boost-histogram", f"boost-histogram=={bh.__version__}"]
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--dest", str(cache), *wanted]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        except subprocess.TimeoutExpired:
            pytest.skip("pip took too long to fetch the sources of boost-histogram")
        if done.returncode != 0 or not archive.exists():
            pytest.skip(f"pip does not get the sources of boost-histogram: {done.stderr.strip()[-300:]}")
    with tarfile.open(archive) as content:
        members = [member for member in content.getmembers() if member.name.startswith(f"{name}/tests/")]
        safely: Any = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
        content.extractall(cache, members, **safely)
    return cache / name / "tests"


def test_boost_histograms_own_tests(sources: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-c",
        os.devnull,
        "--rootdir",
        str(sources),
        f"--junitxml={report}",
    ]
    command += ["-p", "boost_histogram_shim", "-p", "no:cacheprovider", *(str(sources / name) for name in FILES)]
    paths = os.pathsep.join([str(HERE), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=600, cwd=tmp_path, env=os.environ | {"PYTHONPATH": paths}
    )
    assert report.exists(), done.stdout + done.stderr
    cases = list(ET.parse(report).getroot().iter("testcase"))
    failed = {case.get("name") for case in cases if case.find("failure") is not None or case.find("error") is not None}
    expected = {case.get("name") for case in cases} & set(DIFFERENT)  # older versions have fewer tests
    assert len(cases) > 50
    assert not failed - expected, done.stdout[-6000:]
    assert failed == expected, "what passes needs no reason"


def test_the_reasons_are_written_down() -> None:
    text = RATIONALE.read_text(encoding="utf-8")
    for name, reason in DIFFERENT.items():
        assert f"**{reason}" in text, f"docs/rationale.md does not say why {name} fails"
