"""The progress of a run: nothing in a pipe; on a terminal finished jobs, current steps, the share done and the time left."""

import sys
import time
from typing import Any, Self


class Progress:
    """Receives the progress of a run, and shows nothing.

    A job is named by its label. `expected` jobs per client are an upper limit: some turn out not to be needed.
    """

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def expect(self, clients: int, jobs_per_client: int) -> None:
        """Set the total."""

    def start_job(self, label: str) -> None:
        """A job has started."""

    def update_job(self, label: str, step: str) -> None:
        """A job has reached a step."""

    def finish_job(self, label: str) -> None:
        """A job has ended, in whatever way."""

    def finish_client(self, jobs: int) -> None:
        """The run of a client has ended, after this number of jobs."""


class TerminalProgress(Progress):
    """Shows the progress on standard error by `rich`, in place, below one line for each finished job."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
        from rich.progress import Progress as Display
        from rich.table import Column

        console = Console(file=sys.stderr, highlight=False, markup=False, emoji=False, soft_wrap=False)
        label = TextColumn(
            "{task.description}", markup=False, table_column=Column(no_wrap=True, overflow="ellipsis", ratio=1)
        )
        columns = (SpinnerColumn("line"), label, BarColumn(20), TextColumn("{task.percentage:>3.0f}%"))
        times = (TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn())
        # Standard streams stay as they are: commands print through `crmnb.core.terminal.Terminal`.
        self._display = Display(
            *columns, *times, console=console, transient=True, expand=True, redirect_stdout=False, redirect_stderr=False
        )
        self._steps: dict[str, str] = {}
        self._started = time.monotonic()
        self._task: Any = None
        self._jobs_per_client = 0

    def __enter__(self) -> Self:
        self._display.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._display.stop()

    def expect(self, clients: int, jobs_per_client: int) -> None:
        """Set the total."""
        self._jobs_per_client = jobs_per_client
        self._task = self._display.add_task("", total=clients * jobs_per_client)

    def start_job(self, label: str) -> None:
        """Show the job as current."""
        self.update_job(label, "")

    def update_job(self, label: str, step: str) -> None:
        """Show the step that a job has reached."""
        self._steps[label] = step
        self._show_steps()

    def finish_job(self, label: str) -> None:
        """Print a line with the time since the start, and advance the bar."""
        self._steps.pop(label, None)
        self._display.console.print(f"{time.monotonic() - self._started:7.1f} s  {label}", soft_wrap=True)
        self._advance(1)
        self._show_steps()

    def finish_client(self, jobs: int) -> None:
        """Advance the bar by the jobs that were not needed."""
        self._advance(self._jobs_per_client - jobs)

    def _advance(self, jobs: int) -> None:
        if self._task is not None:
            self._display.advance(self._task, jobs)

    def _show_steps(self) -> None:
        steps = "; ".join(f"{label}: {step}" if step else label for label, step in self._steps.items())
        if self._task is None:  # one step after another, of which nobody knows how many there are
            self._task = self._display.add_task(steps, total=None)
        self._display.update(self._task, description=steps)


def select_progress() -> Progress:
    """The display for standard error: in place on a terminal, none in a pipe."""
    return TerminalProgress() if sys.stderr.isatty() else Progress()
