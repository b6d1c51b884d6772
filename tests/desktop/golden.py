"""Pictures of widgets against those that somebody has looked at: equal but for the edges of letters and lines.

How a letter's edge is smoothed differs from one font library to the next; a colour, a word or a place does not. So both
pictures are softened, and compared by tiles: what is left of a difference must be small in each of them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPoint
from PySide6.QtGui import QColor, QImage
from PySide6.QtWidgets import QApplication, QWidget

FOLDER = Path(__file__).parent / "golden"
TOLERANCE = 3.0
"""Of 255: by so much may a tile's colour differ on average. Rounded colours make up to 2, another digit from 3.3."""
_TILE = 12
_SOFT = 2
"""Pixels around each that are mixed into it."""
_PLAIN_COLOURS, _LEAST_STEP, _TABLE = 40, 20, 256
"""A picture keeps so many colours exactly, the others to such a step, and no more of them than its table holds."""

_Pixels = npt.NDArray[np.float32]


def picture(widget: QWidget) -> QImage:
    """The widget as it is drawn when its layouts have settled, one pixel for each of its units."""
    QApplication.processEvents()
    image = _drawn(widget)
    while True:
        QApplication.processEvents()
        before, image = image, _drawn(widget)
        if image == before:
            return image


def keep(image: QImage, path: Path) -> None:
    """Save it small: its most frequent colours as they are, the rest, which are of edges, rounded."""
    packed = _pixels(image).astype(np.int32) @ (1 << 16, 1 << 8, 1)
    known, places, counts = np.unique(packed, return_inverse=True, return_counts=True)
    plain = np.isin(known, known[np.argsort(-counts, kind="stable")[:_PLAIN_COLOURS]])
    for step in range(_LEAST_STEP, 256):
        parts = np.stack([known >> 16, known >> 8 & 255, known & 255], axis=-1)
        rounded = np.minimum((parts + step // 2) // step * step, 255) @ (1 << 16, 1 << 8, 1)
        table, which = np.unique(np.where(plain, known, rounded), return_inverse=True)
        if len(table) <= _TABLE:
            break
    indexes = np.ascontiguousarray(which[places].reshape(packed.shape).astype(np.uint8))
    small = QImage(indexes.data, image.width(), image.height(), image.width(), QImage.Format.Format_Indexed8)
    small.setColorTable([QColor(int(colour)).rgb() for colour in table])
    path.parent.mkdir(exist_ok=True)
    if not small.save(str(path), quality=0):
        raise OSError(f"{path} cannot be written.")


def differences(seen: QImage, golden: QImage) -> npt.NDArray[np.float32]:
    """By how much (0 to 255) each tile differs, in the colour that differs most; shape (rows, columns)."""
    apart: _Pixels = np.abs(_softened(seen) - _softened(golden))
    rows, columns = apart.shape[0] // _TILE, apart.shape[1] // _TILE
    tiles = apart[: rows * _TILE, : columns * _TILE].reshape(rows, _TILE, columns, _TILE, 3)
    found: _Pixels = tiles.mean(axis=(1, 3)).max(axis=2)
    return found


def save_difference(seen: QImage, golden: QImage, folder: Path, name: str) -> Path:
    """Save what was seen, and a picture of it in which the tiles that differ are bright; the latter's path."""
    folder.mkdir(parents=True, exist_ok=True)
    seen.save(str(folder / f"{name}.seen.png"))
    faded = _pixels(seen) * 0.25
    if seen.size() == golden.size():
        bright = np.kron(differences(seen, golden) > TOLERANCE, np.ones((_TILE, _TILE), dtype=bool))
        part = faded[: bright.shape[0], : bright.shape[1]]
        part[bright] = _pixels(seen)[: bright.shape[0], : bright.shape[1]][bright]
    shown = np.ascontiguousarray(faded.astype(np.uint8))
    path = folder / f"{name}.difference.png"
    QImage(shown.data, seen.width(), seen.height(), 3 * seen.width(), QImage.Format.Format_RGB888).save(str(path))
    return path


def _drawn(widget: QWidget) -> QImage:
    image = QImage(widget.size(), QImage.Format.Format_RGB32)
    widget.render(image, QPoint())
    return image


def _pixels(image: QImage) -> _Pixels:
    """Red, green and blue, of shape (height, width, 3)."""
    plain = image.convertToFormat(QImage.Format.Format_RGBX8888)
    rows = np.frombuffer(plain.constBits(), np.uint8).reshape(plain.height(), plain.bytesPerLine() // 4, 4)
    return rows[:, : plain.width(), :3].astype(np.float32)


def _softened(image: QImage) -> _Pixels:
    """The mean around each pixel."""
    pixels, wide = _pixels(image), 2 * _SOFT + 1
    for axis in (0, 1):
        padded = np.pad(pixels, [(wide, _SOFT) if each == axis else (0, 0) for each in range(3)], mode="edge")
        sums = padded.cumsum(axis=axis, dtype=np.float64)
        count = pixels.shape[axis]
        upper, lower = (np.take(sums, range(first, first + count), axis) for first in (wide + _SOFT, _SOFT))
        pixels = ((upper - lower) / wide).astype(np.float32)
    return pixels
