"""The demo: a synthetic street driven twice, learned and recognised, as a whole workspace."""

from dataclasses import dataclass
from pathlib import Path

from engine.errors import BadInput
from engine.frames.inputs import InputParameters
from engine.jobs import CancelToken, Emit, Notice
from engine.parameters import Parameters, parameter
from engine.places.ground_truth import save_truth
from engine.places.selection import PairSelection, ReferenceSelection
from engine.places.traverse import TraverseInfo, write_traverse
from engine.places.truth_details import TruthDetails
from engine.places.workspace import Workspace
from engine.recognition.encoding import SpikingParameters
from engine.recognition.evaluate import Evaluation, EvaluationParameters, evaluate
from engine.recognition.results import write_evaluation
from engine.recognition.scoring import ScoringParameters
from engine.resource_files import resource
from engine.simulation.logs import to_geographic, write_nmea, write_poses
from engine.simulation.pair import PairParameters, SimulatedPair, SimulatedTraverse, simulate_pair
from engine.storage import new_folder, read_json, write_json
from engine.training.job import TrainedNetwork, TrainingOutput, train_network
from engine.training.parameters import LensTrainingParameters

DATASET, CAMERA = "demo", "synthetic"


class DemoParameters(Parameters):
    """What the demo simulates, and how it learns and recognises it."""

    simulation: PairParameters = parameter(PairParameters(), "The world, the camera and the two drives.")
    inputs: InputParameters = parameter(InputParameters(dims=(16, 16)), "What the network sees of a frame.")
    training: LensTrainingParameters = parameter(LensTrainingParameters(), "The learning rule.")
    spiking: SpikingParameters = parameter(SpikingParameters(), "The simulation of the network.")
    scoring: ScoringParameters = parameter(ScoringParameters(sequence_length=4, GT_tolerance=1), "Matching and scoring.")


@dataclass(frozen=True)
class DemoResult:
    """What the demo made."""

    workspace: Workspace
    trained: TrainedNetwork
    evaluation: Evaluation
    report: Path


def demo_parameters() -> DemoParameters:
    """The demo's settings, from resources/demo.json."""
    path = resource("demo.json")
    return DemoParameters.read(read_json(path), str(path))


def run_demo(folder: Path, parameters: DemoParameters, emit: Emit, cancel: CancelToken) -> DemoResult:
    """Simulate, train, evaluate and report, in a workspace of its own.

    Args:
        folder: of the workspace; an earlier demo's traverses in it are kept, if they are of the same simulation.
        parameters: the demo's settings.
        emit: gets the progress of every stage.
        cancel: stops it within half a second.

    Raises:
        BadInput: the folder holds something else.
        JobCancelled: stopped; what was whole is kept.
    """
    workspace = create_demo_workspace(folder, parameters, emit, cancel)
    reference, query = list(parameters.simulation.traverses)[:2]
    pair = PairSelection(data_dir=workspace.data_dir, dataset=DATASET, camera=CAMERA, reference=reference, query=query)
    selection = ReferenceSelection(data_dir=workspace.data_dir, dataset=DATASET, camera=CAMERA, reference=reference)
    # The same settings give the same network, so replacing an earlier demo's network loses nothing.
    trained = train_network(
        selection, parameters.inputs, parameters.training, TrainingOutput(overwrite=True, checkpoint=False), emit, cancel
    )
    methods = EvaluationParameters(model=trained.path, sad=True)
    evaluation = evaluate(
        pair,
        parameters.inputs,
        parameters.spiking,
        parameters.scoring,
        methods,
        emit,
        cancel,
    )
    report = workspace.new_output()
    models = (pair, evaluation.inputs, parameters.spiking, parameters.scoring, methods)
    settings = {type(model).__name__: model.model_dump(mode="json") for model in models}
    write_evaluation(report, evaluation, {**settings, "Demo": parameters.model_dump(mode="json")})
    return DemoResult(workspace, trained, evaluation, report)


def create_demo_workspace(folder: Path, parameters: DemoParameters, emit: Emit, cancel: CancelToken) -> Workspace:
    """Simulate the demo's traverses into a new workspace, whole or not at all; one that is there already is kept.

    Raises:
        BadInput: the folder holds something else, or another version's demo.
    """
    marker = folder / "demo.json"
    wanted = parameters.simulation.model_dump(mode="json")
    if marker.exists():
        if read_json(marker) != wanted:
            raise BadInput(f"{folder} holds the demo of another version of Revisit: move it away, or name another folder.")
        emit(Notice(f"{folder} has the demo's traverses already: they are kept."))
        return Workspace.open(folder)
    with new_folder(folder) as part:
        workspace = Workspace(part / "dataset")
        workspace.recordings.mkdir()
        pair = simulate_pair(parameters.simulation, workspace.recordings, emit=emit, cancel=cancel)
        _write(pair, workspace)
        write_json(part / "demo.json", wanted)
    return Workspace.open(folder)


def _write(pair: SimulatedPair, workspace: Workspace) -> None:
    """Write the simulated traverses in a workspace's layout: frames, index files, poses, NMEA logs, ground truth."""
    for traverse in pair.traverses:
        _write_traverse(pair.parameters, traverse, workspace)
    reference = pair.traverses[0].name
    for query, truth in pair.ground_truth.items():
        details = TruthDetails(made=({"made": "simulation"},))
        save_truth(workspace.ground_truth_file(DATASET, CAMERA, reference, query), truth, details)


def _write_traverse(simulation: PairParameters, traverse: SimulatedTraverse, workspace: Workspace) -> None:
    camera = simulation.camera
    folder = workspace.frames_folder(DATASET, CAMERA, traverse.name)
    latitudes, longitudes = to_geographic(simulation.gps, traverse.frame_poses.x, traverse.frame_poses.y)
    info = TraverseInfo(
        sensor=(camera.width, camera.height),
        region=(0, 0, camera.width, camera.height),
        window_ms=simulation.window_ms,
        source="" if traverse.events_path is None else traverse.events_path.name,
        start_us=int(traverse.starts_us[0]),
        window_starts_us=traverse.starts_us.tolist(),
        poses="frame_poses.csv",
        simulation={
            "world": simulation.world.model_dump(mode="json"),
            "camera": camera.model_dump(mode="json"),
            "conditions": traverse.conditions.model_dump(mode="json"),
        },
    )
    coordinates = [(round(float(a), 7), round(float(b), 7)) for a, b in zip(latitudes, longitudes, strict=True)]
    write_traverse(folder, workspace.index_file(traverse.name), traverse.frames, info, coordinates)
    write_poses(folder / "frame_poses.csv", traverse.frame_poses)
    write_poses(workspace.recordings / f"{traverse.name}_poses.csv", traverse.poses)
    write_nmea(workspace.recordings / f"{traverse.name}.nmea", traverse.poses, simulation.gps)
