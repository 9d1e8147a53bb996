"""Who may include whom. Nothing is compiled: the includes are read and held against a table.

Arrows compose: a layer may include what stands in its row, and what those layers may include.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

#: layer → the layers it may include, besides itself and base.
LAYERS: dict[str, set[str]] = {
    "base": set(),
    "model": set(),
    "codec": set(),
    "store": {"model"},
    "chunk": {"codec", "store"},
    "write": {"chunk", "model"},
    "read": {"chunk", "model"},
}


def reachable(layer: str) -> set[str]:
    return {layer, "base"}.union(*(reachable(below) for below in LAYERS[layer]))


#: The facade's public headers. The layers below know the values only, not the facade.
FACADE_HEADERS = {"hugehist/file.hpp", "hugehist/histogram.hpp", "hugehist/view.hpp"}
#: The only public header with Boost in it.
BOOST_HEADER = "hugehist/boost.hpp"

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?:<([^>]+)>|"([^"]+)")', re.MULTILINE)
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
STANDARD = re.compile(r"[a-z_0-9]+")
HDF5 = re.compile(r"(hdf5(_hl)?|H5\w*)\.h$|^hdf5/|highfive/", re.IGNORECASE)


def includes(path: Path) -> Iterator[str]:
    for match in INCLUDE.finditer(COMMENT.sub("", path.read_text(encoding="utf-8"))):
        yield match[1] or match[2]


def sources(root: Path, *folders: str) -> list[Path]:
    return sorted(
        path for folder in folders for path in (root / folder).rglob("*") if path.suffix in {".cpp", ".hpp", ".h"}
    )


def public_error(name: str, target: str) -> str | None:
    if target.startswith("hugehist/") or STANDARD.fullmatch(target):
        return None
    if target.startswith("boost/"):
        return None if name == BOOST_HEADER else f"Boost belongs in <{BOOST_HEADER}> alone"
    return "a public header includes the standard library and <hugehist/...> only"


def binding_error(target: str, own: set[str]) -> str | None:
    if target.startswith(("hugehist/", "pybind11/")) or STANDARD.fullmatch(target) or target in own:
        return None
    return "the bindings include <hugehist/...>, pybind11 and the standard library only"


def source_error(layer: str | None, target: str, own: set[str]) -> str | None:
    """`layer` is None for the facade, the files directly in src/."""
    if target.startswith("pybind11/"):
        return "pybind11 belongs in python/bindings alone"
    if HDF5.search(target):
        return None if layer == "store" else "only src/store includes HDF5"
    if layer is None:
        return None
    if target in FACADE_HEADERS:
        return f"{layer} lies below the facade"
    other = target.split("/")[0]
    if "/" in target and other in LAYERS:
        allowed = reachable(layer)
        return None if other in allowed else f"{layer} may include {', '.join(sorted(allowed))}, not {other}"
    if target in own:
        return "the facade is not for layers below it, and a layer's own headers are named in full"
    return None


def violations(root: Path) -> list[str]:
    facade = {path.name for path in (root / "src").glob("*.hpp")}
    bindings = {path.name for path in (root / "python/bindings").glob("*.hpp")}
    found: list[str] = []
    for path in sources(root, "include", "src", "python/bindings"):
        parts = path.relative_to(root).parts
        for target in includes(path):
            if parts[0] == "include":
                error = public_error("/".join(parts[1:]), target)
            elif parts[0] == "python":
                error = binding_error(target, bindings)
            elif len(parts) == 2:
                error = source_error(None, target, facade)
            elif parts[1] not in LAYERS:
                error = f"src/{parts[1]} is not a layer of the design"
            else:
                siblings = {sibling.name for sibling in path.parent.glob("*.hpp")}
                error = source_error(parts[1], target, facade | siblings)
            if error:
                found.append(f"{path.relative_to(root)} includes {target}: {error}")
    return found


def cycle(graph: dict[str, set[str]]) -> list[str]:
    """A cycle of the graph, or nothing."""
    done: set[str] = set()

    def visit(node: str, path: list[str]) -> list[str]:
        if node in path:
            return [*path[path.index(node) :], node]
        if node in done:
            return []
        for other in sorted(graph.get(node, ())):
            if found := visit(other, [*path, node]):
                return found
        done.add(node)
        return []

    for node in sorted(graph):
        if found := visit(node, []):
            return found
    return []


def include_graph(root: Path) -> dict[str, set[str]]:
    files: dict[str, Path] = {}
    for folder in ("include", "src", "python/bindings"):
        for path in sources(root, folder):
            files[path.relative_to(root / folder).as_posix()] = path
    return {name: {target for target in includes(path) if target in files} for name, path in files.items()}


def test_includes_go_one_way() -> None:
    found = violations(ROOT)
    assert not found, "\n" + "\n".join(found)


def test_no_include_cycle() -> None:
    assert not cycle(include_graph(ROOT))


def test_table_has_no_cycle_and_names_every_layer() -> None:
    assert not cycle(LAYERS)
    folders = {path.name for path in (ROOT / "src").iterdir() if path.is_dir()}
    assert folders <= set(LAYERS)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("src/base/a.hpp", '#include "model/axis.hpp"'),
        ("src/model/a.hpp", '#include "codec/codec.hpp"'),
        ("src/codec/a.cpp", '#include "store/store.hpp"'),
        ("src/read/a.cpp", '#include "write/merge.hpp"'),
        ("src/write/a.cpp", '#include "read/plan.hpp"'),
        ("src/store/a.cpp", '  #  include "codec/codec.hpp"'),
        ("src/chunk/a.cpp", "#include <hdf5.h>"),
        ("src/file.cpp", "#include <H5Fpublic.h>"),
        ("src/model/a.cpp", "#include <hugehist/file.hpp>"),
        ("src/model/a.cpp", "#include <pybind11/pybind11.h>"),
        ("src/other/a.cpp", "#include <vector>"),
        ("include/hugehist/a.hpp", '#include "model/axis.hpp"'),
        ("include/hugehist/a.hpp", "#include <boost/histogram.hpp>"),
        ("include/hugehist/a.hpp", "#include <hdf5.h>"),
        ("include/hugehist/boost.hpp", "#include <zstd.h>"),
        ("python/bindings/a.cpp", '#include "store/store.hpp"'),
        ("python/bindings/a.cpp", "#include <boost/histogram.hpp>"),
    ],
)
def test_forbidden_include_is_found(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(parents=True)
    path.write_text(f"#pragma once\n{text}\n", encoding="utf-8")
    assert len(violations(tmp_path)) == 1


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("src/store/a.cpp", '#include <hdf5.h>\n#include "model/axis.hpp"\n#include "base/error.hpp"'),
        ("src/chunk/a.cpp", '#include "codec/codec.hpp"\n#include "store/store.hpp"\n#include <zstd.h>'),
        ("src/read/a.cpp", '#include <hugehist/axis.hpp>\n#include "chunk/cache.hpp"'),
        ("src/read/a.cpp", '// #include "write/merge.hpp"\n/*\n#include "write/merge.hpp"\n*/'),
        ("src/file.cpp", '#include "read/plan.hpp"\n#include "write/merge.hpp"\n#include <hugehist/file.hpp>'),
        ("include/hugehist/boost.hpp", "#include <boost/histogram.hpp>\n#include <vector>"),
        ("python/bindings/a.cpp", "#include <pybind11/pybind11.h>\n#include <hugehist/file.hpp>"),
    ],
)
def test_allowed_include_is_let_pass(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(parents=True)
    path.write_text(f"{text}\n", encoding="utf-8")
    assert not violations(tmp_path)


def test_cycle_is_found(tmp_path: Path) -> None:
    folder = tmp_path / "src/base"
    folder.mkdir(parents=True)
    for name, other in (("a", "b"), ("b", "c"), ("c", "a")):
        (folder / f"{name}.hpp").write_text(f'#include "base/{other}.hpp"\n', encoding="utf-8")
    assert cycle(include_graph(tmp_path)) == ["base/a.hpp", "base/b.hpp", "base/c.hpp", "base/a.hpp"]
