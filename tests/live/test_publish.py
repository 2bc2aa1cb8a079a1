"""Answers over ZeroMQ, and the ROS 2 bridge that listens to them."""

import json
import runpy
import sys
import types
from pathlib import Path
from typing import Any

import pytest
import zmq

from engine.errors import BadInput
from engine.events.sources import ReplaySource
from engine.live.publish import Publisher
from engine.resource_files import resource
from tests.events.sources.helpers import FakeReader
from tests.live.helpers import SENSOR, answers_of, make_model, place_events
from tests.waiting import until

LINE = {"time_us": 1, "place": 3, "confidence": 0.5, "lost": False, "latency_ms": 1.5}


class Subscriber:
    """A robot."""

    def __init__(self, address: str, receive: int = 1000) -> None:
        self.context = zmq.Context()
        self.socket = self.context.socket(zmq.SUB)
        self.socket.setsockopt(zmq.SUBSCRIBE, b"")
        self.socket.setsockopt(zmq.RCVHWM, receive)
        self.socket.setsockopt(zmq.RCVTIMEO, 30_000)
        self.socket.connect(address)

    def close(self) -> None:
        self.socket.close(0)
        self.context.term()


def connected(publisher: Publisher, robot: Subscriber) -> None:
    """Send until something arrives: joining takes ZeroMQ a moment, and what was sent before is not kept."""
    robot.socket.setsockopt(zmq.RCVTIMEO, 20)

    def heard() -> bool:
        publisher.send({"hello": True})
        try:
            robot.socket.recv()
        except zmq.Again:
            return False
        return True

    until(heard, "the first line")
    robot.socket.setsockopt(zmq.RCVTIMEO, 200)
    try:
        while True:
            robot.socket.recv()
    except zmq.Again:
        robot.socket.setsockopt(zmq.RCVTIMEO, 30_000)


def test_a_robot_hears_every_line(tmp_path: Path) -> None:
    publisher = Publisher("tcp://127.0.0.1:0")
    robot = Subscriber(publisher.address)
    try:
        connected(publisher, robot)
        for number in range(100):
            publisher.send({**LINE, "place": number})
        assert [json.loads(robot.socket.recv())["place"] for _ in range(100)] == list(range(100))
        assert publisher.behind == 0
    finally:
        robot.close()
        publisher.close()
        publisher.close()


def test_one_that_never_reads_costs_nobody_else_a_line_and_nothing_waits() -> None:
    publisher = Publisher("tcp://127.0.0.1:0")  # 3,000 lines of 20 kB: more than queues and the network hold
    deaf, robot = Subscriber(publisher.address, receive=1), Subscriber(publisher.address)
    try:
        connected(publisher, deaf)
        connected(publisher, robot)
        long_line = {**LINE, "padding": "x" * 20_000}
        for number in range(3000):
            publisher.send({**long_line, "place": number})
            assert json.loads(robot.socket.recv())["place"] == number  # the robot that reads misses nothing
        assert publisher.behind >= 1
    finally:
        deaf.close()
        robot.close()
        publisher.close()


@pytest.mark.parametrize("address", ["nonsense", "tcp://127.0.0.1:99999999", "tcp://1.2.3.4.5:7780"])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(BadInput, match="cannot be published"):
        Publisher(address)


def test_a_taken_address_is_refused() -> None:
    first = Publisher("tcp://127.0.0.1:0")
    try:
        with pytest.raises(BadInput, match="a port that is free"):
            Publisher(first.address)
    finally:
        first.close()


class FakeRos:
    """Stands in for rclpy and std_msgs: it keeps what is published. This is not ROS."""

    def __init__(self, spin: Any) -> None:
        self.published: dict[str, list[Any]] = {}
        self.warnings: list[str] = []
        outer = self

        class Node:
            def __init__(self, name: str) -> None:
                self.name = name

            def create_publisher(self, kind: type, topic: str, depth: int) -> Any:
                lines = outer.published.setdefault(topic, [])
                return types.SimpleNamespace(publish=lambda message: lines.append(message.data))

            def create_timer(self, period: float, run: Any) -> Any:
                self.run = run
                return run

            def get_logger(self) -> Any:
                return types.SimpleNamespace(info=lambda text: None, warning=outer.warnings.append)

            def destroy_node(self) -> None:
                return

        class Message:
            def __init__(self, data: Any = None) -> None:
                self.data = data

        self.modules = {
            "rclpy": types.SimpleNamespace(init=lambda args: None, spin=spin, try_shutdown=lambda: None),
            "rclpy.node": types.SimpleNamespace(Node=Node),
            "std_msgs": types.SimpleNamespace(),
            "std_msgs.msg": types.SimpleNamespace(Float32=Message, Int32=Message, String=Message),
        }


def test_the_ros_2_bridge_hands_places_on(monkeypatch: pytest.MonkeyPatch) -> None:
    publisher = Publisher("tcp://127.0.0.1:0")

    def spin(node: Any) -> None:
        def heard() -> bool:
            publisher.send(LINE)
            node.run()
            return bool(ros.published["/revisit/place"])

        until(heard, "the first place")
        publisher.send({**LINE, "place": 5, "lost": True})
        publisher.send({"something": "else"})
        until(lambda: (node.run(), ros.warnings)[1], "the line that is none")
        raise KeyboardInterrupt

    ros = FakeRos(spin)
    for name, module in ros.modules.items():
        monkeypatch.setitem(sys.modules, name, module)  # type: ignore[arg-type]
    monkeypatch.setattr(sys, "argv", ["ros2_bridge.py", "--address", publisher.address])
    try:
        runpy.run_path(str(resource("examples/ros2_bridge.py")), run_name="__main__")
    finally:
        publisher.close()
    assert ros.published["/revisit/place"][0] == 3
    assert ros.published["/revisit/place"][-1] == -1
    assert ros.published["/revisit/confidence"][0] == 0.5
    assert json.loads(ros.published["/revisit/answer"][0]) == LINE
    assert len(ros.warnings) == 1


def test_a_run_publishes_its_answers(tmp_path: Path) -> None:
    model = make_model(tmp_path)
    source = ReplaySource(lambda: FakeReader(place_events(2, 0, 5), SENSOR, 997), factor=None)
    found, live = answers_of(source, model, publish="tcp://127.0.0.1:0")
    assert live.publisher is not None
    assert live.publisher.sent == len(found) > 10
    assert live.publisher.address.startswith("tcp://127.0.0.1:")
