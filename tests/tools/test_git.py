"""Real git against bare mirrors made here: what is found, what is refused in words."""

import os
import subprocess
import tarfile
import threading
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import pytest

from paas.domain.errors import Cancelled, StepFailed
from paas.tools import git_commands as commands
from paas.tools.git import ArchiveTree, Git, Source

from .support import bench

URL = "https://github.com/acme/shop"
AUTHOR = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.org"}
COMMITTER = {"GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@example.org"}
ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    **AUTHOR,
    **COMMITTER,
}
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:" + "0" * 64 + "\nsize 9\n"


def git(folder: Path, *arguments: str) -> str:
    argv = ["git", "-c", "init.defaultBranch=main", *arguments]
    done = subprocess.run(argv, cwd=folder, env=ENVIRONMENT, check=True, capture_output=True)
    return done.stdout.decode().strip()


class Mirror:
    """A folder of bare repositories, and one working copy for each."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "mirror"
        self._work = folder / "work"
        self.folder.mkdir()

    def work(self, name: str = "acme/shop") -> Path:
        """The working copy, with the bare repository that it pushes to."""
        work = self._work / name
        if not work.exists():
            work.mkdir(parents=True)
            bare = self.folder / f"{name}.git"
            bare.mkdir(parents=True)
            git(bare, "init", "--bare", "-q")
            git(work, "init", "-q")
            git(work, "remote", "add", "origin", str(bare))
        return work

    def commit(
        self, files: Mapping[str, str | bytes], name: str = "acme/shop", branch: str = "main"
    ) -> str:
        """Commit files on a branch and push it; the commit's sha."""
        work = self.work(name)
        for path, content in files.items():
            file = work / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content.encode() if isinstance(content, str) else content)
        git(work, "add", "-A")
        git(work, "commit", "-q", "--allow-empty", "-m", "change")
        git(work, "push", "-q", "-f", "origin", f"HEAD:refs/heads/{branch}")
        return git(work, "rev-parse", "HEAD")


@pytest.fixture
def mirror(tmp_path: Path) -> Mirror:
    return Mirror(tmp_path)


@pytest.fixture
def log() -> list[tuple[str, str]]:
    return []


@pytest.fixture
def tool(tmp_path: Path, mirror: Mirror, log: list[tuple[str, str]]) -> Git:
    return make(tmp_path, mirror, log)


def make(tmp_path: Path, mirror: Mirror, log: list[tuple[str, str]], limit: int = 2**24) -> Git:
    return Git(bench(log), tmp_path / "git", limit=limit, mirror=str(mirror.folder), hosts=())


def pack(tool: Git, tmp_path: Path, **wanted: str) -> ArchiveTree:
    return tool.pack(tool.fetch(URL, **wanted), tmp_path / "1.tar.gz")


def test_the_default_branch_is_resolved_and_packed(
    tool: Git, mirror: Mirror, tmp_path: Path, log: list[tuple[str, str]]
) -> None:
    sha = mirror.commit({"app.py": "print()\n", "static/a b.css": "é"})
    source = tool.fetch(URL + ".git")
    tree = tool.pack(source, tmp_path / "1.tar.gz")
    assert source.sha == sha
    assert sorted(tree.files()) == ["app.py", "static/a b.css"]
    assert tree.read("static/a b.css") == "é"
    assert tree.read("nothing") is None
    assert log == [("git", f"{URL} at its default branch is commit {sha[:12]}")]
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["1.tar.gz"]


def test_branch_tag_and_commits_are_found(tool: Git, mirror: Mirror) -> None:
    first = mirror.commit({"a": "1"})
    git(mirror.work(), "tag", "-a", "-m", "x", "v1")
    git(mirror.work(), "push", "-q", "origin", "v1")
    second = mirror.commit({"a": "2"})
    third = mirror.commit({"a": "3"}, branch="feature/x")
    assert tool.fetch(URL).sha == second
    assert tool.fetch(URL, branch="feature/x").sha == third
    assert tool.fetch(URL, ref="feature/x").sha == third
    assert tool.fetch(URL, ref="v1").sha == first
    assert tool.fetch(URL, ref=first).sha == first
    assert tool.fetch(URL, ref=first[:8]).sha == first


def test_a_moved_branch_is_seen(tool: Git, mirror: Mirror, tmp_path: Path) -> None:
    mirror.commit({"a": "1"})
    tool.fetch(URL)
    sha = mirror.commit({"a": "2"})
    source = tool.fetch(URL)
    assert source.sha == sha
    assert tool.pack(source, tmp_path / "1.tar.gz").read("a") == "2"


def test_a_mirror_without_the_ending_is_used_too(tool: Git, mirror: Mirror) -> None:
    sha = mirror.commit({"a": "1"})
    (mirror.folder / "acme/shop.git").rename(mirror.folder / "acme/shop")
    assert tool.fetch(URL).sha == sha


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        ({"branch": "nope"}, f"the branch nope does not exist in {URL}"),
        ({"ref": "v9"}, f"the ref v9 does not exist in {URL}"),
        ({"ref": "0" * 40}, f"the ref {'0' * 40} does not exist in {URL}"),
        ({"ref": "abcdef1"}, f"the ref abcdef1 does not exist in {URL}"),
        ({"branch": "--upload-pack=touch x"}, "cannot be the name"),
        ({"ref": "-x"}, "cannot be the name"),
        ({"ref": "a:refs/heads/b"}, "cannot be the name"),
        ({"branch": "a..b"}, "cannot be the name"),
    ],
)
def test_what_is_not_there_is_said(
    tool: Git, mirror: Mirror, wanted: dict[str, str], sentence: str
) -> None:
    mirror.commit({"a": "1"})
    with pytest.raises(StepFailed) as failure:
        tool.fetch(URL, **wanted)
    assert sentence in failure.value.message


def test_a_branch_that_looks_like_an_option_is_only_a_name(mirror: Mirror, tool: Git) -> None:
    mirror.commit({"a": "1"})
    sha = git(mirror.work(), "rev-parse", "HEAD")
    git(mirror.folder / "acme/shop.git", "update-ref", "refs/heads/x-y", sha)
    assert tool.fetch(URL, branch="x-y").sha == sha


def test_an_unknown_repository_is_said(tool: Git) -> None:
    with pytest.raises(StepFailed, match=r"acme/shop does not exist in the mirror"):
        tool.fetch(URL)


def test_an_empty_repository_is_said(tool: Git, mirror: Mirror) -> None:
    mirror.work()
    with pytest.raises(StepFailed, match="has no commits on its default branch"):
        tool.fetch(URL)


def test_an_unreachable_host_is_said(tmp_path: Path, mirror: Mirror) -> None:
    tool = Git(bench(), tmp_path / "git", limit=2**24, mirror="http://127.0.0.1:1", hosts=())
    with pytest.raises(StepFailed, match="cannot be reached"):
        tool.fetch(URL)


def test_a_fetch_over_the_limit_is_refused(tmp_path: Path, mirror: Mirror) -> None:
    mirror.commit({"noise": os.urandom(3 * 2**20)})
    with pytest.raises(StepFailed, match="larger than the limit of 2 MB"):
        make(tmp_path, mirror, [], limit=2 * 2**20).fetch(URL)


def test_a_tree_over_the_limit_is_refused(tmp_path: Path, mirror: Mirror) -> None:
    mirror.commit({"zeros": b"\0" * (5 * 2**20)})
    tool = make(tmp_path, mirror, [], limit=4 * 2**20)
    with pytest.raises(StepFailed, match="larger than the limit of 4 MB"):
        pack(tool, tmp_path)
    assert not (tmp_path / "1.tar.gz").exists()


def test_attributes_of_the_repository_do_not_change_the_archive(
    tool: Git, mirror: Mirror, tmp_path: Path
) -> None:
    mirror.commit(
        {
            ".gitattributes": "hidden.txt export-ignore\nid.txt export-subst\n",
            "hidden.txt": "here",
            "id.txt": "$Format:%H$",
        }
    )
    tree = pack(tool, tmp_path)
    assert tree.read("hidden.txt") == "here"
    assert tree.read("id.txt") == "$Format:%H$"


def test_pointers_of_lfs_are_refused(tool: Git, mirror: Mirror, tmp_path: Path) -> None:
    mirror.commit({"img/logo.png": POINTER})
    with pytest.raises(StepFailed, match=r"'img/logo.png' of the repository is kept in git LFS"):
        pack(tool, tmp_path)


@pytest.mark.parametrize(
    ("target", "sentence"), [("/etc/passwd", "is absolute"), ("../../x", "leaves the tree")]
)
def test_links_out_of_the_tree_are_refused(
    tool: Git, mirror: Mirror, tmp_path: Path, target: str, sentence: str
) -> None:
    (mirror.work() / "etc").mkdir()
    (mirror.work() / "etc/link").symlink_to(target)
    mirror.commit({"a": "1"})
    with pytest.raises(StepFailed, match=f"'etc/link' of the repository {sentence}"):
        pack(tool, tmp_path)


def test_links_within_the_tree_stay(tool: Git, mirror: Mirror, tmp_path: Path) -> None:
    (mirror.work() / "etc").mkdir()
    (mirror.work() / "etc/link").symlink_to("../a")
    mirror.commit({"a": "1"})
    assert pack(tool, tmp_path).files() == ("a",)
    with tarfile.open(tmp_path / "1.tar.gz") as tar:
        assert tar.getmember("etc/link").linkname == "../a"


def add_submodule(mirror: Mirror, url: str, sha: str, path: str = "lib") -> None:
    work = mirror.work()
    (work / ".gitmodules").write_text(f'[submodule "x"]\n\tpath = {path}\n\turl = {url}\n')
    git(work, "update-index", "--add", "--cacheinfo", f"160000,{sha},{path}")
    git(work, "add", ".gitmodules")
    git(work, "commit", "-q", "-m", "submodule")
    git(work, "push", "-q", "origin", "HEAD:refs/heads/main")


@pytest.mark.parametrize(
    "url", ["https://github.com/acme/lib.git", "../lib", "git@github.com:acme/lib.git"]
)
def test_submodules_are_packed(tool: Git, mirror: Mirror, tmp_path: Path, url: str) -> None:
    sha = mirror.commit({"lib.py": "1"}, name="acme/lib")
    mirror.commit({"lib.py": "2"}, name="acme/lib")
    mirror.commit({"a": "1"})
    add_submodule(mirror, url, sha)
    tree = pack(tool, tmp_path)
    assert tree.read("lib/lib.py") == "1"
    assert ArchiveTree.open(tmp_path / "1.tar.gz").read("lib/lib.py") == "1"


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("https://evil.example/x/y", "the host evil.example of the repository is not allowed"),
        ("file:///etc", "must begin with https://"),
        ("ext::sh -c touch% x", "characters that a URL cannot have"),
    ],
)
def test_submodules_obey_the_allow_list(
    tool: Git, mirror: Mirror, tmp_path: Path, url: str, sentence: str
) -> None:
    mirror.commit({"a": "1"})
    add_submodule(mirror, url, "1" * 40)
    with pytest.raises(StepFailed) as failure:
        pack(tool, tmp_path)
    assert failure.value.message.startswith("the submodule 'lib' cannot be fetched: ")
    assert sentence in failure.value.message


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("http://github.com/a/b", "must begin with https://"),
        ("file:///etc", "must begin with https://"),
        ("https://user:pw@github.com/a/b", "no user name or password"),
        ("https://evil.example/a/b", "PAAS_GIT_HOSTS"),
        ("https://github.com:444/a/b", "not allowed"),
        ("https://github.com/a/../b", "not of the form"),
        ("https://github.com/a/b?x=1", "not of the form"),
        ("https://github.com/--x/b", "not of the form"),
        ("https://github.com/a/b\n", "characters"),
        ("https://[github.com/a/b", "not a URL"),
        ("https://github.com", "not of the form"),
    ],
)
def test_only_the_documented_urls_are_taken(url: str, sentence: str) -> None:
    with pytest.raises(StepFailed) as failure:
        commands.check_url(url, ())
    assert sentence in failure.value.message
    assert "pw" not in failure.value.message


def test_other_hosts_are_taken_when_named() -> None:
    assert commands.check_url("https://Git.Example:8443/a/b.git/", ["git.example:8443"]) == (
        "https://git.example:8443/a/b"
    )


def test_the_mirror_takes_the_place_of_github_only(tmp_path: Path) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    assert commands.mirror_url("https://github.com/a/b", str(tmp_path)) == f"{tmp_path}/a/b"
    assert commands.mirror_url("https://github.com/a/b", "http://m/git/") == "http://m/git/a/b.git"
    assert commands.mirror_url("https://github.com/a/b", "") == "https://github.com/a/b.git"
    assert commands.mirror_url("https://other.example/a/b", "http://m") == (
        "https://other.example/a/b"
    )


def test_the_fetch_command_is_what_it_is() -> None:
    remote = commands.Remote("https://github.com/a/b.git", ("https",))
    argv = commands.fetch(remote, "refs/heads/main", "refs/cache/x")
    settings = [value for name, value in pairwise(argv) if name == "-c"]
    assert settings[0] == "protocol.allow=never"
    assert settings[-1] == "protocol.https.allow=always"
    assert argv[argv.index("fetch") :] == [
        *("fetch", "--no-tags", "--force", "--no-recurse-submodules", "--depth=1"),
        *("--end-of-options", "https://github.com/a/b.git", "+refs/heads/main:refs/cache/x"),
    ]


def test_one_repository_is_fetched_by_one_at_a_time(
    tool: Git, mirror: Mirror, tmp_path: Path
) -> None:
    sha = mirror.commit({"a": "1"})
    found: list[Source] = []
    threads = [threading.Thread(target=lambda: found.append(tool.fetch(URL))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [source.sha for source in found] == [sha] * 4


def test_a_cancelled_fetch_stops_waiting_for_another(
    tmp_path: Path, mirror: Mirror, tool: Git
) -> None:
    mirror.commit({"a": "1"})
    cancelled = bench(stop=lambda: Cancelled("enough"))
    waiting = Git(cancelled, tmp_path / "git", limit=2**24, mirror=str(mirror.folder), hosts=())
    with tool._locked(URL), pytest.raises(Cancelled):
        waiting.fetch(URL)


def test_left_overs_of_a_killed_fetch_are_cleared(tool: Git, mirror: Mirror) -> None:
    mirror.commit({"a": "1"})
    cache = tool.fetch(URL).cache
    (cache / "shallow.lock").write_text("")
    (cache / "objects/pack/tmp_pack_x").write_text("")
    sha = mirror.commit({"a": "2"})
    assert tool.fetch(URL).sha == sha
    assert not (cache / "shallow.lock").exists()
