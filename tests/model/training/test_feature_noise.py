"""Feature noise: it has the set deviation at every place in training, and is absent in inference."""

# pyright: reportPrivateUsage=false, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import pytest
import torch

from groundcast.model.training.feature_noise import add_feature_noise

from ..tiny import tiny_model


@torch.no_grad()
def test_noise_is_added_in_training_alone_and_as_much_as_was_asked_for() -> None:
    model = tiny_model(proposals="peaks")
    names = set(model.state_dict())
    project = model.get_submodule("backbone.project.0")
    channels = model.get_parameter("backbone.project.0.0.weight").shape[1]
    features = torch.randn(2, channels, 40, 40, generator=torch.Generator().manual_seed(0))
    before = project(features)
    add_feature_noise(model, 0.25)
    assert torch.equal(project(features), before)
    project.train()
    added = project(features) - before
    assert float(added.std()) == pytest.approx(0.25, rel=0.02)
    assert abs(float(added.mean())) < 0.01
    assert set(model.state_dict()) == names


def test_every_map_and_all_but_the_last_decoder_layer_are_disturbed() -> None:
    model = tiny_model()
    add_feature_noise(model, 0.1)
    disturbed = {name for name, part in model.named_modules() if part._forward_hooks}
    assert disturbed == {
        *(f"backbone.project.{level}" for level in range(3)),
        *(f"encoder.layers.{layer}.image_feed_forward" for layer in range(2)),
        *(f"encoder.merge.{level}" for level in range(2)),
        "decoder.layers.0",
    }
