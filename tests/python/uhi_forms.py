"""Histograms in the forms of uhi.io, written and read back."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest

uhi_json = pytest.importorskip("uhi.io.json")
uhi_zip = pytest.importorskip("uhi.io.zip")
uhi_hdf5 = pytest.importorskip("uhi.io.hdf5")
h5py = pytest.importorskip("h5py")


def by_json(what: Any) -> Any:
    return json.loads(json.dumps(what, default=uhi_json.default), object_hook=uhi_json.object_hook)


def by_zip(what: Any) -> Any:
    image = io.BytesIO()
    with zipfile.ZipFile(image, "w") as archive:
        uhi_zip.write(archive, "h", what)
    with zipfile.ZipFile(image) as archive:
        return uhi_zip.read(archive, "h")


def by_hdf5(what: Any) -> Any:
    with h5py.File("h", "w", driver="core", backing_store=False) as file:
        uhi_hdf5.write(file.create_group("h"), what)
        return uhi_hdf5.read(file["h"])
