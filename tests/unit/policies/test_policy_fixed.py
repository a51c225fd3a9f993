from __future__ import annotations

from collections.abc import Callable

import pytest

from autoscaler.testing import Scene


@pytest.mark.parametrize("scene", [Scene(), Scene(busy=9, queue=90), Scene(queue=None)])
def test_always_the_same(ask: Callable[..., int], scene: Scene) -> None:
    assert ask("fixed", scene, workers=4) == 4
