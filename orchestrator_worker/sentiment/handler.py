"""observe_sentiment: one symbol in, what people say of it kept; at most once an hour, within its month of dollars."""

from orchestrator_worker.context import store
from orchestrator_worker.context.asking import ask_once
from orchestrator_worker.context.questions import Question
from orchestrator_worker.ending import Discard, Ending
from orchestrator_worker.resources import Resources
from orchestrator_worker.sources.candle_source import utc_now
from orchestrator_worker.sources.plan import SENTIMENT
from orchestrator_worker.sources.vendor import SourceUnavailable
from zmarty.messages import ObserveSentiment
from zmarty.queue import Delivery

# A question that failed is asked by a later message; repeating this one would pay for it again.
ATTEMPTS_MAX = 2


async def handle(delivery: Delivery[ObserveSentiment], resources: Resources) -> Ending:
    search, symbol = resources.vendors.xai_search, delivery.message.symbol
    if search is None:
        return Discard("sentiment is not switched on: SENTIMENT_ENABLED and XAI_API_KEY")
    question = Question(SENTIMENT, symbol)
    try:
        reading = await ask_once(resources.trading, question, lambda: search.sentiment(symbol), now=utc_now())
    except SourceUnavailable as error:
        return Discard(f"missing: {error.reason}")
    if reading is None:
        return Discard("not due, or another worker asks")
    await store.keep_answer(resources.trading, question, reading)
    async with delivery.completing(resources.trading):
        return None
