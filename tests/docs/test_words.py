"""No file of the project names the machine it was made on or where its packages came from."""

import re

from tests.docs.pages import REPOSITORY, project_files

# Put together here, so that this file does not find itself.
FORBIDDEN = {
    "a path of one machine": re.compile(
        r"(?<![\w.])/(?:" + "|".join(["wo" + "rk", "ro" + "ot"]) + ")/"
    ),
    "where packages come from": re.compile(r"(?<!no-emit-)index" + r"[-_]url", re.IGNORECASE),
    "a package registry": re.compile(
        "|".join([r"pypi\." + "org", "python" + "hosted", "npm" + r"js\.", "proxy" + r"\.golang"])
    ),
    "a number of a tracker": re.compile(r"(?i)\bissue" + r"s? #?\d"),
}
LOCKS = REPOSITORY / "requirements"


def _text(data: bytes) -> str | None:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None


def test_no_file_holds_a_forbidden_word() -> None:
    found = []
    for path in project_files():
        text = _text(path.read_bytes())
        for line, words in enumerate((text or "").splitlines(), 1):
            found += [
                f"{path.relative_to(REPOSITORY)}:{line}: {what}"
                for what, pattern in FORBIDDEN.items()
                if pattern.search(words)
            ]
    assert found == []


def test_the_words_are_recognised() -> None:
    samples = {
        "a path of one machine": "see /" + "work/main",
        "where packages come from": "--index" + "-url x",
        "a package registry": "https://pypi." + "org/simple",
        "a number of a tracker": "fixes issue" + " #12",
    }
    assert all(FORBIDDEN[what].search(sample) for what, sample in samples.items())
    assert not FORBIDDEN["where packages come from"].search("--no-emit-index" + "-url")
    assert not FORBIDDEN["a path of one machine"].search("src/net" + "work/x, ../wo" + "rk/")


def test_lock_files_hold_no_address() -> None:
    assert [path.name for path in LOCKS.glob("*") if "://" in path.read_text()] == []
