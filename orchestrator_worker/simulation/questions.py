"""What a spec asks for, in the terms of the replay. Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from pydantic import TypeAdapter

from orchestrator_worker.intelligence.patterns import walk as patterns_of
from orchestrator_worker.simulation.replay import Terms
from orchestrator_worker.simulation.simulate import Question
from orchestrator_worker.simulation.strategies import Filters, Patterns, Signals, SmaCross, Strategy
from zmarty.errors import FieldInvalid
from zmarty.specs import PatternRule, Rule, SignalsRule, SmaCrossRule, Trading

_RULE: Final[TypeAdapter[SignalsRule | SmaCrossRule | PatternRule]] = TypeAdapter(Rule)


def strategy_of(rule: SignalsRule | SmaCrossRule | PatternRule | Mapping[str, Any] | str) -> Strategy:
    """The strategy that a rule names. Raises pydantic's ValidationError for a rule that is none."""
    match _RULE.validate_python(rule):
        case SmaCrossRule(fast=fast, slow=slow, stop=stop, target=target):
            return SmaCross(fast=fast, slow=slow, stop=stop, target=target)
        case PatternRule(pattern=pattern):
            if pattern == "liquidation_cluster":
                raise FieldInvalid(
                    "pattern", "liquidation_cluster needs the maps of its time; a replay has candles only"
                )
            return Patterns(detect=patterns_of, pattern=pattern)
        case _:
            return Signals()


def question_of(
    rule: SignalsRule | SmaCrossRule | PatternRule | Strategy, trading: Trading, since: datetime
) -> Question:
    strategy = strategy_of(rule) if isinstance(rule, SignalsRule | SmaCrossRule | PatternRule) else rule
    return Question(
        strategy=strategy,
        filters=Filters(
            direction=trading.direction,
            verdict=trading.verdict,
            confidence_min=trading.confidence_min,
            entry_rule=trading.entry_rule,
        ),
        terms=Terms(
            fee=trading.fee,
            slippage=trading.slippage,
            positions_max=trading.positions_max,
            sizing=trading.sizing,
            fraction=trading.fraction,
            exposure_max=trading.exposure_max,
            equity_start=trading.equity,
        ),
        since=since,
        draws=trading.draws,
        seed=trading.seed,
    )
