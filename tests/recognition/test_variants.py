"""Every vector variant and the NumPy twins give the same bits."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

CODE = """
import hashlib, warnings
warnings.simplefilter("ignore")
import numpy as np
from engine import native
from engine.networks.prototype import PrototypeNetwork
from engine.networks.prototype_parameters import PrototypeParameters
from engine.recognition.encoding import encode
from engine.recognition.forward_filter import NormalScores
from engine.recognition.prototype_spiking import prepare_prototypes, readouts, simulate_prototypes
from engine.recognition.sad import sad_distances
from engine.recognition.spiking import Selection, SpikingParameters, prepare, similarity, simulate

class Network: pass
rng = np.random.default_rng(0)
digest = hashlib.sha256()
for inputs, features, places, scale in [(5, 9, 3, 1.0), (40, 70, 33, 0.2), (30, 280, 150, 2.0)]:
    network = Network()
    network.feature_weights = rng.normal(0.02, scale, (features, inputs)).astype(np.float32)
    network.output_weights = rng.normal(0.02, scale, (places, features)).astype(np.float32)
    queries = rng.integers(0, 90, (3, inputs), np.uint8)
    selection = Selection(np.arange(inputs), 50)
    for field in ("own", "lens"):
        parameters = SpikingParameters(timebin=90, field=field, seed=3)
        digest.update(encode(queries, parameters, selection).tobytes())
        result = simulate(prepare(network, feature_bias=0.01, output_threshold=1.3), queries, parameters, selection=selection)
        assert result.output_spikes.sum() > 0
        for array in (similarity(result), result.counts, result.membranes, result.synops, result.feature_spikes):
            digest.update(np.ascontiguousarray(array).tobytes())
weights = rng.integers(-127, 128, (70, 300)).astype(np.int8)
prototypes = PrototypeNetwork(weights, rng.integers(-50, 50, 70).astype(np.int32), 777, np.arange(70, dtype=np.int32))
for spikes in ("regular", "random"):
    shown = rng.uniform(-1, 1, (3, 300)).astype(np.float32)
    result = simulate_prototypes(prepare_prototypes(prototypes), shown, PrototypeParameters(spikes=spikes, timebin=70, seed=4))
    assert result.output_spikes.sum() > 0
    columns = readouts(prepare_prototypes(prototypes), result)
    for array in (result.counts, result.membranes, result.drives, result.synops, columns["spikes"], columns["membrane"]):
        digest.update(np.ascontiguousarray(array).tobytes())
    digest.update(NormalScores(70).of(columns["spikes"][:, 0].astype(np.float64)).tobytes())
for kind in (np.uint8, np.float32):
    frames = rng.integers(0, 256, (21, 9, 77), np.uint8).astype(kind) / kind(1 if kind is np.uint8 else 7)
    digest.update(sad_distances(frames.astype(kind), frames[:10].astype(kind)).tobytes())
print(native.variant(), digest.hexdigest())
"""


def run(variant: str) -> tuple[str, str]:
    done = subprocess.run(
        [sys.executable, "-c", CODE],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "REVISIT_NATIVE": variant},
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    ran, digest = done.stdout.split()
    return ran, digest


@pytest.fixture(scope="module")
def twins() -> str:
    ran, digest = run("off")
    assert ran == "numpy"
    return digest


@pytest.mark.parametrize("variant", ["baseline", "avx2", ""])
def test_every_variant_gives_the_twins_bits(variant: str, twins: str) -> None:
    ran, digest = run(variant)
    assert ran == variant or not variant or ran == "baseline"  # a processor without AVX2 falls back
    assert digest == twins
