"""An untrusted model folder: its files run no code and fetch nothing, and are refused in one sentence."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import json
import os
import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from groundcast.launch.bench.oracle import save
from groundcast.model.config import ConfigError, ModelConfig
from groundcast.model.runtime.network import Network
from groundcast.model.weights.checkpoint import CheckpointError, find_checkpoint, read_checkpoint
from groundcast.model.weights.config_file import BACKBONES, read_config

from .oracle import Sizes, oracle
from .tiny import tiny_config, write_tiny


class _Code:
    """A pickle that would leave a mark."""

    def __init__(self, mark: Path) -> None:
        self._mark = mark

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self._mark),)


@contextmanager
def _listening() -> Generator[tuple[str, list[str]]]:
    """A web server's address, and the paths it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        do_HEAD = do_GET  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _load(path: Path) -> None:
    Network(read_checkpoint(find_checkpoint(str(path), offline=True), offline=True), "cpu", None, path)


def _describe(path: Path, **changes: object) -> None:
    described = path.with_suffix(".json")
    facts = json.loads(described.read_text())
    facts["config"] |= changes
    described.write_text(json.dumps(facts))


def test_options_in_a_model_folder_run_no_pickle_and_fetch_nothing(tmp_path: Path) -> None:
    path, mark = write_tiny(tmp_path), tmp_path / "was run"
    torch.save(_Code(mark), tmp_path / "evil.bin")
    with _listening() as (address, asked):
        for options in (
            {"checkpoint_path": str(tmp_path / "evil.bin")},
            {"pretrained": True, "pretrained_cfg": {"url": f"{address}/evil.pth"}},
            {"pretrained": True, "pretrained_cfg": {"file": str(tmp_path / "evil.bin")}},
            {"pretrained_cfg_overlay": {"hf_hub_id": "owner/model"}, "cache_dir": str(mark)},
        ):
            _describe(path, backbone_options=options)
            with pytest.raises(CheckpointError, match=r"tiny\.json .* unknown key 'backbone_options\."):
                _load(path)
    assert asked == []
    assert not mark.exists()


@pytest.mark.parametrize("name", ["hf-hub:owner/model", "local-dir:/tmp", "resnet50.a1_in1k", "", 7, None, ["swin"]])
def test_a_backbone_is_one_of_those_that_are_known(tmp_path: Path, name: object) -> None:
    path = write_tiny(tmp_path)
    _describe(path, backbone=name)
    with pytest.raises(
        CheckpointError, match=r"'backbone' of the model configuration is .*: it must be one of swin_tiny"
    ):
        _load(path)


def test_every_known_backbone_is_one_of_timms_that_it_need_not_fetch() -> None:
    import timm

    assert all(timm.is_model(name) for name in BACKBONES)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("name", "\x1b[2J"), ("name", "x" * 201), ("text", []), ("text", {"vocabulary": 24, "heads": 5, "width": 32}),
        ("text", {"vocabulary": "24"}), ("text", {"width": 32}), ("text", {"vocabulary": 24, "hook": "x"}),
        ("levels", []), ("levels", [2, 1]), ("levels", "123"), ("levels", [1, 99]), ("width", True), ("width", 33),
        ("width", -32), ("width", 10**9), ("heads", 5), ("heads", 0), ("points", 2.0), ("fusion_scale", float("nan")),
        ("share_heads", 1), ("head", "none"), ("body", "EDGE"), ("queries", 10**400), ("backbone_options", None),
        ("input_pixels", 0),
    ],
)  # fmt: skip
def test_a_value_that_is_not_what_its_key_needs_is_named(tmp_path: Path, key: str, value: object) -> None:
    path = write_tiny(tmp_path)
    _describe(path, **{key: value})
    with pytest.raises(CheckpointError, match=rf"tiny\.json does not describe a model: .*{key}"):
        _load(path)


@pytest.mark.parametrize(
    ("key", "value"),
    [("vocabulary", "words"), ("vocabulary", [1, 2]), ("vocabulary", ["only"]), ("known_wordings", [["red"]])],
)
def test_words_that_are_none_are_refused(tmp_path: Path, key: str, value: object) -> None:
    path = write_tiny(tmp_path)
    described = path.with_suffix(".json")
    described.write_text(json.dumps(json.loads(described.read_text()) | {key: value}))
    with pytest.raises(CheckpointError, match=r"tiny\.json"):
        _load(path)


def test_a_configuration_survives_its_file() -> None:
    swin = {"embed_dim": 16, "depths": [1, 1], "num_heads": [1, 2], "window_size": 7, "drop_path_rate": 0.1}
    for config in (tiny_config(), ModelConfig("b", tiny_config().text, backbone=BACKBONES[0], backbone_options=swin)):
        assert read_config(json.loads(json.dumps(config.to_dict()))) == config


def test_a_description_nested_too_deeply_is_refused(tmp_path: Path) -> None:
    path = write_tiny(tmp_path)
    path.with_suffix(".json").write_text("[" * 100_000)
    with pytest.raises(CheckpointError, match=r"cannot read .*tiny\.json"):
        _load(path)
    with pytest.raises(ConfigError, match="is no map but list"):
        read_config([])


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(oracle(Sizes()), tmp_path_factory.mktemp("hub"))


@pytest.mark.parametrize(
    "weight_map",
    [{"a": "../elsewhere.safetensors"}, {"a": "/elsewhere.safetensors"}, {"a": 1}, {"a": "evil.pth"}, [], 3],
)
def test_an_index_names_files_beside_it_alone(tmp_path: Path, weight_map: object) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    save_file({"a": torch.zeros(1)}, tmp_path / "elsewhere.safetensors")
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))
    with pytest.raises(CheckpointError, match=r"model\.safetensors\.index\.json"):
        _load(folder)


@pytest.mark.parametrize(
    "facts",
    [{"encoder_attention_heads": 0}, {"encoder_attention_heads": -8}, {"encoder_attention_heads": 5},
     {"text_config": {"num_attention_heads": 7}}],
)  # fmt: skip
def test_a_hub_configuration_with_impossible_heads_is_refused(hub: Path, tmp_path: Path, facts: dict[str, Any]) -> None:
    for name in ("model.safetensors", "vocab.txt"):
        (tmp_path / name).symlink_to(hub / name)
    own = json.loads((hub / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(own | facts))
    with pytest.raises(CheckpointError, match="is no Grounding DINO"):
        _load(tmp_path)


def test_a_tokenizer_whose_numbers_are_no_tokens_is_refused(hub: Path, tmp_path: Path) -> None:
    for name in ("model.safetensors", "config.json"):
        (tmp_path / name).symlink_to(hub / name)
    marks = {"[CLS]": 101, "[SEP]": 102, "[UNK]": 100, ".": -5}
    (tmp_path / "tokenizer.json").write_text(json.dumps({"model": {"vocab": marks}}))
    with pytest.raises(CheckpointError, match=r"tokenizer\.json does not belong to these weights"):
        _load(tmp_path)
