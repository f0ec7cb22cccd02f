"""Tells every few seconds how far a run is, whatever the output is: Schemathesis itself does so on a terminal alone."""

import threading
import time

import schemathesis
from schemathesis import cli
from schemathesis.engine import events

# Package schemathesis shows the lines that begin so at once, and keeps the others for the case that something is found.
MARK = "progress: "
EVERY_SECONDS = 5


class Counts:
    """What has been done of the present phase, in which each operation has its turn."""

    def __init__(self):
        self.lock = threading.Lock()
        self.phase, self.now = "beginning", ""
        self.operations = self.requests = self.of_now = 0
        self.done = set()

    def take(self, event):
        with self.lock:
            if isinstance(event, cli.LoadingFinished):
                self.operations = event.statistic.operations.selected
            elif isinstance(event, events.PhaseStarted):
                self.phase, self.now, self.done = event.phase.name.value, "", set()
            elif isinstance(event, events.ScenarioStarted):
                self.now, self.of_now = event.label or "", 0
            elif isinstance(event, events.ScenarioFinished):
                self.done.add(event.label)  # an operation may have its turn again, to see a failure once more

    def called(self):
        with self.lock:
            self.requests += 1
            self.of_now += 1

    def line(self, seconds):
        with self.lock:
            now = f", now {self.now} with {self.of_now:,} requests" if self.now else ""
            done = f"{len(self.done)} of {self.operations} operations done"
            return f"{MARK}{self.phase}: {done}{now}; {self.requests:,} requests in {seconds:.0f} s"


counts = Counts()


@schemathesis.hook
def after_call(_context, _case, _response):
    counts.called()


@cli.handler()
class Progress(cli.EventHandler):
    def __init__(self, *args, **params):
        self.began, self.ended = time.monotonic(), threading.Event()
        self.teller = threading.Thread(target=self.tell, daemon=True)

    def start(self, ctx):
        self.teller.start()

    def tell(self):
        while not self.ended.wait(EVERY_SECONDS):
            print(counts.line(time.monotonic() - self.began), flush=True)

    def handle_event(self, ctx, event):
        counts.take(event)

    def shutdown(self, ctx):
        self.ended.set()
        self.teller.join()
