#!/usr/bin/env python3
"""Places from Revisit as ROS 2 messages.

Needs rclpy (with std_msgs, part of every ROS 2) and pyzmq; nothing of Revisit. Run Revisit with places published:

    revisit-cli deploy --model M.pth --source camera --publish tcp://127.0.0.1:7780

and then, in a shell with ROS 2 set up:

    python3 ros2_bridge.py --address tcp://127.0.0.1:7780

Topics (names can be remapped as usual):

    /revisit/place        std_msgs/Int32     the place, from 0; -1 while lost
    /revisit/confidence   std_msgs/Float32   0 to 1
    /revisit/answer       std_msgs/String    the whole line of JSON
"""

import argparse
import json
import sys

import rclpy
import zmq
from rclpy.node import Node
from std_msgs.msg import Float32, Int32, String

LOST = -1


class RevisitBridge(Node):
    """Publishes each line that Revisit sends."""

    def __init__(self, address):
        super().__init__("revisit_bridge")
        self._place = self.create_publisher(Int32, "/revisit/place", 10)
        self._confidence = self.create_publisher(Float32, "/revisit/confidence", 10)
        self._answer = self.create_publisher(String, "/revisit/answer", 10)
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.SUB)
        self._socket.setsockopt(zmq.SUBSCRIBE, b"")
        self._socket.setsockopt(zmq.RCVHWM, 100)
        self._socket.connect(address)
        # Revisit answers ten times a second; looking a hundred times adds 10 ms at most.
        self._timer = self.create_timer(0.01, self.forward)
        self.get_logger().info(f"Waiting for places at {address}")

    def forward(self):
        """Publish what has come since the last look."""
        while True:
            try:
                line = self._socket.recv(zmq.NOBLOCK).decode()
            except zmq.Again:
                return
            try:
                answer = json.loads(line)
                place, confidence, lost = int(answer["place"]), float(answer["confidence"]), bool(answer["lost"])
            except (ValueError, KeyError, TypeError) as error:
                self.get_logger().warning(f"Passed over a line that is not Revisit's ({error})")
                continue
            self._place.publish(Int32(data=LOST if lost else place))
            self._confidence.publish(Float32(data=confidence))
            self._answer.publish(String(data=line))

    def close(self):
        """Give the socket back."""
        self._socket.close(0)
        self._context.term()


def main():
    """Run until Ctrl-C."""
    parser = argparse.ArgumentParser(description="Places from Revisit as ROS 2 messages.")
    parser.add_argument("--address", default="tcp://127.0.0.1:7780", help="where Revisit publishes (its --publish)")
    arguments, ros = parser.parse_known_args()
    rclpy.init(args=[sys.argv[0], *ros])
    bridge = RevisitBridge(arguments.address)
    try:
        rclpy.spin(bridge)
    except KeyboardInterrupt:
        pass
    finally:
        bridge.close()
        bridge.destroy_node()
        rclpy.try_shutdown()


if __name__ == "__main__":
    main()
