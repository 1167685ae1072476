"""`--model`: what it may be, and what it is not."""

import re
import traceback
from pathlib import Path

import pytest

from cnntop.core.errors import UsageError
from cnntop.core.model_option import line_of, parse_model, told


@pytest.mark.parametrize(
    ("text", "settings"),
    [
        ("shallow", ("model.name=shallow",)),
        ("shallow128", ("model.name=shallow", "model.kernels=128")),
        ("speednet16", ("model.name=speednet", "model.kernels=16")),
        ("resnet110", ("model.name=resnet", "model.depth=110")),
        ("vgg11_bn", ("model.name=torchvision", "model.architecture=vgg11_bn")),
        ("torchvision:resnet18", ("model.name=torchvision", "model.architecture=resnet18")),
        ("torchvision.models:resnet18", ("model.name=torchvision", "model.architecture=resnet18")),
    ],
)
def test_a_network_by_name_is_settings_of_the_recipe(text: str, settings: tuple[str, ...]) -> None:
    option = parse_model(text)
    assert option.settings == settings
    assert option.code is None


def test_a_file_and_what_is_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "nets").mkdir()
    file = tmp_path / "nets" / "a:b.py"
    file.touch()
    for text in ("./nets/a:b.py:Net.small", "nets/a:b.py:Net.small", f"{file}:Net.small"):
        option = parse_model(text)
        assert option.settings == ()
        assert option.code is not None
        assert option.code.text == text
        assert option.code.file == file
        assert option.code.attribute == "Net.small"


def test_a_module_and_what_is_in_it() -> None:
    code = parse_model("package.module:make").code
    assert code is not None
    assert (code.module, code.attribute, code.file) == ("package.module", "make", None)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("net.py:Net", "write ./net.py:Net for a file of this folder"),
        ("net.py", "as in net.py:Net"),
        ("./net.py", "as in ./net.py:Net"),
        ("package.module", "name what makes the network too"),
        ("./none.py:Net", "there is no file ./none.py"),
        (".:Net", ". is no name of a module"),
        ("./:Net", "there is no file"),
        (":Net", "name what makes the network too"),
        ("module:", "name what makes the network too"),
        ("module:Net()", "name what makes the network too"),
        ("module:__import__('os')", "name what makes the network too"),
        ("a b:Net", "a b is no name of a module"),
        ("", "name what makes the network too"),
        ("\x1b[31m", "--model ?[31m: name"),
        ("./\x1b[31m.py:Net", "--model ./?[31m.py:Net: there is no file"),
    ],
)
def test_what_is_wrong_is_said(
    text: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.py").touch()
    with pytest.raises(UsageError, match=re.escape(words)) as caught:
        parse_model(text)
    assert caught.value.exit_code == 2
    assert "\x1b" not in str(caught.value)


def test_an_error_is_told_with_the_line_that_it_comes_from(tmp_path: Path) -> None:
    file = str(tmp_path / "net.py")
    code = (
        "def inner():\n    raise ValueError('too\\n\\x1b[31m bad')\n\n\ndef outer():\n    inner()\n"
    )
    names: dict[str, object] = {}
    exec(compile(code, file, "exec"), names)
    outer = names["outer"]
    assert callable(outer)
    with pytest.raises(ValueError, match="bad") as caught:
        outer()
    assert told(caught.value, file) == "ValueError: too ?[31m bad (net.py, line 2)"
    assert told(caught.value, "another.py") == "ValueError: too ?[31m bad"
    assert told(KeyError(), file) == "KeyError"
    with pytest.raises(SyntaxError) as syntax:
        compile("x = 1\ny = (\n", file, "exec")
    assert line_of(syntax.value, file) == 2
    assert line_of(syntax.value, traceback.__file__) is None
