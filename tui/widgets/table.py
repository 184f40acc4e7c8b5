"""A DataTable that repaints the cells that changed, not itself, and keeps its place when rows come and go."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Self

from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.coordinate import Coordinate
from textual.geometry import Region
from textual.message import Message
from textual.widgets import DataTable
from textual.widgets.data_table import RowKey

from importers.texts import _
from tui.keys import bindings

ELSEWHERE = Coordinate(-2, 0)


class Column(NamedTuple):
    key: str
    title: str
    """msgid"""
    width: int
    right: bool = False
    """Numbers: the title stands at the right too."""

    order: str = ""
    """A sign behind the title, of the column that rows are sorted by."""

    @property
    def label(self) -> Text:
        title = _(self.title) + self.order
        return Text(title.rjust(self.width) if self.right else title, no_wrap=True, overflow="ellipsis")


class StableTable(DataTable[Text], inherit_bindings=False):
    """Rows are keyed by text. `show` makes the table hold exactly the given rows, at the least cost."""

    BINDINGS = bindings("table")

    class Pointed(Message):
        """The cursor is on another row now. `key` None: there is no row."""

        def __init__(self, table: StableTable, key: str | None) -> None:
            super().__init__()
            self.table = table
            self.key = key

        @property
        def control(self) -> StableTable:
            return self.table

    _still = False
    """While cells are set one by one: `refresh` waits. DataTable refreshes before `__init__` is through."""

    def __init__(self, columns: Sequence[Column], *, id: str | None = None) -> None:  # noqa: A002 (Textual's name)
        super().__init__(cursor_type="row", id=id)
        self._columns: tuple[Column, ...] = ()
        self._first_columns = tuple(columns)
        self._keys: list[str] = []
        self._cells: list[Sequence[Text]] = []
        """Of each row, as they were shown last."""
        self._pointed: str | None = None

    def on_mount(self) -> None:
        self.reshape(self._first_columns)

    @property
    def column_keys(self) -> list[str]:
        return [column.key for column in self._columns]

    @property
    def cursor_key(self) -> str | None:
        return self._keys[self.cursor_row] if 0 <= self.cursor_row < len(self._keys) else None

    @property
    def at_end(self) -> bool:
        """Whether the cursor is on the last row, or there is none."""
        return self.cursor_row >= len(self._keys) - 1

    def reshape(self, columns: Sequence[Column]) -> bool:
        """Change the columns; the rows have to be shown again then. False: they are the same already."""
        if tuple(columns) == self._columns:
            return False
        self._columns = tuple(columns)
        with self.prevent(DataTable.RowHighlighted):
            self.clear(columns=True)
        self._keys, self._cells = [], []
        for column in columns:
            self.add_column(column.label, key=column.key, width=column.width)
        return True

    def show(self, rows: Iterable[tuple[str, Sequence[Text]]], cursor: str | None = None) -> None:
        """Hold `rows` (key, cells). The cursor goes to the row `cursor`, or stays on its row, or near it."""
        rows = list(rows)
        keys = [key for key, _cells in rows]
        if self._keys and self._keys == keys[: len(self._keys)]:
            self._update(rows[: len(self._keys)])
            self._append(rows[len(self._keys) :])
        else:
            self._rebuild(rows, self._pointed)
        if cursor in self._keys:
            self.move_cursor(row=self._keys.index(cursor))
        self._point()

    def _update(self, rows: list[tuple[str, Sequence[Text]]]) -> None:
        changed = []
        shown, self._cells[: len(rows)] = self._cells[: len(rows)], [cells for _key, cells in rows]
        # update_cell repaints the whole table; `refresh` holds still meanwhile and only the cells follow.
        self._still = True
        try:
            for y, (key, cells) in enumerate(rows):
                if cells is shown[y]:
                    continue
                for x, cell in enumerate(cells):
                    if self.get_cell_at(Coordinate(y, x)) != cell:
                        self.update_cell(key, self._columns[x].key, cell)
                        changed.append(Coordinate(y, x))
        finally:
            self._still = False
        if changed:
            self._forget_painted()
        for coordinate in changed:
            self.refresh_coordinate(coordinate)

    def _forget_painted(self) -> None:
        """DataTable keeps what it painted by the number of the last update: behind one it is of no use any more, and
        would grow for hours until thousands push it out."""
        self._line_cache.clear()
        self._row_render_cache.clear()
        self._cell_render_cache.clear()
        self._row_renderable_cache.clear()

    def _append(self, rows: list[tuple[str, Sequence[Text]]]) -> None:
        self._keys += [key for key, _cells in rows]
        self._cells += [cells for _key, cells in rows]
        with self.prevent(DataTable.RowHighlighted):
            for key, cells in rows:
                self.add_row(*cells, key=key)

    def _rebuild(self, rows: list[tuple[str, Sequence[Text]]], cursor: str | None) -> None:
        """DataTable only appends, so other rows mean new rows; cursor and scroll go back to where they were."""
        row, top = self.cursor_row, self.scroll_offset.y
        top_key = self._keys[top] if 0 < top < len(self._keys) else None
        self._keys = [key for key, _cells in rows]
        self._cells = [cells for _key, cells in rows]
        with self.app.batch_update(), self.prevent(DataTable.RowHighlighted):
            self.clear()
            for key, cells in rows:
                self.add_row(*cells, key=key)
            row = self._keys.index(cursor) if cursor in self._keys else min(row, len(rows) - 1)
            self.move_cursor(row=max(0, row))
        if top_key in self._keys:
            self.scroll_to(y=self._keys.index(top_key), animate=False)

    def on_data_table_row_highlighted(self, event: DataTable.RowHighlighted) -> None:
        event.stop()
        self._point()

    def _point(self) -> None:
        if self.cursor_key != self._pointed:
            self._pointed = self.cursor_key
            self.post_message(self.Pointed(self, self._pointed))

    def _update_dimensions(self, new_rows: Iterable[RowKey]) -> None:
        """The widths of the columns are given: there is no need to measure each cell of each new row."""
        super()._update_dimensions(())

    def _set_hover_cursor(self, active: bool) -> None:
        """At each key DataTable paints the row anew that the mouse was last over, and with it all rows in between."""
        if active or self._show_hover_cursor:
            super()._set_hover_cursor(active)

    def _render_line_in_row(
        self,
        row_key: RowKey,
        line_no: int,
        base_style: Style,
        cursor_location: Coordinate,
        hover_location: Coordinate,
    ) -> tuple[list[list[Segment]], list[list[Segment]]]:
        """DataTable keeps a row as it was painted for each place of the cursor: a move would paint all rows anew. They
        are the same wherever else it is."""
        row = self._row_locations.get(row_key)
        cursor, hover = (
            place if place.row == row else ELSEWHERE for place in (cursor_location, hover_location)
        )
        return super()._render_line_in_row(row_key, line_no, base_style, cursor, hover)

    def refresh(
        self, *regions: Region, repaint: bool = True, layout: bool = False, recompose: bool = False
    ) -> Self:
        if self._still:
            return self
        return super().refresh(*regions, repaint=repaint, layout=layout, recompose=recompose)
