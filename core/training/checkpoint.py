"""Weights on disk, whole or not at all."""

import io
from pathlib import Path

import torch
from torch import nn

from cnntop.core.durable import replace_file


def save_weights(folder: Path, name: str, model: nn.Module, facts: dict[str, object]) -> str:
    """Write `model`'s weights and `facts` (plain values) to `folder/checkpoint/name`.

    Loadable with `torch.load(path, weights_only=True)`. Returns the path relative to `folder`.
    Raises OSError if the disk does not take it; an earlier file of that name is then kept.
    """
    (folder / "checkpoint").mkdir(exist_ok=True)
    weights = {key: tensor.cpu() for key, tensor in model.state_dict().items()}
    path = folder / "checkpoint" / name
    # Through memory, because torch hides the reason why a disk takes no more.
    content = io.BytesIO()
    torch.save({"model": weights, **facts}, content)
    replace_file(path, lambda file: file.write(content.getbuffer()))
    return str(path.relative_to(folder))
