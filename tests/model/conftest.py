"""One thread for torch: the networks in tests are tiny, and a second thread makes them slower."""

from __future__ import annotations

import torch

torch.set_num_threads(1)
