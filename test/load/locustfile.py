"""Users who send one reading, wait 1 to 3 s and send the next: the load of `make load`, for those who use Locust.

    make locust USERS=1000 URL=http://127.0.0.1:8080 TOKEN=...

The users begin as those of `make load` do, 500 of them a second and over 5 s at least, and go on for DURATION. `make locust` judges what is
wanted, and finds a token where none is given. By itself this file needs a TOKEN, and takes USERS and a DURATION in seconds, such as 60s:

    TOKEN=... USERS=1000 DURATION=60s locust --locustfile test/load/locustfile.py --headless --host https://api.example.com

Two things differ from `make load`. A user of Locust waits after the answer has come, so that a slow service is sent less, and its latency
counts from the sending. And Locust takes much more of the processors: where it shares them with the service, its latencies are its own
as well.
"""

import os
import re
import sys
import time

from locust import FastHttpUser, LoadTestShape, between, events, task
from locust.runners import WorkerRunner



def number(name: str, otherwise: str, form: str, wanted: str) -> float:
    """A number of the environment, of which the form has the digits as its group."""
    text = os.environ.get(name) or otherwise
    found = re.fullmatch(form, text)
    if not found or float(found[1]) <= 0:
        sys.exit(f"locustfile: {name} must be {wanted}, got {text!r}")
    return float(found[1])


USERS = int(number("USERS", "1000", r"(\d+)", "a number of users such as 1000"))
DURATION = number("DURATION", "60s", r"(\d+(?:\.\d+)?)s", "a number of seconds such as 60s")
TOKEN = os.environ.get("TOKEN", "")
if not TOKEN:
    sys.exit("locustfile: TOKEN must be an access token of the service; make locust finds one for the local system")
RAMP = max(USERS / 500, 5.0)
# What requests are counted as; the first is the path too.
STORED, FAILED = "/sensor-data", "/sensor-data (failed)"


class Sender(FastHttpUser):
    """A user has a client of its own, and with it a connection of its own."""

    wait_time = between(1, 3)
    connection_timeout = network_timeout = 30.0
    count = 0

    def on_start(self) -> None:
        Sender.count += 1
        # Several processes may share the users, each with a count of its own.
        self.equipment = f"locust-{int(time.time()):x}-{os.getpid()}-{Sender.count:06d}"
        self.sent = 0

    @task
    def send_reading(self) -> None:
        nanoseconds = time.time_ns()
        seconds, rest = divmod(nanoseconds, 10**9)
        timestamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{rest:09d}Z"
        self.sent += 1
        with self.client.post(
            STORED,
            data=f'{{"equipmentId":"{self.equipment}","timestamp":"{timestamp}","value":{self.sent % 100}.25}}',
            headers={"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"},
            catch_response=True,
        ) as answer:
            if answer.status_code != 201:
                answer.failure(f"status {answer.status_code}" if answer.status_code else "no answer")
                answer.request_meta["name"] = FAILED  # so that its time counts among no latencies


class Shape(LoadTestShape):
    """As `make load`: a ramp, then all users for the measured time. What came in the ramp is not counted."""

    measured = False

    def tick(self) -> tuple[int, float] | None:
        elapsed = self.get_run_time()
        if elapsed > RAMP + DURATION:
            return None
        if elapsed > RAMP and not self.measured:
            self.measured = True
            if self.runner:
                self.runner.stats.reset_all()
        return USERS, USERS / RAMP


@events.quitting.add_listener
def print_figures(environment, **_kwargs) -> None:
    """The figures for programs, one "name value unit" a line."""
    if isinstance(environment.runner, WorkerRunner):
        return  # its numbers are with the master
    stored = environment.stats.get(STORED, "POST")
    print(f"locust_failed {environment.stats.total.num_failures} requests")
    print(f"locust_rps {stored.num_requests / DURATION:.1f} requests/s")
    if stored.num_requests == 0:
        print("locustfile: nothing was stored: the service did not answer, or refused everything", file=sys.stderr)
        environment.process_exit_code = 1
        return
    print(f"locust_p50_ms {stored.get_response_time_percentile(0.5):.0f} ms")
    print(f"locust_p99_ms {stored.get_response_time_percentile(0.99):.0f} ms")
