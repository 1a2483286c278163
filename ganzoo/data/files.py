"""The base of the data sets that come in files with known names and checksums. Free of torch until files are read."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import ClassVar

from . import locate
from .download import DownloadError, download
from .images import TensorSource
from .info import DataInfo
from .integrity import DataFile, read_proven
from .source import Report


class FileSource(TensorSource):
    """A data set in files: found in one of the places of :mod:`~ganzoo.data.locate`, or downloaded, and proven.

    Attributes:
        known: what the files hold.
        files: all of them, of all splits.
    """

    known: ClassVar[DataInfo]
    files: ClassVar[tuple[DataFile, ...]]

    @property
    def native(self) -> DataInfo:
        """What the files hold."""
        return self.known

    @abstractmethod
    def fetch(self, folder: Path) -> None:
        """Download all files into ``folder``, from archives that are verified."""

    def place(self) -> Path | None:
        """The first place that has all files."""
        return locate.find(self.files, self.options.data_dir)

    def verify(self) -> Report:
        """Prove the files of every split; they are not downloaded for it."""
        name = self.native.name
        if (root := self.place()) is None:
            raise locate.not_found(name, self.files, self.options.data_dir, download="not tried by verify")
        return Report(name=name, files=tuple(read_proven(root, file, name=name)[1] for file in self.files))

    def download(self) -> None:
        """Fetch what is missing into ``--data-dir``, or into the user's cache folder."""
        self._download(self.files)

    def root(self, split: str) -> Path:
        """The folder that has all files of ``split``, after a download if need be."""
        files = self.files_of(split)
        if root := locate.find(files, self.options.data_dir):
            return root
        if not self.options.download:
            raise locate.not_found(self.native.name, files, self.options.data_dir, download="turned off")
        self._download(files)
        return locate.download_dir(self.options.data_dir)

    def files_of(self, split: str) -> tuple[DataFile, ...]:
        """The files that ``split`` is read from."""
        return tuple(file for file in self.files if file.split in (split, "both"))

    def prove(self, split: str) -> Path:
        """The folder of the files of ``split``, each of them proven: for a reader that wants a folder."""
        root = self.root(split)
        for file in self.files_of(split):
            read_proven(root, file, name=self.native.name)
        return root

    def content(self, split: str) -> list[bytearray]:
        """The proven content of each file of ``split``."""
        root = self.root(split)
        return [read_proven(root, file, name=self.native.name)[0] for file in self.files_of(split)]

    def _download(self, wanted: tuple[DataFile, ...]) -> None:
        name, data_dir = self.native.name, self.options.data_dir
        try:
            download(name, self.files, self.fetch, locate.download_dir(data_dir))
        except DownloadError as error:
            raise locate.not_found(name, wanted, data_dir, download=error.problem) from None
