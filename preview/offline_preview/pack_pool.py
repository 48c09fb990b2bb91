"""The running packs: those that can be configured again serve several stacks and runs, the others one each."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from offline_preview.packs import Pack, PackSelection
from offline_preview.stack_config import StackConfig

if TYPE_CHECKING:
    from offline_preview.engine_service import EngineServer
    from offline_preview.pack_session import PackSession

ORGANIZATION = "organization"
"""The CLI's name of the organization with a self-managed backend."""

Preparation = tuple["PackSession", "Future[None]"]


class PackPool:
    """Processes of packs. ``close`` ends all of them, whatever they do."""

    def __init__(self, folder: Path | None, project: str, log: Callable[[str], None]) -> None:
        self._folder, self._project, self._log = folder, project, log
        self._engine: EngineServer | None = None
        self._idle: dict[Pack, list[PackSession]] = {}
        self._busy: dict[str, list[PackSession]] = {}

    def start(self, stack: str, config: StackConfig, packs: Sequence[PackSelection], workers: ThreadPoolExecutor) -> list[Preparation]:
        """The sessions of a stack, each with the future of its configuration: all are started before the first is waited for."""
        if not packs:
            return []
        # These import gRPC, which a preview without packs does not need, and for which the programs need not wait.
        from offline_preview.engine_service import EngineServer
        from offline_preview.pack_process import PackProcess, PackStack
        from offline_preview.pack_session import PackSession

        if self._engine is None:
            self._engine = EngineServer(self._log)
        about = PackStack(self._project, stack, ORGANIZATION, config, self._folder)
        sessions = self._busy[stack] = []
        for selection in packs:
            profile = selection.profile(stack)
            if (session := self._idle_one(selection.pack)) is not None:
                session.turn_to(about, profile)
            else:
                # In another thread, see `children.start`.
                process = workers.submit(PackProcess, selection.pack, about, self._engine.address).result()
                session = PackSession(process, about, profile)
            sessions.append(session)
        return [(session, workers.submit(session.prepare)) for session in sessions]

    def stop(self, stack: str, *, usable: bool) -> None:
        """Ends the processes of a stack that was judged; keeps those that can serve another stack, if they were ``usable`` to the end."""
        for session in self._busy.pop(stack, []):
            if usable and session.serves_many:
                self._idle.setdefault(session.pack, []).append(session)
            else:
                session.close()

    def _idle_one(self, pack: Pack) -> "PackSession | None":
        idle = self._idle.get(pack, [])
        while idle:
            session = idle.pop()
            if session.alive:
                return session
            # The system may have ended it for want of memory.
            session.close()
        return None

    def kill(self) -> None:
        """Ends the processes that serve a stack; what waits for them gets an error. May be called in any thread."""
        for sessions in list(self._busy.values()):
            for session in list(sessions):
                session.kill()

    def restart(self, packs: Iterable[Pack]) -> None:
        """Ends the idle processes of packs whose files have changed."""
        for pack in packs:
            for session in self._idle.pop(pack, []):
                session.close()

    def close(self) -> None:
        """Ends every process."""
        for sessions in (*self._busy.values(), *self._idle.values()):
            for session in sessions:
                session.close()
        self._busy.clear()
        self._idle.clear()
        if self._engine is not None:
            self._engine.stop()
            self._engine = None
