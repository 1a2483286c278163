"""The view of a run in a terminal: a live panel, or plain lines where the output is no terminal."""

from __future__ import annotations

from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.progress import BarColumn, TaskID, TextColumn
from rich.progress import Progress as Bar
from rich.table import Table

from .base import Observer, Progress, RunView


class LiveView(Observer):
    """Progress, speed, time left and every logged scalar, redrawn in place.

    Args:
        console: a terminal.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[text]}"))
        self._bar = Bar(*columns, console=console)
        self._values: dict[str, float] = {}
        self._figures: dict[str, float] = {}
        self._live: Live | None = None

    def noted(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False)

    def started(self, run: RunView, progress: Progress) -> None:
        self._console.print(_headline(run), markup=False, highlight=False)
        self._task: TaskID = self._bar.add_task(escape(run.config.variant), total=1.0, text="")
        self._live = Live(self._render(), console=self._console, refresh_per_second=4)
        self._live.start()

    def advanced(self, progress: Progress) -> None:
        if self._live is not None:
            self._bar.update(self._task, completed=progress.fraction, text=_standing(progress))
            self._live.update(self._render())

    def measured(self, progress: Progress, values: dict[str, float]) -> None:
        self._values = values
        self.advanced(progress)

    def evaluated(self, progress: Progress, values: dict[str, float], *, best: bool) -> None:
        self._figures = values
        self.advanced(progress)

    def ended(self, progress: Progress, reason: str) -> None:
        if self._live is not None:
            self.advanced(progress)
            self._live.stop()
            self._console.print(_ending(progress, reason), markup=False, highlight=False)

    def _render(self) -> Group:
        table = Table.grid(padding=(0, 2))
        losses = sorted(self._values.items(), key=lambda item: ("/" not in item[0], item[0]))
        for group in (losses, list(self._figures.items())):
            for row in range(0, len(group), 3):
                table.add_row(*(f"[dim]{escape(name)}[/dim] {value:.4f}" for name, value in group[row : row + 3]))
        return Group(self._bar, table)


class PlainLines(Observer):
    """A line for each measurement, for logs and pipes.

    Args:
        console: where to write.
    """

    def __init__(self, console: Console) -> None:
        self._console = console

    def noted(self, text: str) -> None:
        self._print(text)

    def started(self, run: RunView, progress: Progress) -> None:
        self._print(_headline(run))

    def measured(self, progress: Progress, values: dict[str, float]) -> None:
        scalars = "  ".join(f"{name} {value:.4f}" for name, value in values.items())
        self._print(f"{_standing(progress)}  {scalars}")

    def evaluated(self, progress: Progress, values: dict[str, float], *, best: bool) -> None:
        figures = "  ".join(f"{name} {value:.4f}" for name, value in values.items())
        self._print(f"      evaluated at step {progress.step:,}  {figures}" + ("  best so far" if best else ""))

    def ended(self, progress: Progress, reason: str) -> None:
        self._print(_ending(progress, reason))

    def _print(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)


def _headline(run: RunView) -> str:
    config = run.config
    networks = f" on {config.backbone}" if config.backbone and config.backbone != config.variant else ""
    amount = config.training.budget
    return (
        f"{config.variant}{networks}, {config.data.dataset} ({run.epoch_size:,} images), "
        f"batch {config.training.batch_size}, "
        f"{amount[1]:,g} {amount[0]}, {run.device} {config.training.precision}, seed {config.training.seed} "
        f"-> {run.folder.path}" + (f"\n{run.execution}" if run.execution else "")
    )


def _ending(progress: Progress, reason: str) -> str:
    evaluating = f", and {_time(progress.evaluating)} of evaluations" if progress.evaluating else ""
    return f"{reason} after {progress.step:,} steps, {progress.images:,} images, {_time(progress.seconds)}{evaluating}"


def _standing(progress: Progress) -> str:
    left = progress.seconds * (1 - progress.fraction) / progress.fraction if progress.fraction else 0.0
    return (
        f"{progress.fraction:4.0%}  step {progress.step:,}  {progress.images:,} images  "
        f"{progress.rate:,.0f} images/s  {_time(left)} left"
    )


def _time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
