"""One table per benchmark, for a terminal and for docs/benchmarks.md."""

from __future__ import annotations

from pathlib import Path

import attrs
import rich.box
import rich.table
from rich.console import Console

PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"


@attrs.define
class Table:
    """Rows of text under named columns, with sentences below it."""

    title: str
    columns: list[str]
    rows: list[list[str]] = attrs.field(factory=list)
    sections: list[int] = attrs.field(factory=list)
    """Numbers of rows after which a line is drawn."""

    notes: list[str] = attrs.field(factory=list)

    def end_section(self) -> None:
        """Draw a line below the rows so far."""
        self.sections.append(len(self.rows))

    def show(self, console: Console) -> None:
        """Print it."""
        drawn = rich.table.Table(title=self.title, title_justify="left", box=rich.box.SIMPLE)
        for number, column in enumerate(self.columns):
            drawn.add_column(column, justify="left" if number == 0 else "right", no_wrap=True)
        for number, row in enumerate(self.rows, start=1):
            drawn.add_row(*row, end_section=number in self.sections)
        console.print(drawn)
        for note in self.notes:
            console.print(note, highlight=False)

    def markdown(self) -> str:
        """The same as Markdown, without the title."""
        lines = [
            f"| {' | '.join(self.columns)} |",
            f"|{'---|' + '---:|' * (len(self.columns) - 1)}",
            *(f"| {' | '.join(row)} |" for row in self.rows),
            "",
            *(f"- {note}" for note in self.notes),
        ]
        return "\n".join(lines) + "\n"


def write(name: str, table: Table, page: Path = PAGE) -> None:
    """Put the table in its place in docs/benchmarks.md.

    The place is between the comments `<!-- NAME -->` and `<!-- end of NAME -->`. Raises ValueError when the
    page does not have both.
    """
    text = page.read_text()
    begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
    if begin not in text or end not in text:
        raise ValueError(f"{page} has no place for {name!r}")
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(end)
    page.write_text(f"{before}{begin}\n{table.markdown()}\n{end}{after}")
