"""Initial weights of a training."""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from groundcast.model.detector import Detector, DetectorOptions
from groundcast.model.dino.grounding_dino import GroundingDino
from groundcast.model.prompt import Prompt, PromptError
from groundcast.model.training.first_weights import edge_from_nothing, first_weights
from groundcast.model.weights.checkpoint import read_checkpoint, set_weights

from ..tiny import write_tiny

EMBEDDING = "text_encoder.bert.embeddings.word_embeddings.weight"


def test_new_words_join_the_old_ones(tmp_path: Path) -> None:
    path = write_tiny(tmp_path)
    old, new = read_checkpoint(path), first_weights(path, ["Red spoon", "mug", "spoon, wooden"])
    added = [word for word in new.vocabulary if word not in old.vocabulary]
    assert added == ["spoon", ",", "wooden"]
    assert new.known_wordings is not None
    assert {"red mug", "Red spoon"} <= set(new.known_wordings)
    assert new.config.text.vocabulary == len(new.vocabulary) == len(old.vocabulary) + 3
    torch.testing.assert_close(new.weights[EMBEDDING][:-3], old.weights[EMBEDDING].float())
    model = GroundingDino(new.config)
    set_weights(model, new.weights, path)


def test_known_words_change_nothing(tmp_path: Path) -> None:
    path = write_tiny(tmp_path)
    old, new = read_checkpoint(path), first_weights(path, ["red mug"])
    assert (new.config, new.vocabulary) == (old.config, old.vocabulary)


def test_a_model_that_reads_any_words_is_taken_as_it_is(tmp_path: Path) -> None:
    path = write_tiny(tmp_path, known=False)
    new = first_weights(path, ["wooden spoon"])
    assert new.known_wordings is None
    assert "spoon" not in new.vocabulary


def test_an_edge_model_knows_the_words_of_its_data_alone() -> None:
    first = edge_from_nothing(["green cup", "spoon"], 120)
    with Detector(first, DetectorOptions(), Path("edge")) as detector:
        assert detector.input_rule == "an area of 19200 px"
        detector.check(Prompt.parse("green cup . spoon"))
        with pytest.raises(PromptError, match="was not taught 'fork'"):
            detector.check(Prompt.parse("fork"))
