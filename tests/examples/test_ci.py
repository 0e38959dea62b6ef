"""The CI files: read as the services read them, and their commands run in the order in which they stand."""

from __future__ import annotations

import re
from importlib.metadata import distribution
from pathlib import Path
from typing import Any, Final

import pytest
from ruamel.yaml import YAML

from tests.clients.model import installed

from .running import EXAMPLES, Copy, Done, node_modules

GITHUB: Final = EXAMPLES / "ci" / "github-actions.yml"
GITLAB: Final = EXAMPLES / "ci" / "gitlab-ci.yml"
JOBS: Final = ("pytest", "unittest", "node", "shell")
TOOLS: Final = {"node": ("node",), "shell": ("msmtp", "bats")}
PACKAGES: Final = {"msmtp": "msmtp", "bats": "bats", "nodejs": "node", "node-nodemailer": "node"}
"""Of Debian, and the command that shows that each is there."""
BREAKAGE: Final = {
    "pytest": ("pytest/signup.py", "Confirm your account", "Confirm"),
    "node": ("node/reset.cjs", "Your new password", "Password"),
}
"""By job that keeps something of a failure: how its product is broken."""

each_job = pytest.mark.parametrize("job", JOBS)


def read(path: Path) -> Any:
    return YAML(typ="safe", pure=True).load(path.read_text("utf-8"))


def variables(job: str) -> dict[str, str]:
    """What a job needs of this machine; without it the test fails in CI and is skipped elsewhere."""
    for tool in TOOLS.get(job, ()):
        installed(tool)
    return node_modules() if job == "node" else {}


_INSTALLS: Final = re.compile(
    r"(?:sudo )?apt-get update && (?:sudo )?apt-get install -y --no-install-recommends (?P<packages>.+)"
    r'|python -m pip install "\$FAKESMTP_FROM"(?P<names>.*)'
    r"|npm install"
)


def is_preparation(command: str) -> bool:
    """Whether a command installs something; it is looked at, not run."""
    return _INSTALLS.fullmatch(command) is not None


def check_prepared(command: str) -> None:
    """See that what a command would install is what there is on this machine."""
    found = _INSTALLS.fullmatch(command)
    assert found is not None, command
    for package in (found["packages"] or "").split():
        installed(PACKAGES[package])
    for name in (found["names"] or "").split():
        assert distribution(name)


def run(copy: Copy, shell: list[str], commands: list[str], place: str, job: str) -> Done:
    return copy.run([*shell, "\n".join(commands)], place, **variables(job), FAKESMTP_FROM="fakesmtp")


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return Copy(tmp_path)


# ---------------------------------------------------------------------- GitHub


def steps(job: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = read(GITHUB)["jobs"][job]["steps"]
    return found


def test_the_workflow_is_one() -> None:
    workflow = read(GITHUB)
    assert list(workflow) == ["name", "on", "env", "jobs"]
    assert workflow["on"] == ["push", "pull_request"]
    assert workflow["env"] == {"FAKESMTP_FROM": "fakesmtp"}
    assert tuple(workflow["jobs"]) == JOBS


@each_job
def test_a_job_of_the_workflow_is_one(job: str) -> None:
    given = read(GITHUB)["jobs"][job]
    assert set(given) == {"runs-on", "defaults", "steps"}
    assert given["defaults"] == {"run": {"working-directory": job}}
    for step in given["steps"]:
        assert set(step) <= {"uses", "with", "run", "if"}
        assert ("uses" in step) != ("run" in step)
        assert re.fullmatch(r"actions/[a-z-]+@v\d+", step.get("uses", "actions/x@v1"))
        assert step.get("if", "failure()") == "failure()"
    assert given["steps"][0] == {"uses": "actions/checkout@v4"}


@each_job
def test_the_workflows_commands_run(job: str, copy: Copy) -> None:
    commands = [step["run"] for step in steps(job) if "run" in step]
    essential = [command for command in commands if not is_preparation(command)]
    assert 0 < len(essential) < len(commands)
    for command in essential:
        done = run(copy, ["bash", "-e", "-c"], [command], job, job)
        assert done.status == 0, f"{command}\n{done.output}"
    assert all((copy.folder / path).is_file() for path in reports(job))


@pytest.mark.parametrize("job", BREAKAGE)
def test_what_the_workflow_keeps_of_a_failure_is_there(job: str, copy: Copy) -> None:
    copy.edit(*BREAKAGE[job])
    for step in steps(job):
        if "run" in step and not is_preparation(step["run"]):
            run(copy, ["bash", "-e", "-c"], [step["run"]], job, job)
    assert kept_by(job)
    assert all((copy.folder / path).exists() for path in kept_by(job))


def kept_by(job: str) -> list[str]:
    """The files and folders that a job uploads."""
    uploads = [step for step in steps(job) if "upload-artifact" in step.get("uses", "")]
    return [path for step in uploads for path in step["with"]["path"].split()]


def test_every_job_that_keeps_something_is_broken_here() -> None:
    assert {job for job in JOBS if kept_by(job)} == set(BREAKAGE)


# ---------------------------------------------------------------------- GitLab


def reports(job: str) -> list[str]:
    """The reports that the pipeline reads."""
    found: dict[str, str] = read(GITLAB)[job].get("artifacts", {}).get("reports", {})
    return list(found.values())


def lines(job: str, key: str) -> list[str]:
    found: list[str] = read(GITLAB)[job].get(key, [])
    return found


def test_the_pipeline_is_one() -> None:
    pipeline = read(GITLAB)
    assert list(pipeline) == ["variables", "default", *JOBS]
    assert pipeline["variables"] == {"FAKESMTP_FROM": "fakesmtp"}
    assert pipeline["default"] == {"image": "python:3.12"}


@each_job
def test_a_job_of_the_pipeline_is_one(job: str) -> None:
    given = read(GITLAB)[job]
    assert set(given) <= {"before_script", "script", "after_script", "artifacts"}
    for key in ("before_script", "script", "after_script"):
        assert all(isinstance(line, str) for line in given.get(key, [])), "a colon has made a mapping of a command"
    assert set(given.get("artifacts", {})) <= {"when", "paths", "reports"}


@each_job
def test_the_pipeline_says_the_same_as_the_workflow(job: str) -> None:
    """Word for word, so that what runs in the one runs in the other."""
    first, *script = lines(job, "script")
    workflow = [step["run"] for step in steps(job) if "run" in step and "if" not in step]
    assert first == f"cd {job}"
    assert [line for line in script if not line.startswith("export ")] == [
        command for command in workflow if not is_preparation(command)
    ]


@each_job
def test_what_is_installed_is_what_there_is(job: str) -> None:
    variables(job)
    for command in lines(job, "before_script"):
        check_prepared(command)
    for command in (step["run"] for step in steps(job) if is_preparation(step.get("run", ""))):
        check_prepared(command)


@pytest.mark.parametrize("job", ["unittest", "node"])
def test_the_pipelines_commands_run(job: str, copy: Copy) -> None:
    """All lines of a script share a shell; what comes after it has one of its own."""
    for key in ("script", "after_script"):
        done = run(copy, ["bash", "-eo", "pipefail", "-c"], lines(job, key), ".", job)
        assert done.status == 0, done.output
    assert all((copy.folder / path).exists() for path in read(GITLAB)[job].get("artifacts", {}).get("paths", []))
