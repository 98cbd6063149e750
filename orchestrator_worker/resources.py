"""What handlers reach the world through: both databases and the vendors. Passed, never imported as a global."""

from dataclasses import dataclass

from orchestrator_worker.sources.vendors import Vendors
from zmarty.postgres import Pool


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    chat: Pool
    trading: Pool
    vendors: Vendors
