"""Bytes that are under way never exceed what there is, and nobody waits for ever."""

from __future__ import annotations

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from hugehist.service.credits import Credits


def test_never_more_than_there_are() -> None:
    """Thirty-two threads that take and give."""
    credits = Credits(1000)
    lock = threading.Lock()
    out = most = 0

    def work(seed: int) -> int:
        nonlocal out, most
        rng = random.Random(seed)
        for _ in range(100):
            size = rng.randint(0, 400)
            assert credits.take(size, 30)
            with lock:
                out += size
                most = max(most, out)
                assert out <= 1000
            if rng.random() < 0.1:
                time.sleep(0.0005)
            with lock:
                out -= size
            credits.give(size)
        return seed

    with ThreadPoolExecutor(32) as pool:
        assert len(list(pool.map(work, range(32)))) == 32
    assert most > 600
    assert credits.free == 1000


def test_first_come_first_served() -> None:
    """A large one is not overtaken by small ones for which there would be room."""
    credits = Credits(10)
    assert credits.take(6, 0)
    order: list[int] = []

    def take(size: int) -> None:
        assert credits.take(size, 10)
        order.append(size)

    threads = []
    for size in (10, 1, 2, 3):
        threads.append(threading.Thread(target=take, args=(size,), daemon=True))
        threads[-1].start()
        while len(credits._waiting) < len(threads):
            assert threads[-1].is_alive(), "it was served before its turn"
            time.sleep(0.001)
    assert order == []
    credits.give(6)
    threads[0].join()
    assert order == [10]
    credits.give(10)
    for thread in threads:
        thread.join()
    assert sorted(order[1:]) == [1, 2, 3]
    assert credits.free == 4


def test_patience_ends() -> None:
    credits = Credits(10)
    assert credits.take(10, 0)
    begin = time.monotonic()
    assert not credits.take(1, 0.1)
    assert 0.1 <= time.monotonic() - begin < 5
    assert not credits.take(1, -1)
    credits.give(10)
    assert credits.take(10, 0)


def test_who_gives_up_lets_others_pass() -> None:
    credits = Credits(10)
    assert credits.take(6, 0)
    with ThreadPoolExecutor(2) as pool:
        large = pool.submit(credits.take, 10, 0.2)
        while not credits._waiting:
            time.sleep(0.001)
        small = pool.submit(credits.take, 4, 10)
        assert small.result()
        assert not large.result()


@pytest.mark.parametrize("size", [0, 10])
def test_all_and_nothing(size: int) -> None:
    credits = Credits(10)
    assert credits.take(size, 0)
    assert credits.free == 10 - size
