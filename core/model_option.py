"""`--model`: one of cnntop's networks, one of torchvision's, or what a person's own code makes.

A file or module is code, and is only ever imported for a `ModelCode`, which is made of the command
line and of nothing else. Nothing in here imports any.
"""

import re
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path

import msgspec

from cnntop.core.errors import UsageError
from cnntop.core.sections import SIZE_KEYS
from cnntop.core.text import printable

_OWN = re.compile(r"(shallow|resnet|speednet)(\d*)")
_TORCHVISION = re.compile(r"(?:torchvision(?:\.models)?:)?(\w+)", re.ASCII)
_DOTTED = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")


class ModelSource(msgspec.Struct, frozen=True):
    """Where a network from code came from, as run.json keeps it: what `--model` was, the file that
    it led to and the SHA-256 of that file."""

    model: str
    file: str
    sha256: str


@dataclass(frozen=True)
class ModelCode:
    """`text` is `--model`'s value: `attribute` of a `file`, or of a `module` where there is none.
    With a `sha256` the file must be that one, because a run goes on with it."""

    text: str
    attribute: str
    file: Path | None = None
    module: str = ""
    sha256: str | None = None

    def imported_from(self) -> str:
        """The file of code that has been imported, as its tracebacks name it."""
        if self.file is not None:
            return str(self.file)
        return str(getattr(sys.modules.get(self.module), "__file__", ""))


@dataclass(frozen=True)
class ModelOption:
    """What `--model` asks for: `settings` of the recipe, as --set has them, or code."""

    settings: tuple[str, ...] = ()
    code: ModelCode | None = None


def parse_model(text: str) -> ModelOption:
    """`shallow128`, `resnet50`, `vgg11_bn` or `torchvision:resnet18` (torchvision's),
    `./net.py:Net`, `package.module:callable`.

    Raises UsageError for anything else, and for a file that does not exist.
    """
    if own := _OWN.fullmatch(text):
        name, size = own.groups()
        sized = (f"model.{SIZE_KEYS[name]}={size}",) if size else ()
        return ModelOption((f"model.name={name}", *sized))
    if named := _TORCHVISION.fullmatch(text):
        return ModelOption(("model.name=torchvision", f"model.architecture={named[1]}"))
    return ModelOption(code=_code(text))


def _code(text: str) -> ModelCode:
    where, colon, attribute = text.rpartition(":")
    shown = printable(text)
    if not colon or not where or not _DOTTED.fullmatch(attribute):
        example = f"{shown}:Net" if text.endswith(".py") else "./net.py:Net"
        raise UsageError(
            f"--model {shown}: name what makes the network too, as in {example} or "
            "package.module:callable."
        )
    if "/" in where:
        file = Path(where).expanduser()
        if not file.is_file():
            raise UsageError(f"--model {shown}: there is no file {printable(where)}.")
        return ModelCode(text, attribute, file=file.absolute())
    if where.endswith(".py"):
        raise UsageError(f"--model {shown}: write ./{shown} for a file of this folder.")
    if not _DOTTED.fullmatch(where):
        raise UsageError(f"--model {shown}: {printable(where)} is no name of a module.")
    return ModelCode(text, attribute, module=where)


def told(error: BaseException, file: str) -> str:
    """What a person's code raised, in one line, with the line of `file` that it comes from."""
    text = printable(" ".join(str(error).split()))
    line = line_of(error, file)
    where = f" ({printable(Path(file).name)}, line {line})" if line else ""
    return f"{type(error).__name__}{f': {text}' if text else ''}{where}"


def line_of(error: BaseException, file: str) -> int | None:
    """The line of `file` in which `error` was raised, or from which what raised it was called."""
    if isinstance(error, SyntaxError) and error.filename == file:
        return error.lineno
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == file]
    return lines[-1] if lines else None
