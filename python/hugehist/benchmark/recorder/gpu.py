"""GPUs through NVML, where there are any and the package nvidia-ml-py is installed."""

from __future__ import annotations

from typing import Any


class Gpus:
    """All NVML devices; none where there is no driver."""

    def __init__(self) -> None:
        self._nvml: Any = None
        self._devices: list[Any] = []
        try:
            import pynvml

            pynvml.nvmlInit()
        except Exception:  # no package, no driver, no permission: then no GPU is recorded
            return
        self._nvml = pynvml
        self._devices = [pynvml.nvmlDeviceGetHandleByIndex(i) for i in range(pynvml.nvmlDeviceGetCount())]

    def names(self) -> list[str]:
        names = (self._nvml.nvmlDeviceGetName(device) for device in self._devices)
        return [name.decode() if isinstance(name, bytes) else name for name in names]

    def sample(self) -> list[dict[str, float]]:
        """For each device its utilization from 0 to 1 and the bytes in use."""
        return [
            {
                "utilization": self._nvml.nvmlDeviceGetUtilizationRates(device).gpu / 100,
                "memory": self._nvml.nvmlDeviceGetMemoryInfo(device).used,
            }
            for device in self._devices
        ]

    def close(self) -> None:
        if self._nvml is not None:
            self._nvml.nvmlShutdown()
