"""A sink of this process needs none of the packages of the network."""

from __future__ import annotations

import subprocess
import sys

CODE = """
import sys, hugehist
from hugehist import service
with service.open("file.h5") as sink:
    sink.names()
print([name for name in ("pyarrow", "dask", "distributed", "coffea", "rich", "cryptography") if name in sys.modules])
"""


def test_a_local_sink_imports_no_network(tmp_path: object) -> None:
    done = subprocess.run([sys.executable, "-c", CODE], cwd=str(tmp_path), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"
