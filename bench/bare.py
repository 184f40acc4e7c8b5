"""The floor of the screen: Textual's own table, with as many columns and rows as the control room holds at 80×24. It
imports nothing of obmen."""

from textual.app import App, ComposeResult
from textual.widgets import DataTable

COLUMNS = {"ID": 6, "Type": 14, "Status": 14, "Rejected": 9, "Started": 11, "Duration": 8}
ROWS = 200


class Bare(App[None]):
    def compose(self) -> ComposeResult:
        yield DataTable(cursor_type="row")

    def key_q(self) -> None:
        self.exit()

    def on_mount(self) -> None:
        table: DataTable[str] = self.query_one(DataTable)
        for title, width in COLUMNS.items():
            table.add_column(title, width=width)
        for row in range(ROWS):
            table.add_row(str(row), *("completed" for _title in range(1, len(COLUMNS))))


if __name__ == "__main__":
    Bare().run()
