"""What the documentation shows, runs: each ```python block of README.md and docs/, in order.

The blocks of one file share a namespace and run in an empty directory. A block right after the comment
`<!-- no-test -->` is left out.
"""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
SKIP = "<!-- no-test -->"


def python_blocks(text: str) -> list[tuple[int, str]]:
    """(line of the file that the block starts at, code) for each block that is to be run."""
    found: list[tuple[int, str]] = []
    lines = text.splitlines()
    above = ""
    position = 0
    while position < len(lines):
        line = lines[position]
        stripped = line.strip()
        if not stripped.startswith("```"):
            above = stripped or above
            position += 1
            continue
        fence = stripped[: len(stripped) - len(stripped.lstrip("`"))]
        indent = len(line) - len(line.lstrip())
        start = position + 1
        end = start
        while end < len(lines) and lines[end].strip() != fence:
            end += 1
        assert end < len(lines), f"the block that begins at line {position + 1} never ends"
        language = stripped[len(fence) :].strip().split(" ")[0]
        if language == "python" and above != SKIP:
            found.append((start + 1, "\n".join(code[indent:] for code in lines[start:end])))
        above = ""
        position = end + 1
    return found


DOCUMENTS = [path for path in (README, *sorted((ROOT / "docs").rglob("*.md"))) if path.exists()]


@pytest.mark.parametrize("path", DOCUMENTS, ids=[path.relative_to(ROOT).as_posix() for path in DOCUMENTS])
def test_python_blocks_run(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = python_blocks(path.read_text(encoding="utf-8"))
    assert blocks or path != README, "README.md shows no Python that can be run"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "agg")
    namespace: dict[str, object] = {"__name__": "__docs__"}
    for line, code in blocks:
        # Empty lines before the code, so that a traceback names the line of the document.
        exec(compile("\n" * (line - 1) + code, str(path), "exec"), namespace)


def test_blocks_are_found() -> None:
    text = """text
```python
a = 1
```
<!-- no-test -->

```python
b = 2
```
```bash
```
1. item

    ```python
    c = 3
    ```
````markdown
```python
d = 4
```
````
"""
    assert python_blocks(text) == [(3, "a = 1"), (15, "c = 3")]


def test_unended_block_is_an_error() -> None:
    with pytest.raises(AssertionError, match="line 2"):
        python_blocks("text\n```python\na = 1\n")
