"""The workflow files are valid, pinned, and ask for no more rights than they need."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

WORKFLOWS = sorted((Path(__file__).parents[2] / ".github" / "workflows").glob("*.yml"))


def test_there_are_workflows():
    assert [path.name for path in WORKFLOWS] == ["publish.yml", "test.yml"]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
class TestWorkflow:
    def test_follows_github_s_schema(self, path):
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "check_jsonschema",
                "--builtin-schema",
                "vendor.github-workflows",
                str(path),
            ],
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def test_actions_are_pinned_by_commit(self, path):
        uses = re.findall(r"uses: (.*)", path.read_text(encoding="utf-8"))
        assert uses and all(re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v[\d.]+", use) for use in uses), uses

    def test_rights_are_few(self, path):
        workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
        assert workflow["permissions"] in ({}, {"contents": "read"})
        writes = {
            right
            for job in workflow["jobs"].values()
            for right, level in job.get("permissions", {}).items()
            if level == "write"
        }
        assert writes <= {"pages", "id-token"}

    def test_commands_exist(self, path, root):
        workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
        targets = set(re.findall(r"^(\w+): ;", (root / "Makefile").read_text(encoding="utf-8"), re.M))
        for job in workflow["jobs"].values():
            assert job["timeout-minutes"] <= 90
            for step in job["steps"]:
                command = step.get("run", "make book")
                assert (root / command).exists() or re.fullmatch(r"(make|python -m book) (\w+)", command)[
                    2
                ] in targets


def test_the_script_of_continuous_integration_is_sound(root):
    script = root / ".ci" / "run"
    assert script.stat().st_mode & 0o111
    text = script.read_text(encoding="utf-8")
    assert (
        text.startswith("#!/usr/bin/env bash\n")
        and "set -euo pipefail" in text
        and text.endswith("make test\n")
    )
    subprocess.run(["bash", "-n", str(script)], check=True)
