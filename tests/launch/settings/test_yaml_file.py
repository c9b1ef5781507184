"""What a settings file must not be: each is said in one sentence, and soon."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from groundcast.launch.settings.settings_file import SettingsError, read_settings

BASE = "prompt: red ball\nsources:\n  - {name: a, url: 'lavfi:testsrc'}\n"
NINE = ", ".join(["*{}"] * 9)
BOMB = "a0: &a0 [1]\n" + "".join(f"a{i}: &a{i} [{NINE.replace('{}', f'a{i - 1}')}]\n" for i in range(1, 12))
MERGES = "a0: &a0 {k: 1}\n" + "".join(f"a{i}: &a{i} {{<<: [{NINE.replace('{}', f'a{i - 1}')}]}}\n" for i in range(1, 9))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("prompt: &a [*a]\nsources: []\n", "line 1: an alias contains itself"),
        (f"prompt: {'[' * 3000}{']' * 3000}\n", "line 1: nested more than 20 deep"),
        (f"prompt: {'{a: ' * 3000}1{'}' * 3000}\n", "line 1: nested more than 20 deep"),
        (f"{BASE}stale_after_ms: {'9' * 5000}\n", "line 4: a number of 5000 digits"),
        (f"{BASE}stale_after_ms: {'1:' * 50_000}1\n", "line 4: a number of 100001 digits"),
        (f"{BASE}stale_after_ms: 0x_\n", "line 4: this looks like a number but is not one"),
        (f"{BASE}stale_after_ms: !!int abc\n", "line 4: a tag"),
        (f"{BASE}stale_after_ms: !!int ''\n", "line 4: a tag"),
        (f"{BASE}check_name: !!bool abc\n", "line 4: a tag"),
        (f"{BASE}node: !!timestamp abc\n", "line 4: a tag"),
        (f"{BASE}node: !hunter2 abc\n", "line 4: a tag"),
        (f"{BASE}node: *hunter2\n", "line 4: not YAML"),
        (f"{BASE}'rtsp://u:hunter2@h/': 1\n", r"line 4: unknown key `\*\*\*`"),
        (f"{BASE}1: x\n", "line 4: a key must be a name"),
        (f"{BASE}[a, b]: x\n", "line 4: a key must be a name"),
        (f"{BASE}node: a\nnode: b\n", "line 5: `node` was already set on line 4"),
        (BOMB + BASE, "more than 30000 values"),
        (MERGES + BASE, "more than 30000 values"),
        (f"prompt: [{'a,' * 120_000}]\nsources: []\n", "more than 30000 values"),
        (f"prompt: {'a' * 1_000_000}\nsources: []\n", "longer than the 256 KiB"),
        (f"prompt: {'a' * 250_000}\nsources: []\n", "at most 50000 are read"),
        (f"{BASE}{'${a' * 80_000}\n", "not YAML"),
        (f"{BASE}node: '{'${a' * 80_000}'\n", "`node` must have at most 64"),
        (f"prompt: red ball\nsources: [{{name: a, url: 'rtsp://{'a:b@' * 60_000}'}}]\n", "at most 4096 characters"),
        (f"{BASE}publish: {{keys: ~nosuchuser/x}}\n", "no user is called nosuchuser"),
        (f'{BASE}publish: {{keys: "a\\0b"}}\n', "null byte"),
        (f"{BASE}publish: {{high_water_mark: 2147483648}}\n", "`publish.high_water_mark` must be less"),
        (f"{BASE}publish: {{wait_for_subscriber_s: 1e+300}}\n", "`publish.wait_for_subscriber_s` must be less"),
        (
            f"{BASE}publish: {{address: 'tcp://127.0.0.1:99999999999999999999'}}\n",
            "line 4: `publish.address` must be an",
        ),
        (f"{BASE}control: {{address: 'tcp://127.0.0.1:65536'}}\n", "ports end at 65535"),
        (f"{BASE}health: {{address: '127.0.0.1:65536'}}\n", "`health.address` must have a port"),
    ],
)
def test_a_file_that_settings_cannot_be_is_refused_at_once(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "node.yaml"
    path.write_text(text)
    began_s = time.thread_time()
    with pytest.raises(SettingsError, match=says) as caught:
        read_settings(path, {})
    assert time.thread_time() - began_s < 2.0
    assert len(str(caught.value)) < 1000
    assert "hunter2" not in str(caught.value)


def test_what_looks_like_a_date_is_a_text_and_aliases_are_followed(tmp_path: Path) -> None:
    path = tmp_path / "node.yaml"
    path.write_text(
        "node: 2020-13-45\nprompt: &p 2026-01-02\nsources:\n"
        "  - &a {name: a, url: 'lavfi:testsrc', prompt: *p, size_px: 0x40}\n  - {<<: *a, name: b}\n"
    )
    settings = read_settings(path, {})
    assert (settings.node, settings.to_prompt().names) == ("2020-13-45", ("2026-01-02",))
    assert [(one.name, one.size_px, one.prompt) for one in settings.sources] == [
        ("a", 64, "2026-01-02"),
        ("b", 64, "2026-01-02"),
    ]
