"""Works off SQS queues by priority: higher ones first, with a share of the work kept for the lower ones.

A process on a server runs one poller until it is terminated::

    from cloudpatterns_runtime.priority import PriorityPoller

    def handle(message):
        convert(json.loads(message.body))

    poller = PriorityPoller(boto3.client("sqs"), [URGENT_URL, NORMAL_URL, BULK_URL], handle, workers=8)
    poller.stop_on_signals()
    poller.run()

A message is deleted when the handler returns; when it raises, the message is left to its queue, which shows it again and moves it to its
dead-letter queue in the end. SQS delivers at least once: handlers are idempotent.

Sources: Cloud Design Patterns for AWS, "Priority Queue"; Amazon SQS Developer Guide, visibility timeout
(https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html) and long polling
(https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-short-and-long-polling.html).
"""

import contextlib
import logging
import queue
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Message", "PriorityPoller", "Turns"]

_LOG = logging.getLogger(__name__)

_BATCH = 10
"""Messages that one request to SQS receives, deletes or changes at most."""
_LOWER_WAIT_SECONDS = 1
"""Of a long poll on a lower queue while all are empty: from 1 on, SQS asks all of its servers."""
_DELETE_ATTEMPTS = 5
_BASE_SECONDS, _CAP_SECONDS = 0.2, 20.0
"""Of the waits after errors."""
_MOST_SECONDS = 43_200
"""For which SQS hides a received message at most, extensions included."""

# The operating system's numbers, as in `retry`.
_uniform = random.SystemRandom().uniform


@dataclass(frozen=True, slots=True)
class Message:
    """A message, as the handler gets it."""

    queue_url: str
    """The queue that it was received from."""
    id: str
    """The id that SQS gave it."""
    body: str = field(repr=False)
    """Its text."""
    attributes: Mapping[str, str] = field(repr=False)
    """What SQS says of it, such as ``ApproximateReceiveCount``."""
    message_attributes: Mapping[str, Any] = field(repr=False)
    """What its sender attached, as SQS has it."""
    receipt_handle: str = field(repr=False)
    """Names this receipt of it in requests to SQS."""


class Turns:
    """Whose turn it is: higher queues first, and of every ``share_every`` receives one for each lower queue that has messages.

    A receive is one that returned messages. Queues are numbers, 0 the highest. A lower queue comes first when so many receives have gone
    to others that only the other lower queues can still come between: so it waits for ``share_every - 1`` receives of others at most. The
    highest queue waits for one receive of each lower queue at most, if ``share_every`` is twice the number of lower queues or more.
    """

    def __init__(self, queues: int, share_every: int) -> None:
        self._since = [0] * queues
        self._overdue = share_every - queues + 1

    def order(self) -> list[int]:
        """The queues in the order to try them, until one has messages."""
        lower = range(1, len(self._since))
        overdue = sorted((queue for queue in lower if self._since[queue] >= self._overdue), key=lambda queue: -self._since[queue])
        return [*overdue, *(queue for queue in range(len(self._since)) if queue not in overdue)]

    def received(self, queue: int) -> None:
        """A queue was tried and had messages."""
        self._since = [0 if other == queue else since + 1 for other, since in enumerate(self._since)]

    def empty(self, queue: int) -> None:
        """A queue was tried and had none."""
        self._since[queue] = 0


@dataclass(eq=False, slots=True)
class _Held:
    """A message from its receipt until it is deleted, given up or returned."""

    message: Message
    received: float
    kept: bool = True
    """Whether the heartbeat still extends its visibility."""


@dataclass(slots=True, kw_only=True, eq=False)
class PriorityPoller:
    """Receives from queues by priority and calls a handler for each message on threads; ``run`` ends after ``stop``.

    It receives only as many messages as there are idle threads. While all queues are empty it waits ``wait_seconds`` at the highest one
    and a second at each lower one: 3,600 * queues / (wait_seconds + queues - 1) requests an hour, 343 for two queues, and one that
    arrives in the highest queue then waits for a second for each lower queue at most.

    :raises ValueError: with every value that cannot be used, what is allowed, and what to give instead.
    """

    sqs: Any
    """A boto3 client of SQS, for this poller alone. Its read timeout is longer than ``wait_seconds``."""
    queue_urls: Sequence[str]
    """URLs of the queues, the highest priority first; standard queues."""
    handler: Callable[[Message], object]
    """What is called for each message, on several threads at once. Whatever it raises leaves the message to its queue."""
    workers: int = 4
    """Threads that call the handler, 1 to 1,000. Default: 4."""
    share_every: int = 10
    """Among so many receives at least one is for each lower queue that has messages. At least twice the lower queues. Default: 10."""
    visibility_seconds: int = 60
    """For how long SQS hides a message from others; extended at each quarter of it while the handler runs. 1 to 43,200. Default: 60."""
    most_seconds: float = 3600
    """After its receipt a message is not hidden for longer than this, even if its handler still runs. Default: 3,600; at most 43,200."""
    wait_seconds: int = 20
    """How long a request waits for messages in the highest queue when all are empty, 1 to 20. Default: 20."""
    stop_seconds: float = 25
    """How long handlers may run on after ``stop``; then their messages are returned. From ``wait_seconds`` on. Default: 25."""
    clock: Callable[[], float] = field(default=time.monotonic, repr=False)
    """Seconds that never go back. Default: ``time.monotonic``; tests give another."""
    uniform: Callable[[float, float], float] = field(default=_uniform, repr=False)
    """A random number between two, for waits after errors. Default: from the operating system; tests give another."""

    _stopping: threading.Event = field(init=False, repr=False, default_factory=threading.Event)
    _ended: threading.Event = field(init=False, repr=False, default_factory=threading.Event)
    _state: threading.Condition = field(init=False, repr=False, default_factory=threading.Condition)
    """Guards what follows."""
    _held: dict[str, _Held] = field(init=False, repr=False, default_factory=dict)
    """By receipt handle."""
    _idle: int = field(init=False, repr=False, default=0)
    """Threads that wait for a message."""
    _stop_by: float = field(init=False, repr=False, default=0.0)
    _running: bool = field(init=False, repr=False, default=False)
    _jobs: "queue.SimpleQueue[_Held | None]" = field(init=False, repr=False, default_factory=queue.SimpleQueue)
    _done: "queue.Queue[_Held | None]" = field(init=False, repr=False, default_factory=lambda: queue.Queue(maxsize=10 * _BATCH))
    """Bounded: while SQS deletes nothing, threads wait here and nothing more is received."""
    _errors: dict[int, tuple[int, float]] = field(init=False, repr=False, default_factory=dict)
    """Of a queue that answers with errors: how many in a row, and when it is tried again."""
    _turns: Turns = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Checks the values."""
        if problems := list(_problems(self)):
            raise ValueError("".join(["PriorityPoller cannot be created:", *(f"\n  {problem}" for problem in problems)]))
        self._turns = Turns(len(self.queue_urls), self.share_every)

    def run(self) -> None:
        """Polls until ``stop``; then waits for the handlers that run. Once only.

        :raises RuntimeError: when it is called again.
        """
        with self._state:
            if self._running:
                raise RuntimeError("PriorityPoller.run was called before. Create another poller.")
            self._running = True
            self._idle = self.workers
        # Daemons: a handler that hangs does not keep the process from its end.
        for work in [*[self._work] * self.workers, self._beat, self._delete]:
            threading.Thread(target=work, name=f"priority-poller{work.__name__}", daemon=True).start()
        try:
            empty = False
            while self._wait_for_an_idle_thread():
                empty = not self._sweep(empty)
        finally:
            self._shut_down()

    def stop(self) -> None:
        """Ends ``run``: nothing more is received, messages that still arrive are returned. From any thread, any number of times."""
        with self._state:
            self._stop_by = self._stop_by or self.clock() + self.stop_seconds
            self._stopping.set()
            self._state.notify_all()

    def stop_on_signals(self, *signals: int) -> None:
        """Calls ``stop`` when the process gets a signal. Default: SIGTERM and SIGINT. To be called in the main thread."""
        for number in signals or (signal.SIGTERM, signal.SIGINT):
            # On a thread: the handler of a signal may interrupt the holder of a lock that `stop` takes.
            signal.signal(number, lambda *_: threading.Thread(target=self.stop, name="priority-poller-stop").start())

    # Receiving, on the thread of `run`.

    def _wait_for_an_idle_thread(self) -> bool:
        """Whether there is one; False when the poller stops."""
        with self._state:
            self._state.wait_for(lambda: self._idle > 0 or self._stopping.is_set())
        return not self._stopping.is_set()

    def _sweep(self, all_were_empty: bool) -> bool:
        """Tries the queues in their order until one has messages, which are handed to the threads; whether one had."""
        tried = False
        for number in self._turns.order():
            if self._stopping.is_set():
                return False
            if self._errors.get(number, (0, 0.0))[1] > self.clock():
                continue
            tried = True
            wait = (_LOWER_WAIT_SECONDS if number else self.wait_seconds) if all_were_empty else 0
            messages = self._receive(number, wait)
            if messages is None:
                continue
            if messages:
                self._turns.received(number)
                self._take(messages)
                return True
            self._turns.empty(number)
        if not tried:
            self._stopping.wait(max(min(again for _, again in self._errors.values()) - self.clock(), 0))
        return False

    def _receive(self, number: int, wait: int) -> list[Message] | None:
        """What a queue has for the idle threads; None after an error, which keeps the queue from being tried for a while."""
        url = self.queue_urls[number]
        try:
            response = self.sqs.receive_message(
                QueueUrl=url,
                MaxNumberOfMessages=min(self._idle, _BATCH),
                WaitTimeSeconds=wait,
                VisibilityTimeout=self.visibility_seconds,
                MessageSystemAttributeNames=["All"],
                MessageAttributeNames=["All"],
            )
        except Exception as error:
            count = self._errors.get(number, (0, 0.0))[0]
            delay = self.uniform(0, min(_CAP_SECONDS, _BASE_SECONDS * 2 ** min(count, 10)))
            self._errors[number] = (count + 1, self.clock() + delay)
            _LOG.warning("%s: nothing was received, %d errors in a row, again in %.1f s: %s", url, count + 1, delay, error)
            return None
        self._errors.pop(number, None)
        return [_message(url, received) for received in response.get("Messages", [])]

    def _take(self, messages: Sequence[Message]) -> None:
        """Hands messages to the threads; those that arrive after `stop` are returned."""
        held = [_Held(message, self.clock()) for message in messages]
        if self._stopping.is_set():
            self._return(held)
            return
        with self._state:
            self._idle -= len(held)
            self._held.update((one.message.receipt_handle, one) for one in held)
        for one in held:
            self._jobs.put(one)

    # Handling, on the threads.

    def _work(self) -> None:
        while (held := self._jobs.get()) is not None:
            try:
                self.handler(held.message)
            except BaseException:
                self._forget(held)
                _LOG.exception("message %s of %s failed, and is left to its queue", held.message.id, held.message.queue_url)
            else:
                # What was returned meanwhile is not deleted: somebody else has it by now.
                if held.message.receipt_handle in self._held:
                    self._done.put(held)
            with self._state:
                self._idle += 1
                self._state.notify_all()

    def _forget(self, held: _Held) -> None:
        """Ends the heartbeat of a message."""
        with self._state:
            self._held.pop(held.message.receipt_handle, None)
            self._state.notify_all()

    # Deleting, on a thread of its own: what was done while the request before ran goes into one batch.

    def _delete(self) -> None:
        last = False
        while not last:
            done = [self._done.get()]
            while len(done) < _BATCH and not self._done.empty():
                done.append(self._done.get())
            last = None in done
            batch = [held for held in done if held]
            for url in dict.fromkeys(held.message.queue_url for held in batch):
                self._delete_batch(url, [held for held in batch if held.message.queue_url == url])

    def _delete_batch(self, url: str, pending: Sequence[_Held]) -> None:
        for attempt in range(_DELETE_ATTEMPTS):
            if attempt:
                time.sleep(self.uniform(0, min(_CAP_SECONDS, _BASE_SECONDS * 2**attempt)))
            entries = [{"Id": str(index), "ReceiptHandle": held.message.receipt_handle} for index, held in enumerate(pending)]
            try:
                response = self.sqs.delete_message_batch(QueueUrl=url, Entries=entries)
            except Exception as error:
                _LOG.warning("%s: %d messages were not deleted: %s", url, len(pending), error)
                continue
            failed = {entry["Id"]: entry for entry in response.get("Failed", [])}
            again = []
            for index, held in enumerate(pending):
                entry = failed.get(str(index))
                if entry and not entry["SenderFault"]:
                    again.append(held)
                    continue
                if entry:
                    _LOG.warning("message %s of %s was not deleted: %s", held.message.id, url, entry["Code"])
                self._forget(held)
            if not again:
                return
            pending = again
        for held in pending:
            _LOG.error("message %s of %s was handled and not deleted: it will be received again", held.message.id, url)
            self._forget(held)

    # Keeping messages hidden, on a thread of its own.

    def _beat(self) -> None:
        # The third request after one that succeeded still comes before the visibility ends.
        while not self._ended.wait(self.visibility_seconds / 4):
            with self._state:
                kept = [held for held in self._held.values() if held.kept]
            for held in kept:
                if self.clock() - held.received + self.visibility_seconds > self.most_seconds:
                    held.kept = False
                    _LOG.error("message %s of %s is not hidden any longer: its handler runs on", held.message.id, held.message.queue_url)
            self._change_visibility([held for held in kept if held.kept], self.visibility_seconds)

    def _return(self, messages: Sequence[_Held]) -> None:
        """Shows messages to others at once."""
        self._change_visibility(messages, 0)

    def _change_visibility(self, messages: Sequence[_Held], seconds: int) -> None:
        for url in dict.fromkeys(held.message.queue_url for held in messages):
            handles = [held.message.receipt_handle for held in messages if held.message.queue_url == url]
            for start in range(0, len(handles), _BATCH):
                entries = [
                    {"Id": str(index), "ReceiptHandle": handle, "VisibilityTimeout": seconds}
                    for index, handle in enumerate(handles[start : start + _BATCH])
                ]
                try:
                    failed = self.sqs.change_message_visibility_batch(QueueUrl=url, Entries=entries).get("Failed", [])
                except Exception as error:
                    _LOG.warning("%s: the visibility of %d messages was not changed: %s", url, len(entries), error)
                    continue
                for entry in failed:
                    _LOG.warning("%s: the visibility of a message was not changed: %s", url, entry["Code"])

    def _shut_down(self) -> None:
        """Waits for what runs, returns what does not end, and ends the threads."""
        # Also after an interrupt, which has not called `stop`.
        self.stop()
        with self._state:
            self._state.wait_for(lambda: not self._held, max(self._stop_by - self.clock(), 0))
            left = list(self._held.values())
            self._held.clear()
        self._ended.set()
        if left:
            _LOG.warning("%d messages were not done in %.0f s, and are returned to their queues", len(left), self.stop_seconds)
            self._return(left)
        for _ in range(self.workers):
            self._jobs.put(None)
        # It is full only while the thread that deletes hangs, which then does not keep the process from its end.
        with contextlib.suppress(queue.Full):
            self._done.put_nowait(None)


def _message(url: str, received: Mapping[str, Any]) -> Message:
    return Message(
        url,
        received["MessageId"],
        received["Body"],
        received.get("Attributes", {}),
        received.get("MessageAttributes", {}),
        received["ReceiptHandle"],
    )


def _problems(poller: PriorityPoller) -> Iterator[str]:
    queues = len(poller.queue_urls)
    if isinstance(poller.queue_urls, str) or not queues:
        yield f"queue_urls is {poller.queue_urls!r}; a list of URLs is allowed. Give the highest priority first."
        return
    if len(set(poller.queue_urls)) < queues:
        yield "queue_urls has a queue more than once. Give each queue one priority."
    if fifo := [url for url in poller.queue_urls if url.endswith(".fifo")]:
        yield f"queue_urls has {', '.join(fifo)}; standard queues are allowed, threads would break the order. Use a standard queue."
    limits = {
        "workers": (1, 1_000),
        "share_every": (max(2 * (queues - 1), 1), 1_000_000),
        "visibility_seconds": (1, _MOST_SECONDS),
        "most_seconds": (1, _MOST_SECONDS),
        "wait_seconds": (1, 20),
        "stop_seconds": (1, _MOST_SECONDS),
    }
    wrong = False
    for name, (least, most) in limits.items():
        value = getattr(poller, name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
            wrong = True
            yield f"{name} is {value!r}; {least:,} to {most:,} are allowed."
    for name, other in (("most_seconds", "visibility_seconds"), ("stop_seconds", "wait_seconds")):
        if not wrong and getattr(poller, name) < getattr(poller, other):
            yield f"{name} is {getattr(poller, name):,}, less than {other}, {getattr(poller, other):,}. Raise it, or lower {other}."
