"""Plots are made when their rooms have been painted, one after the other."""

from __future__ import annotations

from PySide6.QtWidgets import QScrollArea, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from desktop.widgets.plot_room import PlotRoom


def _shown(qtbot: QtBot, *rooms: PlotRoom, above_px: int = 0) -> QScrollArea:
    """The rooms below so much of something else, in a window of 300 pixels."""
    inner = QWidget()
    column = QVBoxLayout(inner)
    column.addSpacing(above_px)
    for room in rooms:
        room.setFixedHeight(100)
        column.addWidget(room)
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setWidget(inner)
    area.resize(300, 300)
    qtbot.addWidget(area)
    area.show()
    return area


def test_a_room_does_not_ask_while_one_before_it_waits_for_its_plot(qtbot: QtBot) -> None:
    first = PlotRoom()
    second = PlotRoom(after=first)
    asked: list[PlotRoom] = []
    for room in (first, second):
        room.wanted.connect(lambda room=room: asked.append(room))
    area = _shown(qtbot, first, second)
    qtbot.waitUntil(lambda: asked == [first])
    assert area.isVisible()
    assert second.waits
    first.fill(QWidget())
    qtbot.waitUntil(lambda: asked == [first, second])


def test_a_room_out_of_view_asks_when_it_comes_into_it_and_keeps_no_other_from_asking(qtbot: QtBot) -> None:
    unseen = PlotRoom()
    seen = PlotRoom(after=unseen)
    area = _shown(qtbot, seen, unseen, above_px=190)
    area.verticalScrollBar().setValue(0)
    with qtbot.assertNotEmitted(unseen.wanted), qtbot.waitSignal(seen.wanted):
        pass
    with qtbot.waitSignal(unseen.wanted):
        area.verticalScrollBar().setValue(area.verticalScrollBar().maximum())
