"""What the process holds open while it serves: made once at the start, passed to whoever needs it, closed at the end."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

# Features import this module for its type; importing them back at run time would be a circle.
if TYPE_CHECKING:
    import httpx

    from orchestrator_api.auth.keys import KeyCache
    from orchestrator_api.background import Background
    from orchestrator_api.chat.recording import Recorder
    from orchestrator_api.events.live import Live
    from orchestrator_api.health.checkup import Checkup
    from orchestrator_api.health.probes import Probes
    from orchestrator_api.health.traffic import Traffic
    from orchestrator_api.jobs.waiting import Waiting
    from orchestrator_api.limits.calls import CallLimits
    from orchestrator_api.model_router.router import Router
    from orchestrator_api.voice.voice import Voice
    from zmarty.postgres import Pool


@dataclass(frozen=True, slots=True)
class PublicConfig:
    """What a browser may know before anybody has signed in. Served as /config.json."""

    supabase_url: str
    publishable_key: str
    api_url: str


@dataclass(frozen=True, slots=True)
class Resources:
    """Found in every route as `request.state.resources`."""

    chat: Pool
    trading: Pool
    keys: KeyCache
    http: httpx.AsyncClient
    router: Router
    background: Background
    recorder: Recorder
    live: Live
    waiting: Waiting
    probes: Probes
    checkup: Checkup
    traffic: Traffic
    limits: CallLimits
    public: PublicConfig
    commit: str
    # What has to be said of every number of the market; empty where the market is the real one.
    market_note: str = ""
    # Whoever holds one of these may post liquidation maps; empty: nobody may.
    clusters_secrets: tuple[str, ...] = ()
    # None: not everything that voice needs is configured.
    voice: Voice | None = None
    # Where `npm run build` left the web app; without it a start page is shown.
    web_dist: Path = Path("web/dist")
