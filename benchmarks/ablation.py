"""What each part of ganzoo's speed is worth on a CPU: `python benchmarks/ablation.py`.

Writes benchmarks/results/ablation-cpu.json. The full recipe (the eager engine, bfloat16 where the processor computes
in it, kept memory, and what the variant itself asks for) runs against the same recipe with one thing taken away, both
built anew from the same seed, in one process, in blocks that take turns (A B B A). The figure is the median over blocks
of the ratio of images a second, with and without the thing, and its bootstrap interval of 95 %. The compiled tier is
the one thing that is added. What a case does not have is listed with the reason. Parts overlap, so that the ratios do
not multiply to that of a race.
"""

from __future__ import annotations

import argparse
import gc
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from baselines.common import endless, mnist_loader, mnist_root
from baselines.contest import CASES, Contender, Settings, best_allocator, case_config, ganzoo
from race import positive, whole
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn
from torch.optim import Adam

from ganzoo.bench.machine import git, load_average
from ganzoo.bench.statistics import ratio, turns
from ganzoo.config import RunConfig
from ganzoo.data.batcher import Batcher
from ganzoo.durable import replace_json
from ganzoo.errors import GanzooError
from ganzoo.game import GAN, Batch, Player, Terms, Turn
from ganzoo.parts.dropout import Dropout
from ganzoo.training import session as sessions
from ganzoo.training.engine.cycle import Cycle
from ganzoo.training.engine.meter import Meter
from ganzoo.training.environment import environment
from ganzoo.training.precision import resolve_precision
from ganzoo.training.session import Session
from ganzoo.training.tuning.allocator import Allocator, can_keep, release

OUT = Path(__file__).parent / "results" / "ablation-cpu.json"
CPU = torch.device("cpu")


class LoadedBatches(Batcher):
    """Batches decoded and normalised by way of PIL, one image at a time, as the plain loops have them.

    Args:
        images: batches (N, C, H, W), float32 in [-1, 1].
        like: the batches in whose place they come.
    """

    def __init__(self, images: Iterator[Tensor], like: Batcher) -> None:
        self.info, self.size, self.fingerprint = like.info, like.size, like.fingerprint
        self.storage = "stream"
        self._images, self._drawn = images, 0

    @property
    def drawn(self) -> int:
        return self._drawn

    def restore(self, drawn: int) -> None:
        self._drawn = drawn  # of the count alone: a DataLoader cannot go back

    def prepare(self, rounds: int) -> None:
        return

    def draw(self) -> Batch:
        images = next(self._images)
        self._drawn += len(images)
        return Batch(images=images)


def without_merging(session: Session) -> None:
    """Real and fake images pass D apart."""
    _gan(session).merge_passes = False


def without_sharing(session: Session) -> None:
    """D and G each have fakes of their own."""
    _gan(session).share_fake = False


def with_torchs_dropout(session: Session) -> None:
    """torch.nn.Dropout in place of ganzoo's."""
    for module in list(session.engine.game.modules()):
        for name, child in module.named_children():
            if isinstance(child, Dropout):
                setattr(module, name, nn.Dropout(child.p))


def with_torchs_adam(session: Session) -> None:
    """Adam as torch builds it by default, which on a CPU goes from tensor to tensor."""
    for adam in _adams(session):
        for group in adam.param_groups:
            group |= {"fused": False, "foreach": None}


def with_all_gradients(session: Session) -> None:
    """Each loss is differentiated with respect to everything that it reaches."""
    cycle = session.engine.cycle
    cycle._differentiate = partial(_differentiate_all, cycle)  # type: ignore[method-assign]


def with_loader(session: Session) -> None:
    """Batches from a DataLoader."""
    config, engine = session.config, session.engine
    images = endless(mnist_loader(mnist_root(config.data), config.training.batch_size))
    engine.batcher = engine.cycle.batcher = LoadedBatches(images, engine.batcher)


def with_items(session: Session) -> None:
    """Every scalar is read when it is logged."""
    meter = session.engine.meter
    meter.add = partial(_read_and_add, meter, meter.add)  # type: ignore[method-assign]


def contiguous() -> AbstractContextManager[Any]:
    """Sessions built meanwhile keep torch's own memory format."""
    return mock.patch.object(sessions, "_CHANNELS_LAST", ())


@dataclass(frozen=True, kw_only=True)
class Part:
    """A thing that makes ganzoo fast, and the other end of the comparison.

    Attributes:
        name: of the part.
        instead: what stands in its place without it.
        lacks: why a session has no such part to take away; empty where it has.
        training: options of training without it.
        allocator: under which it runs without it.
        building: what holds while the session without it is built.
        change: made to the session without it.
        added: options of training of the other end, for what the full recipe does not have.
    """

    name: str
    instead: str
    lacks: Callable[[Session], str]
    training: Mapping[str, Any] = field(default_factory=dict)
    allocator: Allocator | None = None
    building: Callable[[], AbstractContextManager[Any]] = nullcontext
    change: Callable[[Session], None] = lambda session: None
    added: Mapping[str, Any] = field(default_factory=dict)


def _lacks(reason: str, has: Callable[[Session], bool]) -> Callable[[Session], str]:
    return lambda session: "" if has(session) else reason


PARTS = (
    Part(
        name="bf16",
        instead="float32",
        lacks=_lacks("this processor has no bfloat16", lambda session: session.engine.precision == "bf16"),
        training={"precision": "fp32"},
    ),
    Part(
        name="channels last",
        instead="contiguous",
        lacks=_lacks(
            "no convolutions", lambda session: any(each.ndim == 4 for each in session.engine.game.parameters())
        ),
        building=contiguous,
    ),
    Part(
        name="kept memory",
        instead="the system's allocator",
        lacks=_lacks("glibc alone can keep freed memory", lambda session: can_keep()),
        allocator="system",
    ),
    Part(
        name="merged pass",
        instead="real and fake pass D apart",
        lacks=_lacks("D sees real and fake apart in this game", lambda session: _gan(session).merge_passes),
        change=without_merging,
    ),
    Part(
        name="shared fake",
        instead="fakes of their own for D and G",
        lacks=_lacks("D and G have fakes of their own in this game", lambda session: _gan(session).share_fake),
        change=without_sharing,
    ),
    Part(
        name="dropout",
        instead="torch.nn.Dropout",
        lacks=_lacks(
            "no dropout", lambda session: any(isinstance(each, Dropout) for each in session.engine.game.modules())
        ),
        change=with_torchs_dropout,
    ),
    Part(
        name="fused Adam",
        instead="Adam by default",
        lacks=_lacks("no Adam", lambda session: bool(_adams(session))),
        change=with_torchs_adam,
    ),
    Part(
        name="own gradients",
        instead="gradients of all players",
        lacks=_lacks("one player", lambda session: len(session.engine.players) > 1),
        change=with_all_gradients,
    ),
    Part(
        name="resident data",
        instead="DataLoader, PIL",
        lacks=_lacks("the data is not resident", lambda session: session.batcher.storage == "device"),
        change=with_loader,
    ),
    Part(name="late reading", instead=".item() of each scalar", lacks=lambda session: "", change=with_items),
    Part(
        name="compile", instead="the eager engine", lacks=lambda session: "", added={"engine": "compile"}
    ),  # added, not taken away
)


class Ablation:
    """All pairs of a command line, and their record.

    Args:
        arguments: what was asked for.
    """

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.arguments = arguments
        self.precision = resolve_precision("auto", CPU)
        self.defaults = Settings.now()
        self.parts = [part for part in PARTS if part.name in arguments.parts]

    def run(self, console: Console) -> int:
        """Hold the contests and write the record after each; the number of pairs that failed."""
        record = {**self.heading(), "cases": []}
        release()  # so that the system's allocator is in one and the same state in all pairs
        self.arguments.out.parent.mkdir(parents=True, exist_ok=True)
        for case in self.arguments.cases:
            before = load_average()
            found: dict[str, Any] = {"case": case, "batch_size": self.arguments.batch_size, "pairs": [], "skipped": []}
            record["cases"].append(found)
            for part in self.parts:
                self.judge(case, part, found)
                found["load_average"] = {"before": before, "after": load_average()}
                replace_json(self.arguments.out, record)
            show(console, found)
        return sum("failed" in pair for found in record["cases"] for pair in found["pairs"])

    def heading(self) -> dict[str, Any]:
        """What all cases share."""
        asked = vars(self.arguments)
        return {
            "format": 1,
            "started": datetime.now(UTC).isoformat(timespec="seconds"),
            "git": git(),
            "asked": {name: asked[name] for name in ("batch_size", "threads", "blocks", "seconds", "seed")},
            "full": {"engine": "eager", "precision": self.precision, "allocator": best_allocator(CPU)},
            "environment": environment(CPU),
            "torch": torch.__version__,
        }

    def judge(self, case: str, part: Part, found: dict[str, Any]) -> None:
        """Race ``case`` with and without ``part``, and note it in ``found``; or note why not."""
        facts = {"name": part.name, "instead": part.instead}
        try:
            with ExitStack() as stack:
                if reason := part.lacks(self.session(case, {}, stack)):
                    found["skipped"].append({**facts, "reason": reason})
                else:
                    found["pairs"].append({**facts, **self.pair(case, part, stack)})
        except (GanzooError, RuntimeError, MemoryError) as error:  # the pair alone; the others go on
            reason = f"{type(error).__name__}: {error}"
            if part.added:
                found["skipped"].append({**facts, "reason": reason})
            else:
                found["pairs"].append({**facts, "failed": reason})
        gc.collect()

    def pair(self, case: str, part: Part, stack: ExitStack) -> dict[str, Any]:
        """The record of both ends, and the ratio of their speeds, with / without."""
        own, other = self.contenders(case, part, stack)
        for contender in (own, other):
            contender.calibrate(self.arguments.seconds)
        for order in turns(2, self.arguments.blocks):
            for index in order:
                (own, other)[index].block()
        found = asdict(ratio(own.rates(), other.rates(), seed=self.arguments.seed))
        return {"times_as_fast": found, "with": own.record(), "without": other.record()}

    def contenders(self, case: str, part: Part, stack: ExitStack) -> tuple[Contender, Contender]:
        """With and without ``part``, each in a session of its own, which ``stack`` closes."""
        own = ganzoo("with", self.session(case, part.added, stack))
        with part.building():
            session = self.session(case, part.training, stack)
        part.change(session)
        return own, ganzoo("without", session, allocator=part.allocator)

    def session(self, case: str, training: Mapping[str, Any], stack: ExitStack) -> Session:
        """The full recipe with other options of ``training``, newly built."""
        self.defaults.apply()
        session = Session(self.config(case, training))
        stack.enter_context(session.batcher)
        return session

    def config(self, case: str, training: Mapping[str, Any]) -> RunConfig:
        """The config of the full recipe with other options of ``training``."""
        asked = self.arguments
        full = {
            "batch_size": asked.batch_size,
            "device": "cpu",
            "precision": self.precision,
            "seed": asked.seed,
            "threads": asked.threads,
            "engine": "eager",
        }
        return case_config(case, {**full, **training}, {"data_dir": asked.data_dir} if asked.data_dir else {})


def show(console: Console, found: dict[str, Any]) -> None:
    """Print a case."""
    table = Table("part", "instead", "x as fast", "95 %", box=None, header_style="bold")
    for pair in found["pairs"]:
        if "failed" in pair:
            table.add_row(pair["name"], pair["instead"], "failed", pair["failed"])
        else:
            figure = pair["times_as_fast"]
            interval = f"{figure['low']:.2f} to {figure['high']:.2f}"
            table.add_row(pair["name"], pair["instead"], f"{figure['median']:.2f}", interval)
    console.print(f"\n[bold]{found['case']}[/bold], batch {found['batch_size']}")
    console.print(table)
    for each in found["skipped"]:
        console.print(f"{each['name']} skipped: {each['reason']}", markup=False)


def _gan(session: Session) -> GAN:
    game = session.engine.game
    assert isinstance(game, GAN), "the cases of a race are two-player games"
    return game


def _adams(session: Session) -> list[Adam]:
    found = (optimizer.inner for optimizer in session.engine.optimizers.values())
    return [inner for inner in found if isinstance(inner, Adam)]


def _differentiate_all(cycle: Cycle, player: Player, turn: Turn, *, share: float) -> Terms:
    """As ``Cycle._differentiate``, but nobody's gradients are left out."""
    with torch.autocast("cpu", torch.bfloat16, enabled=cycle.bf16):
        terms = player.loss(turn)
    (torch.stack(list(terms.values())).sum() * share).backward()  # type: ignore[no-untyped-call]
    return {name: value.detach() for name, value in terms.items()}


def _read_and_add(meter: Meter, add: Callable[[str, Terms], None], prefix: str, terms: Terms) -> None:
    for value in terms.values():
        value.item()  # host sync, on purpose
    add(prefix, terms)


def parse(words: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add, count, names = parser.add_argument, whole(1), [part.name for part in PARTS]
    usual = ["vanilla", "dcgan", "wgan-gp"]
    add("--cases", nargs="+", choices=CASES, default=usual, metavar="CASE", help=", ".join(CASES))
    add("--parts", nargs="+", choices=names, default=names, metavar="PART", help=", ".join(names))
    add("--batch-size", type=count, default=64, metavar="N")
    add("--threads", type=count, default=1, help="CPU threads")
    add("--blocks", type=count, default=10, help="blocks of each contender")
    add("--seconds", type=positive, default=1.0, help="length of a block")
    add("--seed", type=whole(0), default=0)
    add("--data-dir", type=Path, help="where MNIST lies; before GANZOO_DATA and the cache folder")
    add("--out", type=Path, default=OUT, help="the record")
    return parser.parse_args(words)


def main(words: Sequence[str] | None = None) -> int:
    """Take parts away; the exit status."""
    try:
        return 1 if Ablation(parse(words)).run(Console()) else 0
    except GanzooError as error:
        print(error, file=sys.stderr)
        return error.exit_code


if __name__ == "__main__":
    raise SystemExit(main())
