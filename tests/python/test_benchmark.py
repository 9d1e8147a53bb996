"""python -m hugehist.benchmark: what run writes, what compare says, what the pictures show."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hugehist.benchmark import __main__ as command_line
from hugehist.benchmark import compare, page_cache, peers
from hugehist.benchmark.cases import CASES
from hugehist.benchmark.jobs import ExecutableJob
from hugehist.benchmark.pictures import bars, memory, timeline
from hugehist.benchmark.report import seconds_text
from hugehist.benchmark.verify import Sums, verify_store
from hugehist.benchmark.workload import SMOKE, Workload
from hypothesis import given
from hypothesis import strategies as st

ROOT = Path(__file__).resolve().parents[2]


# --- a run ----------------------------------------------------------------------------------------------------


def benchmark(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "hugehist.benchmark", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)


CHOICE = ("--smoke", "--only", "merge", "--only", "memory", "--peers", "hugehist", "numpy", "--repeats", "2")


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    place = tmp_path_factory.mktemp("results") / "run"
    done = benchmark("run", *CHOICE, "--rate", "50", "--output", place)
    assert done.returncode == 0, done.stderr
    return place, done.stdout


def test_run_writes_metadata(results: tuple[Path, str]) -> None:
    place, _ = results
    whole = json.loads((place / "metadata.json").read_text())
    metadata = json.loads((place / "merge/hugehist/metadata.json").read_text())
    for key in ("commit", "cpu", "packages", "system", "python", "file_system", "workload", "libraries", "cache"):
        assert metadata[key], key
        assert metadata[key] == whole[key]
    assert re.match(r"(GNU|Clang|AppleClang) \d", metadata["build"]["compiler"])
    assert "-O" in metadata["build"]["flags"] or metadata["build"]["build_type"] == "Debug"
    assert re.fullmatch(r"[\d.]+", metadata["build"]["libraries"]["HDF5"])
    assert metadata["packages"]["numpy"] == np.__version__
    assert "not installed" not in metadata["packages"].values()
    assert metadata["memory_bytes"] > 1 << 28
    assert metadata["seed"] == metadata["workload"]["seed"] == SMOKE.seed
    assert metadata["workload"]["dense_bytes"] == SMOKE.delta_bytes * SMOKE.datasets
    assert (metadata["case"], metadata["peer"]) == ("merge", "hugehist")
    assert len(metadata["repeats"]) == 2
    for repeat in metadata["repeats"]:
        assert repeat["error"] is None
        assert repeat["recorder"]["samples"] > 0
        assert repeat["page_cache_bytes"] > 0
    assert 0 < whole["recorder"]["share_of_one_core"] < 0.5


def test_run_writes_events(results: tuple[Path, str]) -> None:
    place, _ = results
    events = [json.loads(line) for line in (place / "merge/hugehist/events.jsonl").read_text().splitlines()]
    assert {event["repeat"] for event in events} == {0, 1}
    for repeat in (0, 1):
        phases = [event["enters"] for event in events if event["repeat"] == repeat and "enters" in event]
        merges = SMOKE.datasets * SMOKE.rounds
        assert phases == ["warm up", "prepare", *["prepare", "merge"] * merges, "close", "verify", "end"]
    sampled = [event for event in events if "process" in event]
    assert {"cpu_s", "rss", "threads", "bytes_read", "bytes_written"} <= sampled[-1]["process"].keys()
    assert {"cpu_s", "available", "page_cache", "disk_written", "network_sent"} <= sampled[-1]["system"].keys()


def test_run_writes_results(results: tuple[Path, str]) -> None:
    place, _ = results
    content = json.loads((place / "results.json").read_text())
    assert content["failed"] == []
    numbers = content["metrics"]["merge"]["peers"]["hugehist"]
    seconds = numbers["seconds"]
    assert seconds["min"] <= seconds["median"] <= seconds["max"]
    assert seconds["spread"] == seconds["max"] - seconds["min"]
    assert sorted(seconds["samples"]) == [seconds["min"], seconds["max"]]
    assert numbers["amount"] == SMOKE.delta_bytes * SMOKE.datasets * SMOKE.rounds
    assert numbers["items_per_second"] == pytest.approx(numbers["amount"] / seconds["median"])
    assert numbers["bytes_on_disk"]["median"] > 0
    assert numbers["bytes_written"] > 0
    assert numbers["peak_rss"]["median"] >= numbers["rss_before"] > 0
    beside = content["metrics"]["merge"]["peers"]["numpy"]
    assert beside["ratio"] == pytest.approx(beside["seconds"]["median"] / seconds["median"])
    own = json.loads((place / "merge/hugehist/results.json").read_text())
    assert own["metrics"]["merge"]["peers"] == {"hugehist": numbers}


def test_run_prints_the_table(results: tuple[Path, str]) -> None:
    _, output = results
    assert re.search(r"^  numpy .* x (faster|slower)", output, re.MULTILINE)
    assert "filled" in output


def test_failed_process_fails_the_run(tmp_path: Path) -> None:
    executable = tmp_path / "broken"
    executable.write_text("#!/bin/sh\necho the reason\nexit 3\n")
    executable.chmod(0o755)
    done = benchmark("run", "--executable", executable, "--repeats", "1", "--output", tmp_path / "out")
    assert done.returncode == 1
    assert "FAILED: broken, C++: the reason" in done.stderr
    failed = json.loads((tmp_path / "out/results.json").read_text())["failed"]
    assert [(one["case"], one["error"]) for one in failed] == [("broken", "the reason")]


def test_wrong_results_are_found(tmp_path: Path) -> None:
    work, sums = SMOKE, Sums(SMOKE)
    peer = peers.load(peers.STORES["numpy"])(work, tmp_path / "x")
    peer.create(work.datasets, work.categories)
    for delta in work.deltas():
        sums.add(delta)
        peer.merge(peer.prepare(delta))
    verify_store(peer, sums)
    peer.variances[1, 2, 3, 4] += 1e-6
    with pytest.raises(AssertionError, match="variances differ"):
        verify_store(peer, sums)


def test_executables_are_recorded(tmp_path: Path) -> None:
    executable = ROOT / "build/venv/benchmarks/bench_merge"
    if not executable.exists():
        pytest.skip("the C++ benchmarks are not built")
    out = tmp_path / "out"
    done = benchmark("run", "--executable", executable, "--filter", "^memory_add", "--repeats", "2", "--output", out)
    assert done.returncode == 0, done.stderr
    metric = json.loads((out / "results.json").read_text())["metrics"]["bench_merge memory_add"]
    numbers = metric["peers"]["C++"]
    assert metric["unit"] == "B"
    assert numbers["amount"] == pytest.approx(12 * 2 * 8 * 152 * 402, rel=1e-3)
    assert numbers["peak_rss"]["median"] > 12e6
    assert (out / "bench_merge/cpp/events.jsonl").read_text().count("rss") > 0


def test_outcome_of_an_executable(tmp_path: Path) -> None:
    """In the form that Google Benchmark 1.7 writes."""
    run = {"name": "hot/real_time", "run_type": "iteration", "real_time": 2.5, "cpu_time": 5.0, "time_unit": "ms"}
    result, job = tmp_path / "result.json", ExecutableJob("bench", "C++", tmp_path / "bench", "hot")
    result.write_text(json.dumps({"benchmarks": [run | {"bytes_per_second": 4e9}]}))
    metric = job.outcome(result)["metrics"]["bench hot/real_time"]
    assert (metric["seconds"], metric["cpu_seconds"], metric["unit"]) == (0.0025, 0.005, "B")
    assert metric["amount"] == pytest.approx(1e7)
    result.write_text(json.dumps({"benchmarks": [run | {"name": "add", "items_per_second": 1000}]}))
    assert job.outcome(result)["metrics"]["bench add"]["amount"] == pytest.approx(5), "a rate for CPU time"
    result.write_text(json.dumps({"benchmarks": [run | {"error_occurred": True, "error_message": "no space"}]}))
    with pytest.raises(RuntimeError, match="hot/real_time: no space"):
        job.outcome(result)
    result.write_text(json.dumps({"benchmarks": []}))
    with pytest.raises(RuntimeError, match="ran no benchmark for the filter 'hot'"):
        job.outcome(result)


# --- cases and peers ----------------------------------------------------------------------------------------------


def test_every_peer_takes_part_or_is_left_out_for_a_reason() -> None:
    for name, case in CASES.items():
        everyone = set(peers.COLUMN_FILLS | peers.VARIATION_FILLS if name.startswith("fill") else peers.STORES)
        optional = {"boost-histogram"} if "x" in name else set()
        named = set(case.peers) | set(case.left_out)
        assert everyone - optional <= named, name
        assert not set(case.peers) & set(case.left_out), name
        assert all(case.left_out.values())


def test_datasets_come_back_after_all_others() -> None:
    work = Workload(datasets=3, categories=1, systematics=4, bins=4, rounds=3, events=5)
    assert [delta.dataset for delta in work.deltas_in_turn()] == [0, 1, 2] * 3
    assert [delta.dataset for delta in work.deltas()] == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    for one, other in zip(sorted(map(_key, work.deltas())), sorted(map(_key, work.deltas_in_turn())), strict=True):
        assert one == other


def _key(delta: Any) -> tuple[int, int, float]:
    return delta.dataset, delta.turn, float(delta.planes.values.sum())


@pytest.mark.parametrize("peer", [name for name in peers.STORES if name != "numpy"])
def test_sparse_merges_and_rows_agree_with_numpy(peer: str, tmp_path: Path) -> None:
    held = []
    for name in ("numpy", peer):
        store = peers.load(peers.STORES[name])(SMOKE, tmp_path / name)
        store.create(SMOKE.datasets, SMOKE.categories)
        for delta in SMOKE.deltas():
            store.merge(store.prepare(delta))
        store.commit()
        store.merge_sparse(store.prepare_sparse(SMOKE.sparse(2, 3, turn=0, count=7)))
        store.close()
        store.open()
        held.append(store)
    for place in ((0, 0, 0), (1, 2, 5), (1, 3, 11)):
        expected, got = (store.row(*place) for store in held)
        np.testing.assert_allclose(got.values, expected.values, rtol=1e-12)
        np.testing.assert_allclose(got.variances, expected.variances, rtol=1e-12)
    held[1].close()


def test_files_leave_the_page_cache(tmp_path: Path) -> None:
    file = tmp_path / "large"
    file.write_bytes(bytes(16 << 20))
    assert page_cache.disk_bytes(file) == 16 << 20
    assert page_cache.cached_fraction(file) > 0.9
    page_cache.drop(file)
    if page_cache.cached_fraction(file) > 0.9:
        pytest.skip("this file system lives in the page cache")
    assert page_cache.cached_fraction(file) < 0.1


# --- compare -------------------------------------------------------------------------------------------------


def metrics(*samples: float, amount: float = 1.0, **others: list[float]) -> dict[str, Any]:
    from hugehist.benchmark.summary import statistics

    def numbers(seconds: tuple[float, ...]) -> dict[str, Any]:
        size = {"peak_rss": statistics([1e8]), "bytes_on_disk": statistics([1e6 * seconds[0]]), "rss_before": 1}
        shown = {"seconds": statistics(seconds), "cpu_seconds": seconds[0], "notes": {}, "bytes_written": 0}
        return {"repeats": len(seconds), "amount": amount} | shown | size

    shown = {"hugehist": numbers(samples)} | {peer: numbers(tuple(given)) for peer, given in others.items()}
    return {"merge": {"case": "merge", "unit": "B", "peers": shown}}


@pytest.mark.parametrize(
    ("first", "second", "verdict"),
    [
        ([1.0, 1.1, 1.2], [1.3, 1.4, 1.5], "slower"),
        ([1.0, 1.1, 1.2], [0.7, 0.8, 0.9], "faster"),
        ([1.0, 1.1, 1.2], [1.2, 1.4, 1.5], "~"),
        ([1.0, 1.1, 1.2], [0.5, 1.0, 1.0], "~"),
        ([1.0], [2.0], "?"),
        ([1.0, 1.1], [2.0], "?"),
    ],
)
def test_verdicts(first: list[float], second: list[float], verdict: str) -> None:
    (found,) = compare.compare([metrics(*first), metrics(*second)], ["time"])
    assert found.verdict(1) == verdict


times = st.lists(st.floats(1e-6, 1e3), min_size=2, max_size=6)


@given(times, times)
def test_verdicts_turn_around(first: list[float], second: list[float]) -> None:
    (there,) = compare.compare([metrics(*first), metrics(*second)], ["time"])
    (back,) = compare.compare([metrics(*second), metrics(*first)], ["time"])
    assert {"slower": "faster", "faster": "slower"}.get(there.verdict(1), there.verdict(1)) == back.verdict(1)
    assert there.ratio(1) == pytest.approx(1 / (back.ratio(1) or 0))
    (same,) = compare.compare([metrics(*first), metrics(*first)], ["time"])
    assert (same.verdict(1), same.ratio(1), same.fails(1.0)) == ("~", 1.0, False)


def test_times_are_for_each_item() -> None:
    (found,) = compare.compare([metrics(1.0, 1.0, amount=10), metrics(2.0, 2.0, amount=20)], ["time"])
    assert (found.ratio(1), found.verdict(1)) == (1.0, "~")


def test_drift_of_the_machine_cancels() -> None:
    first, second = metrics(1.0, 1.1, numpy=[0.5, 0.5]), metrics(2.0, 2.2, numpy=[1.0, 1.0])
    (found,) = compare.compare([first, second], ["time"], relative_to="numpy")
    assert found.ratio(1) == pytest.approx(1.0)
    absolute = compare.compare([first, second], ["time"])
    assert {one.peer: one.verdict(1) for one in absolute} == {"hugehist": "slower", "numpy": "slower"}


def written(place: Path, content: dict[str, Any]) -> Path:
    place.mkdir()
    (place / "results.json").write_text(json.dumps({"metrics": content, "failed": []}))
    return place


def test_exit_status_of_compare(tmp_path: Path) -> None:
    old = written(tmp_path / "old", metrics(1.0, 1.1, 1.2))
    slower = written(tmp_path / "slower", metrics(1.3, 1.4, 1.5))
    noisy = written(tmp_path / "noisy", metrics(1.15, 1.9, 2.5))
    assert benchmark("compare", old, slower).returncode == 0
    done = benchmark("compare", old, slower, "--fail-above", "1.1")
    assert done.returncode == 1
    assert "ABOVE 1.1 x: merge, hugehist, time" in done.stderr
    assert re.search(r"hugehist +time .* 1\.273 x slower", done.stdout)
    assert benchmark("compare", old, slower, "--fail-above", "1.5").returncode == 0
    assert benchmark("compare", old, noisy, "--fail-above", "1.1").returncode == 0
    assert benchmark("compare", slower, old, "--fail-above", "1.0").returncode == 0
    disk = benchmark("compare", old, slower, "--quantity", "disk", "--fail-above", "1.1")
    assert disk.returncode == 1
    assert "larger" in disk.stdout


def test_compare_refuses_what_is_no_result(tmp_path: Path) -> None:
    good = written(tmp_path / "good", metrics(1.0, 1.0))
    (tmp_path / "other.json").write_text("[1, 2]")
    for arguments, message in (
        ([good], "two results"),
        ([good, tmp_path / "nowhere"], "nowhere is not there"),
        ([good, tmp_path / "other.json"], "holds no results"),
        ([good, good, "--relative-to", "zarr"], "beside zarr"),
    ):
        done = benchmark("compare", *arguments)
        assert done.returncode == 1
        assert message in done.stderr
        assert "Traceback" not in done.stderr


# --- pictures --------------------------------------------------------------------------------------------------


def test_plot_draws(results: tuple[Path, str], tmp_path: Path) -> None:
    from matplotlib.image import imread

    place, _ = results
    done = benchmark("plot", place, "--output", tmp_path / "plots", "--peers", "all")
    assert done.returncode == 0, done.stderr
    drawn = {path.name for path in (tmp_path / "plots").iterdir()}
    assert {"bars-merge.png", "memory.png", "time-merge-hugehist.png", "time-merge-numpy.png"} <= drawn
    for path in (tmp_path / "plots").iterdir():
        picture = imread(path)
        assert min(picture.shape[:2]) > 150, path
        assert len(np.unique(picture.reshape(-1, picture.shape[2]), axis=0)) > 20, path


def test_texts_of_bars_do_not_overlap(results: tuple[Path, str]) -> None:
    place, _ = results
    content = json.loads((place / "results.json").read_text())["metrics"]
    every = dict.fromkeys(peers.NAMES, content["merge"]["peers"]["hugehist"])
    figure = bars.make({"merge": content["merge"] | {"peers": every}, "other": content["merge"]})
    figure.canvas.draw()
    for axes in figure.axes:
        boxes = [text.get_window_extent() for text in axes.texts]
        assert len(boxes) >= 2
        for number, box in enumerate(boxes):
            assert figure.bbox.x0 <= box.x0 < box.x1 <= axes.get_window_extent().x1
            assert not any(box.overlaps(other) for other in boxes[number + 1 :])


def test_phases_as_bands() -> None:
    events = [
        {"t": 0.0, "phase": "start"},
        {"t": 0.5, "enters": "merge"},
        {"t": 0.7, "phase": "merge"},
        {"t": 0.9, "enters": "close"},
        {"t": 1.0, "phase": "close"},
    ]
    assert timeline.phases(events) == [(0.0, 0.5, "start"), (0.5, 0.9, "merge"), (0.9, 1.0, "close")]
    samples = [{"t": t, "process": {"cpu_s": cpu}} for t, cpu in ((0.0, 1.0), (0.5, 1.5), (1.0, 1.5))]
    assert timeline.rates(samples, "process", "cpu_s") == [1.0, 0.0]


def test_memory_against_size(results: tuple[Path, str]) -> None:
    place, _ = results
    points = memory.points(json.loads((place / "results.json").read_text())["metrics"])
    assert set(points) == {"hugehist", "numpy"}
    assert [size for size, _ in points["numpy"]] == [datasets * SMOKE.delta_bytes for datasets in (2, 4, 8, 16)]


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.9999, "1 s"), (0.0123, "12.3 ms"), (4.2e-8, "42 ns"), (-2e-3, "-2 ms"), (1234.0, "1234 s")]
)
def test_seconds_text(seconds: float, text: str) -> None:
    assert seconds_text(seconds) == text


# --- the command line ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("package", ["zarr", "blosc2"])
def test_missing_packages_are_named(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(SystemExit, match=rf"needs {package}: pip install 'hugehist\[bench\]'"):
        command_line.main(["run", "--smoke"])
    command_line.missing("compare")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "--only", "nothing"], "no case begins with nothing; there are merge"),
        (["run", "--only", "open", "--peers", "hist"], "none of hist takes part in open"),
        (["run", "--executable", "nowhere"], "nowhere cannot be run"),
        (["run", "--output", "x.json"], "a directory of several files"),
    ],
)
def test_run_refuses(arguments: list[str], message: str) -> None:
    with pytest.raises(SystemExit, match=message):
        command_line.main(arguments)


def test_list_names_cases_and_reasons(capsys: pytest.CaptureFixture[str]) -> None:
    assert command_line.main(["run", "--list"]) == 0
    output = capsys.readouterr().out
    for name, case in CASES.items():
        assert f"{name}: {case.summary}" in output
    assert "without zarr: writes through, and has no commit" in output


@pytest.mark.parametrize("document", ["benchmarks/README.md", "docs/performance.md", "README.md"])
def test_commands_of_the_documentation_are_understood(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    commands = re.findall(r"^    python -m hugehist\.benchmark (.+)$", text, re.MULTILINE)
    commands += re.findall(r'^    make bench ARGS="([^"]+)"', text, re.MULTILINE)
    if document == "benchmarks/README.md":
        assert len(commands) > 5
    for command in commands:
        words = shlex.split(command, comments=True)
        words = words if words[0] in command_line.COMMANDS else ["run", *words]
        assert command_line.parser(words[0]).parse_args(words).main
