"""Steady noise taken off a recording: a fan, a hiss. The recogniser was trained without any."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_WINDOW = 512
_STEP = 128
_SMOOTHED = 8
"""Steps over which power is averaged before its low values are taken for the noise."""
_QUIET_PERCENT = 10
_ABOVE_QUIET = 1.3
"""The noise's mean power, to its power in its quiet moments."""
_LEFT = 0.3
"""The least that is left of an amplitude: taking away more makes the rest warble."""


def without_noise(samples: npt.NDArray[np.int16]) -> npt.NDArray[np.int16]:
    """`samples` (n,) with each frequency weaker by as much noise as it holds in its quietest moments."""
    window = np.hanning(_WINDOW + 1)[:-1]
    padded = np.concatenate([np.zeros(_WINDOW), samples, np.zeros(_WINDOW + _STEP)])
    steps = (len(padded) - _WINDOW) // _STEP + 1
    pieces = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_STEP][:steps] * window
    spectra = np.fft.rfft(pieces, axis=1)
    power = np.abs(spectra) ** 2
    edge = _WINDOW // _STEP
    inner = power[edge : steps - edge - 1]
    if len(inner) <= _SMOOTHED:
        return samples
    sums = np.cumsum(inner, axis=0)
    smooth = (sums[_SMOOTHED:] - sums[:-_SMOOTHED]) / _SMOOTHED
    noise = _ABOVE_QUIET * np.percentile(smooth, _QUIET_PERCENT, axis=0)
    gain = np.sqrt(np.maximum(1 - noise / np.maximum(power, 1e-9), _LEFT**2))
    cleaned = np.fft.irfft(spectra * gain, _WINDOW, axis=1) * window
    sound = np.zeros(len(padded))
    for number, piece in enumerate(cleaned):
        sound[number * _STEP : number * _STEP + _WINDOW] += piece
    overlap = np.sum(window**2) / _STEP
    return (sound[_WINDOW : _WINDOW + len(samples)] / overlap).clip(-32768, 32767).astype(np.int16)
