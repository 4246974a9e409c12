"""The cluster files that ship are what Ray and KubeRay read, and start what the executor expects."""

from __future__ import annotations

import re
from importlib.metadata import version
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from dispatch.cli.commands import app
from dispatch.config.park import CONFIGS

FOLDER = CONFIGS / "cluster"

# Fields of KubeRay's ray.io/v1, of its API reference for 1.6.
JOB = {
    "activeDeadlineSeconds", "backoffLimit", "clusterSelector", "deletionStrategy", "entrypoint", "entrypointNumCpus",
    "entrypointNumGpus", "entrypointResources", "jobId", "managedBy", "metadata", "rayClusterSpec", "runtimeEnvYAML",
    "shutdownAfterJobFinishes", "submissionMode", "submitterConfig", "submitterPodTemplate", "suspend",
    "ttlSecondsAfterFinished",
}  # fmt: skip
CLUSTER = {
    "authOptions", "autoscalerOptions", "enableInTreeAutoscaling", "gcsFaultToleranceOptions", "headGroupSpec",
    "headServiceAnnotations", "managedBy", "rayVersion", "suspend", "upgradeStrategy", "workerGroupSpecs",
}  # fmt: skip
HEAD = {"enableIngress", "headService", "labels", "rayStartParams", "resources", "serviceType", "template"}
WORKERS = {
    "groupName", "idleTimeoutSeconds", "labels", "maxReplicas", "minReplicas", "numOfHosts", "rayStartParams",
    "replicas", "resources", "scaleStrategy", "suspend", "template",
}  # fmt: skip


def documents(name: str) -> dict[str, Any]:
    """By kind."""
    return {one["kind"]: one for one in yaml.safe_load_all((FOLDER / name).read_text(encoding="utf-8"))}


def commands(text: str) -> list[list[str]]:
    """What follows ``parkwatt`` wherever a command is written."""
    return [found.split() for found in re.findall(r"parkwatt (fleet [^'\n]+)", text)]


def test_ray_up_reads_the_file_for_own_machines() -> None:
    """By Ray's own schema, with the defaults of its provider for given machines."""
    import jsonschema
    from ray.autoscaler._private.util import prepare_config, validate_config

    text = (FOLDER / "on_premise.yaml").read_text(encoding="utf-8")
    raw = yaml.safe_load(text)
    validate_config(prepare_config(yaml.safe_load(text)))
    with pytest.raises(jsonschema.ValidationError, match="setup_comands"):
        validate_config(prepare_config(yaml.safe_load(text) | {"setup_comands": []}))
    started = " ".join([*raw["head_start_ray_commands"], *raw["worker_start_ray_commands"]])
    assert started.count("RAY_AUTH_MODE=token") == 2
    assert started.count("RAY_USAGE_STATS_ENABLED=0") == 2
    assert started.count("OMP_NUM_THREADS=1") == 2


@pytest.mark.parametrize("name", ["kuberay.yaml", "kuberay_job.yaml"])
def test_kuberay_knows_every_field(name: str) -> None:
    found = documents(name)
    custom = found.get("RayCluster") or found["RayJob"]
    assert custom["apiVersion"] == "ray.io/v1"
    spec = custom["spec"]
    if custom["kind"] == "RayJob":
        assert set(spec) <= JOB
        spec = spec["rayClusterSpec"]
    assert set(spec) <= CLUSTER
    assert set(spec["headGroupSpec"]) <= HEAD
    assert all(set(group) <= WORKERS for group in spec["workerGroupSpecs"])
    assert spec["rayVersion"] == version("ray")
    assert spec["authOptions"] == {"mode": "token"}
    claim = found["PersistentVolumeClaim"]
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"], "workers on several machines write into it"
    for group in (spec["headGroupSpec"], *spec["workerGroupSpecs"]):
        pod = group["template"]["spec"]
        (container,) = pod["containers"]
        assert {"name": "OMP_NUM_THREADS", "value": "1"} in container["env"]
        (mount,), (volume,) = container["volumeMounts"], pod["volumes"]
        assert mount["name"] == volume["name"]
        assert volume["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]


@pytest.mark.parametrize("name", ["on_premise.yaml", "kuberay.yaml", "kuberay_job.yaml"])
def test_the_commands_that_the_files_name_can_be_typed(name: str) -> None:
    for command in commands((FOLDER / name).read_text(encoding="utf-8")):
        assert "/srv/parkwatt" in " ".join(command)
        done = CliRunner().invoke(app, [*command, "--help"])
        assert done.exit_code == 0, done.output
        options = [word for word in command if word.startswith("--")]
        assert all(option in done.output for option in options)


def test_the_image_has_the_ray_that_is_locked() -> None:
    text = (FOLDER / "Dockerfile").read_text(encoding="utf-8")
    assert f"rayproject/ray:{version('ray')}-py3" in text
